"""Sentences of errors stay sentences, whatever input they quote."""

import time

import pytest

from threedsl.errors import LONGEST_SENTENCE, LONGEST_WORD, InputError
from threedsl.people.given import check_boxes
from threedsl.ui.search.photo import check_box

LONG = {
    "number": "9" * 400,
    "negative": f"box {[-(10**400), 0, 1, 1]}",
    "word": "x" * 5000,
    "words": "abc " * 5000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_what_is_quoted_is_bounded(text):
    told = str(InputError(f"{text} is no number; give one."))
    assert len(told) <= LONGEST_SENTENCE + 1 and max(map(len, told.split())) <= LONGEST_WORD + 1
    assert told.endswith(" is no number; give one.") and "…" in told
    assert "9" * 50 not in told and "0" * 50 not in told


@pytest.mark.parametrize(
    "text", ["", "short", "a/" * 140, "7" * 40, "0123456789abcdef" * 4, "gallery.npz, line 12: 3.14159"]
)
def test_what_is_not_absurd_is_quoted_whole(text):
    assert str(InputError(text)) == text


def test_a_box_of_400_digits():
    with pytest.raises(InputError) as error:
        check_box([10**400, 0, 30, 40], 100, 100)
    assert "four numbers" in str(error.value) and len(str(error.value)) < 200
    with pytest.raises(InputError) as error:
        check_boxes([[10**400, 0, 30, 40]], (100, 100))
    assert len(str(error.value)) < 200


def test_a_megabyte_of_words_is_shortened_at_once():
    """Words that are nearly too long took a second, in which a page answered nobody; eight callers, seven."""
    start = time.thread_time()
    told = str(InputError("Gallery " + ("a" * LONGEST_WORD + " ") * 20_000 + "is unknown."))
    assert time.thread_time() - start < 0.2
    assert told.startswith("Gallery a") and told.endswith("is unknown.") and len(told) <= LONGEST_SENTENCE + 1
