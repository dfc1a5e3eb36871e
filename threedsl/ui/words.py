"""Errors as sentences: what a visitor or a caller of the API reads instead of a traceback."""

import functools
import inspect
import logging
import re
from collections.abc import Callable

import gradio as gr

from threedsl.errors import InputError

log = logging.getLogger(__name__)


def in_words(function: Callable) -> Callable:
    """Turn InputError into gr.Error with the same sentence, and any defect into a sentence that hides its insides."""

    @functools.wraps(function)
    def told(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except gr.Error:
            raise
        except Exception as error:
            log.exception("%s failed", function.__name__)
            sentence = "Something went wrong here and was written to the log; please try another photo."
            raise gr.Error(sentence, print_exception=False) from error

    told.__doc__ = unfolded(function.__doc__ or "")
    return told


def unfolded(docstring: str) -> str:
    """The docstring with each parameter's description on one line, and what is returned on one: Gradio, which makes the
    API's schema and the descriptions of MCP's tools of it, reads no further than the line's end."""
    text, head, returned = inspect.cleandoc(docstring).partition("\nReturns:\n")
    text = re.sub(r"\n {8,}", " ", text)
    return text + head + ("    " + " ".join(returned.split()) if head else "")
