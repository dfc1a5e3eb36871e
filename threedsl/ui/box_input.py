"""The API's `box`: JSON whose schema says what it holds."""

import gradio as gr

NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def box_input(label: str = "box") -> gr.JSON:
    """A JSON input for [x0, y0, x1, y1] or nothing.

    gr.JSON declares "type": {}, which is no JSON schema: MCP refuses every call of a tool that has one. A subclass
    would make Gradio write a .pyi file beside this one.
    """
    box = gr.JSON(label=label, visible=False)
    box.api_info = lambda: {"anyOf": [NUMBERS, {"type": "null"}]}
    return box
