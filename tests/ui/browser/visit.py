"""A visitor of the page without a browser: uploads files and presses its buttons over plain HTTP."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx


class Refused(Exception):
    """The page answered with a sentence."""


class Visitor:
    """One visit: a session of its own."""

    def __init__(self, url: str):
        self.http = httpx.Client(base_url=url, timeout=300)
        self.session = secrets.token_hex(8)
        config = self.http.get("config").raise_for_status().json()
        self.components = {component["id"]: component for component in config["components"]}
        self.ids = {
            name: component["id"]
            for component in config["components"]
            if (name := component["props"].get("elem_id"))
        }
        self.events = config["dependencies"]

    def upload(self, files: Mapping[str, bytes]) -> list[dict]:
        """Files as the events take them."""
        answer = self.http.post(
            "gradio_api/upload", files=[("files", (name, data)) for name, data in files.items()]
        )
        if answer.status_code != 200:
            raise Refused(answer.text)
        return [
            {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
            for path, name in zip(answer.json(), files, strict=True)
        ]

    def press(self, elem_id: str, data: list, event: str = "click", told: object = None) -> list:
        """Run what an event of a component starts, with its inputs' values and what it is `told` beside them; what it
        gives to its outputs."""
        target = [self.ids[elem_id], event]
        chosen = next(e for e in self.events if target in e["targets"] and e["backend_fn"])
        return self.run({"fn_index": chosen["id"], "data": data, "event_data": told})

    def run(self, call: dict) -> list:
        """Join the queue and wait for the outputs.

        Raises:
            Refused: with the sentence.
        """
        joined = self.http.post("gradio_api/queue/join", json=call | {"session_hash": self.session})
        if joined.status_code != 200:
            raise Refused(joined.text)
        with self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise Refused(message["output"]["error"])
                    return message["output"]["data"]
        raise Refused("the queue ended without an answer")

    def build(self, files: Mapping[str, bytes], title: str = "") -> "BuiltPage":
        """Press “Build gallery”."""
        return BuiltPage(self.press("gallery-build", [self.upload(files), title, None]))

    def delete(self, name: str) -> list:
        """Press “Delete” and confirm it; what it gives to the status line and the lists."""
        label, *_ = self.press("gallery-delete", ["Delete", name, None])
        return self.press("gallery-delete", [label, name, None])[1:]

    def save_names(self, name: str, names: Mapping[str, str]) -> list:
        """Press “Save names” below a gallery; what it gives to the status line and the card."""
        return self.press("gallery-shown", [], "submit", {"gallery": name, "names": dict(names)})

    def export(self, name: str) -> dict:
        """Press “Export”; the file as Gradio describes it."""
        return self.press("gallery-export", [name])[0]["value"]

    def search(self, photo: Mapping[str, bytes], gallery: str) -> list:
        """Press “Search” with a photo and a chosen gallery; all outputs."""
        (upload,) = self.upload(photo)
        event = next(e for e in self.events if [self.ids["go"], "click"] in e["targets"] and e["backend_fn"])
        values = {"photo": upload, "Search in": gallery, "Matches per row": 3}
        data = []
        for number in event["inputs"]:
            props = self.components[number]["props"]
            data.append(values.get(props.get("elem_id"), values.get(props.get("label"))))
        return self.run({"fn_index": event["id"], "data": data})

    def fetch(self, path: str) -> httpx.Response:
        """Ask for a file of the server by its path."""
        return self.http.get(f"gradio_api/file={path}")

    @contextmanager
    def open_page(self) -> Iterator[None]:
        """Tell the server that the page is open, and at the end that it is being closed, as browsers do."""
        with self.connected():
            yield
            assert self.tell("closed") == 204

    @contextmanager
    def connected(self) -> Iterator[None]:
        """The connection of an open page, which breaks at the end of the block."""
        with self.http.stream("GET", f"gradio_api/heartbeat/{self.session}") as beats:
            beat = beats.iter_text()  # kept, for the connection ends with it
            assert next(beat)
            yield

    def tell(self, state: str) -> int:
        """Say that the page is still "here", or being "closed"; the status of the answer."""
        return self.http.post(f"gradio_api/visit/{self.session}/{state}").status_code


class BuiltPage:
    """What the Gallery tab shows after a build."""

    def __init__(self, outputs: list):
        self.line, own, _, _, self.shown, search_in, *_ = outputs
        self.own: list[tuple[str, str]] = [tuple(choice) for choice in own["choices"]]
        self.name: str = own["value"]
        self.searchable: list[str] = [name for _, name in search_in["choices"]]
