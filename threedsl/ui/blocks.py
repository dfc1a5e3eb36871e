"""gr.Blocks whose endpoints may gain parameters without breaking those who call them over plain HTTP."""

from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction


class Page(gr.Blocks):
    """gr.Blocks where a plain HTTP call may leave out an endpoint's last arguments, as one of gradio_client may."""

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        """Complete `inputs` with the values of the components that the caller gave nothing for."""
        inputs += [component.value for component in block_fn.inputs[len(inputs) :]]
        super().validate_inputs(block_fn, inputs)
