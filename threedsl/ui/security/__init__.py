"""What keeps visitors apart from each other and from the server's disk: one check before every handler.

Nothing in here knows what the page does. `guard` runs before Gradio, `payload` before every event and endpoint.
"""
