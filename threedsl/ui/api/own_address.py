"""The description of the endpoints names the address at which its reader opened the page."""

from __future__ import annotations

import threading
from typing import Any

from gradio.routes import App


class _OfOneAnswer:
    """What a thread put in here last, which it takes out once."""

    def __init__(self) -> None:
        self._here = threading.local()

    def __get__(self, app: Any, kind: type | None = None) -> Any:
        return self._here.__dict__.pop("value", None)

    def __set__(self, app: Any, value: Any) -> None:
        self._here.value = value


def describe_for_each() -> None:
    """Keep no description for others: Gradio keeps the first one, in whose examples is the Host that its asker sent,
    and tells everybody from then on to upload pictures there. Calling it again changes nothing."""
    App.api_info = _OfOneAnswer()
