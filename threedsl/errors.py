"""Errors that end a command with one sentence: faulty input, and a signal from outside."""

import re

LONGEST_WORD = 300  # characters; a path may be as long
LONGEST_NUMBER = 40  # digits
LONGEST_SENTENCE = 2000
MOST_LOOKED_AT = 3 * LONGEST_SENTENCE


class InputError(ValueError):
    """Raised for anything a user can fix; its text is one sentence naming the file, line or field.

    What it quotes from the input is shortened where it is absurdly long.
    """

    def __init__(self, text: str = ""):
        super().__init__(shortened(str(text)))


class Stopped(Exception):
    """Ended from outside, by Ctrl-C or SIGTERM; the text says what is kept and how to continue.

    code: the exit code, 128 plus the signal's number.
    """

    def __init__(self, text: str, code: int = 130):
        super().__init__(text)
        self.code = code


def shortened(text: str) -> str:
    """The text with the middle of endless numbers, words and sentences left out."""
    # The patterns take a second for a megabyte of words that are nearly too long, and stop all threads meanwhile.
    text = text if len(text) <= MOST_LOOKED_AT else _ends(text, MOST_LOOKED_AT)
    text = re.sub(rf"\d{{{LONGEST_NUMBER + 1},}}", lambda found: _ends(found.group(), LONGEST_NUMBER), text)
    text = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda found: _ends(found.group(), LONGEST_WORD), text)
    return text if len(text) <= LONGEST_SENTENCE else _ends(text, LONGEST_SENTENCE)


def _ends(text: str, length: int) -> str:
    return f"{text[: length // 2]}…{text[-length // 2 :]}"
