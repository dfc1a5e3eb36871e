"""What several commands print about the part of a photo that they used."""

import numpy as np
import pytest

from threedsl.cli.common import cut_out, in_words
from threedsl.people import Box, Choice, FoundPerson, whole_picture

CROP = whole_picture(np.zeros((256, 128, 3), np.uint8))
PART = Box(10, 20, 110, 220)
GUESS = "Only the upper body can be seen, so the shape of the body is a guess"


UNSURE = "This may not be a person, so the result is a guess"


def found(*notes: str, score: float = 0.9) -> FoundPerson:
    return FoundPerson((10, 20, 110, 220), np.zeros((17, 3), np.float32), score, notes)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(CROP), "the whole picture"),
        (Choice(CROP, (), True), "a person crop"),
        (Choice(CROP, (found(),), True), "a person crop"),
        (Choice(CROP, (found("half"),), True), f"a person crop; {GUESS}"),
        (Choice(CROP, (found(score=0.4),), True), "a person crop"),
        (Choice(PART, (found(),)), "the person found, box 10 20 110 220"),
        (Choice(PART, (found(score=0.4),)), f"the person found, box 10 20 110 220; {UNSURE}"),
        (Choice(PART, (found("half"),)), f"the person found, box 10 20 110 220; {GUESS}"),
        (
            Choice(PART, (found("half"), found())),
            f"the most prominent of 2 people, box 10 20 110 220; {GUESS}",
        ),
    ],
)
def test_the_words_have_the_warning_of_the_json(choice, words):
    assert in_words(choice) == words
    assert (GUESS in words or UNSURE in words) == bool(cut_out(choice)["warning"])
