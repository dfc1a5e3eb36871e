"""Gradio's look at the files of a call, which takes milliseconds for each, in turn with other visitors' requests."""

from __future__ import annotations

import asyncio
from typing import Any

from gradio import processing_utils

_all_at_once = processing_utils.async_move_files_to_cache


async def _one_at_a_time(data: Any, *args: Any, **options: Any) -> Any:
    if not isinstance(data, list):
        return await _all_at_once(data, *args, **options)
    moved = []
    for one in data:
        moved.append(await _all_at_once(one, *args, **options))
        if isinstance(one, dict):
            await asyncio.sleep(0)
    return moved


def take_turns() -> None:
    """Put it into Gradio, which offers no way to choose it; calling it again changes nothing."""
    processing_utils.async_move_files_to_cache = _one_at_a_time
