"""A visit of the page without a browser: a gallery is built in it, and everything of the visit is deleted."""

import json
import urllib.request
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from threedsl.errors import InputError
from threedsl.space.page_client import CALL_LIMIT, upload


def make_and_drop(url: str, photos: Sequence[Path], session: str) -> None:
    """Press “Build gallery” with these photos and then “Delete my data now”.

    Raises:
        InputError: the page's sentence, or that something of it did not happen.
    """
    files = [upload(url, photo) for photo in photos]
    build, delete = event_of(url, "gallery-build"), event_of(url, "delete-data")
    post(url, "queue/join", {"fn_index": build, "data": [files, ""], "session_hash": session})
    stream = f"{url}gradio_api/queue/data?session_hash={session}"
    with urllib.request.urlopen(stream, timeout=CALL_LIMIT) as lines:
        messages = [json.loads(line[5:]) for line in lines if line.startswith(b"data:")]
    done = next((message for message in messages if message["msg"] == "process_completed"), None)
    if not done or not done["success"]:
        raise InputError(f"A gallery was not built: {done and done['output'].get('error')}")
    post(url, "run/delete", {"fn_index": delete, "data": [], "session_hash": session})


@cache
def event_of(url: str, button: str) -> int:
    """Number of the event that a click on this element starts."""
    with urllib.request.urlopen(f"{url}config", timeout=CALL_LIMIT) as answer:
        config = json.load(answer)
    ids = {one["props"].get("elem_id"): one["id"] for one in config["components"]}
    return next(
        event["id"]
        for event in config["dependencies"]
        if [ids[button], "click"] in [list(target) for target in event["targets"]] and event["backend_fn"]
    )


def post(url: str, place: str, body: dict) -> dict:
    """The JSON that a call answers."""
    request = urllib.request.Request(
        f"{url}gradio_api/{place}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=CALL_LIMIT) as answer:
        return json.load(answer)
