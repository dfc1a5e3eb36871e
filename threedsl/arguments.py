"""Value types of command-line arguments, for argparse."""

import re
from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    return _whole_number(text, 1)


def seed(text: str) -> int:
    """A whole number of 0 or more: NumPy's generators take no other."""
    return _whole_number(text, 0)


def device(text: str) -> str:
    """The name of a device; whether it exists is checked when a model is loaded."""
    # mps, of Apple's machines, is not tested here and therefore not offered.
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise ArgumentTypeError(f"{text!r} is not auto, cpu, cuda or cuda:N")
    return text


def _whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
    return int(text)
