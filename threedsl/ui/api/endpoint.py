"""A function as an endpoint of the API: errors as sentences, and a docstring that Gradio can read."""

import inspect
import re
from collections.abc import Callable

from threedsl.ui.errors import in_words


def endpoint(function: Callable) -> Callable:
    """`in_words`, with the docstring unfolded."""
    wrapper = in_words(function)
    wrapper.__doc__ = unfolded(function.__doc__ or "")
    return wrapper


def unfolded(docstring: str) -> str:
    """The docstring with each parameter's description on one line, and what is returned on one: Gradio, which makes the
    API's schema and the descriptions of MCP's tools of it, reads no further than the line's end."""
    text, head, returned = inspect.cleandoc(docstring).partition("\nReturns:\n")
    text = re.sub(r"\n {8,}", " ", text)
    return text + head + ("    " + " ".join(returned.split()) if head else "")
