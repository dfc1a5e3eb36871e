"""Errors as sentences: what a visitor or an API client reads instead of a traceback."""

import errno
import functools
import logging
from collections.abc import Callable

import gradio as gr
from gradio.utils import get_upload_folder

from threedsl.errors import InputError
from threedsl.ui.security.written import clearing

DISK_FULL = "The server's disk is full; try again later."
NOT_WRITTEN = "The server could not write a file; try again."
EXPIRED = "This visit has ended, or its files have expired; please upload the photo again."

NO_TAGS = str.maketrans("<>", "‹›")  # Gradio shows a sentence as HTML, and names in it are strangers' words
FULL = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


def in_words(function: Callable) -> Callable:
    """Turn InputError into gr.Error with the same sentence, any other exception into one that hides internals."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            with clearing():
                return function(*args, **kwargs)
        except InputError as error:
            raise gr.Error(_without_places(error).translate(NO_TAGS), print_exception=False) from None
        except gr.Error:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise gr.Error(DISK_FULL, print_exception=False) from None
            if isinstance(error, FileNotFoundError) and get_upload_folder() in str(error.filename):
                # The visit ended, with all its files, while this ran.
                log.info("a visit's file is gone: %r", error)
                raise gr.Error(EXPIRED, print_exception=False) from None
            log.exception("%s failed", function.__name__)
            sentence = "Something went wrong; the details are in the server's log. Please try another photo."
            raise gr.Error(sentence, print_exception=False) from error

    return wrapper


def _without_places(error: InputError) -> str:
    """The sentence, unless it names a place of the server's own, where no visitor can do anything about it."""
    if get_upload_folder() not in str(error):
        return str(error)
    log.warning("a file was not written: %r", error)
    cause = error.__context__
    return DISK_FULL if isinstance(cause, OSError) and cause.errno in FULL else NOT_WRITTEN
