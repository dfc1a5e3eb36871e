"""Errors as sentences: what a visitor or an API client reads instead of a traceback."""

import errno
import functools
import logging
from collections.abc import Callable

import gradio as gr

from threedsl.errors import InputError

DISK_FULL = "The server's disk is full; try again later."

log = logging.getLogger(__name__)


def in_words(function: Callable) -> Callable:
    """Turn InputError into gr.Error with the same sentence, any other exception into one that hides internals."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except gr.Error:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise gr.Error(DISK_FULL, print_exception=False) from None
            log.exception("%s failed", function.__name__)
            sentence = "Something went wrong; the details are in the server's log. Please try another photo."
            raise gr.Error(sentence, print_exception=False) from error

    return wrapper
