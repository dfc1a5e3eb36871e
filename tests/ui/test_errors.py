"""Errors as sentences."""

import errno

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


def test_a_place_of_the_servers_own_is_not_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    @in_words
    def write(reason: int):
        try:
            raise OSError(reason, "reason")
        except OSError:
            raise InputError(f"{tmp_path}/bodies/a.glb cannot be written (reason).") from None

    for reason, words in ((errno.ENOSPC, "disk is full"), (errno.ENOENT, "could not write")):
        with pytest.raises(gr.Error, match=words) as error:
            write(reason)
        assert str(tmp_path) not in error.value.message
    assert str(tmp_path) in caplog.text


def test_a_file_that_went_with_its_visit_is_no_defect(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))

    @in_words
    def read(folder: str):
        (tmp_path / folder / "photo.jpg").read_bytes()

    with pytest.raises(gr.Error, match="have expired; please upload"):
        read("uploads")
    assert "failed" not in caplog.text
    with pytest.raises(gr.Error, match="went wrong"):
        read("elsewhere")
    assert "read failed" in caplog.text


def test_names_in_a_sentence_are_no_html():
    """Gradio takes scripts out of what it shows, but leaves links, headings and pictures."""

    @in_words
    def refuse():
        raise InputError('<a href="https://evil.example"><h1>Log in</h1></a>.jpg is damaged.')

    with pytest.raises(gr.Error, match=r"Log in.*is damaged") as error:
        refuse()
    assert not {"<", ">"} & set(error.value.message)
