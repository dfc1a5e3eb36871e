"""Pictures of an answer, each in a place of its own."""

from __future__ import annotations

import secrets
from typing import Any

from gradio import processing_utils


def _own_name(_: Any) -> str:
    """In place of a digest of the picture."""
    return secrets.token_hex(32)


def keep_apart() -> None:
    """Name pictures' folders by chance. Gradio names them by what is in them, so that visitors with equal photos have
    one file: each learns from it whether the other is there, and one that leaves can take it from the other. It offers
    no way to choose the names; calling this again changes nothing."""
    processing_utils.hash_bytes = _own_name
