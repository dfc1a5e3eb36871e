"""Calls that name very many files, of which Gradio looks at each for milliseconds while everybody waits."""

import asyncio
import json

import pytest
from gradio import processing_utils

from tests.ui.browser.visit import Refused
from tests.zips import crop
from threedsl.ui.api import turns
from threedsl.ui.security import limits
from threedsl.ui.security.payload import MANY_FILES


def test_a_call_names_only_so_many_files(served):
    """One file, 4,900 times in one call, kept everybody waiting for 12 s."""
    visitor = served.visitor()
    (upload,) = visitor.upload({"a.png": crop(1)})
    few, many = [[upload] * count for count in (limits.MOST_FILES, limits.MOST_FILES + 1)]
    (told,) = visitor.press("gallery-files", [few], "change")
    assert "600 files" in told["label"]
    with pytest.raises(Refused, match=MANY_FILES):
        visitor.press("gallery-files", [many], "change")


def test_a_call_leaves_no_files_for_those_it_names(empty):
    """Gradio made an empty one for each, which stayed for an hour and which nothing counted."""
    visitor = empty.visitor()
    (upload,) = visitor.upload({"a.png": crop(1)})
    before = empty.files()
    visitor.press("gallery-files", [[upload] * 50], "change")
    answer = visitor.http.post("gradio_api/call/build_gallery", json={"data": [[upload] * 50, ""]})
    visitor.http.get(f"gradio_api/call/build_gallery/{answer.json()['event_id']}")
    assert empty.files() == before


@pytest.mark.parametrize("key", ["path", "\\u0070ath"])
def test_however_the_call_is_written(served, key):
    files = ", ".join(f'{{"{key}": "/a"}}' for _ in range(limits.MOST_FILES + 1))
    answer = served.visitor().http.post(
        "gradio_api/call/build_gallery",
        content=f'{{"data": [[{files}], ""]}}'.encode(),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400 and answer.json() == {"detail": MANY_FILES}


def test_others_have_their_turn_between_two_files(monkeypatch):
    order = []

    async def look(one, *_, **__):
        order.append(one["path"] if isinstance(one, dict) else one)
        return one

    async def another():
        order.append("another")

    async def both():
        waiting = asyncio.create_task(another())
        files = [{"path": name} for name in "abc"]
        assert await processing_utils.async_move_files_to_cache(files, None) == files
        assert await processing_utils.async_move_files_to_cache("text", None) == "text"
        await waiting

    monkeypatch.setattr(turns, "_all_at_once", look)
    asyncio.run(both())
    assert order == ["a", "another", "b", "c", "text"], json.dumps(order)
