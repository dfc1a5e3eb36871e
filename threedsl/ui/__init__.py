"""The Gradio page: one file per tab, and the plain functions behind it."""
