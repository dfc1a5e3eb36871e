"""Errors as sentences."""

import gradio as gr
import pytest

from threedsl.errors import InputError
from threedsl.ui.errors import in_words


def test_input_errors_become_the_same_sentence():
    @in_words
    def refuse():
        raise InputError("The photo is empty.")

    with pytest.raises(gr.Error) as error:
        refuse()
    assert error.value.message == "The photo is empty." and not error.value.print_exception


def test_defects_show_nothing_of_the_inside(caplog):
    @in_words
    def fail():
        raise KeyError("/secret/path")

    with pytest.raises(gr.Error) as error:
        fail()
    assert "secret" not in error.value.message and "try another photo" in error.value.message
    assert "/secret/path" in caplog.text
