"""The first screen: the search with the first example, computed once and shown to every visitor from memory."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape

import gradio as gr
import numpy as np

from threedsl.ui.bodies.turntable import write_turntable
from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.search.cards import ranked_rows
from threedsl.ui.search.downloads import write_downloads
from threedsl.ui.search.rankings import Rankings
from threedsl.ui.search.reconstruction import write_body
from threedsl.ui.search.status import finding
from threedsl.ui.security.written import lasting
from threedsl.ui.service import FIRST_MATCHES, FirstSearch, Service

LONGEST_WAIT = 120  # seconds that a page waits for the first search
POLL = 0.2  # seconds
PHOTO = (192, 120)  # height, width in pixels of the example's photo, shown at half the size
OFFER = (
    '<p class="offer"><a class="to-gallery" href="?tab=gallery">Add two photos of yourself in different clothes</a> '
    "to a gallery of your own, and search it.</p>"
)


@dataclass(frozen=True)
class Shown:
    """The first search as the page shows it; the files are the page's own, which no sweep deletes."""

    first: FirstSearch
    rows: str  # HTML
    status: str  # HTML
    files: tuple[str, str, str]  # paths of matches.csv, matches.json, body.glb
    pictures: tuple[str, str]  # paths of the body over the photo and of the body alone


class FirstScreen:
    """Makes `Shown` once there is a first search; `keeper` is the component that keeps its files in Gradio's cache."""

    def __init__(self, service: Service, keeper: gr.HTML):
        self._service, self._keeper = service, keeper
        self._shown: Shown | None = None
        self._lock = threading.Lock()

    def get(self) -> Shown | None:
        """None until the first search is done, and where there is none."""
        with self._lock:
            if self._shown is None and self._service.first is not None:
                with lasting():
                    self._shown = self._make(self._service.first)
            return self._shown

    def _make(self, first: FirstSearch) -> Shown:
        service, gallery = self._service, first.example.gallery
        # The search's own file may have been swept before the first visitor came.
        body = first.answer.body.prediction
        answer = replace(
            first.answer,
            glb=write_body(body, service.files),
            turntable=write_turntable(body, service.files),
        )
        files = (*write_downloads(service.files, answer.rows, gallery, FIRST_MATCHES), answer.glb)
        pictures = service.write_picture(answer.body.overlay), service.write_picture(answer.body.still)
        # A new set: others may be looking through the old one.
        self._keeper.keep_in_cache = {*self._keeper.keep_in_cache, *files, *pictures, answer.turntable}
        rows = ranked_rows(answer.rows, service.gallery(gallery).title)
        words = example_text(answer.rankings, first.query.people[0].shown)
        return Shown(replace(first, answer=answer), rows, words, files, pictures)


def example_text(rankings: Rankings, photo: np.ndarray) -> str:
    """HTML: that this is an example, with the photo searched with, RGB uint8 (H, W, 3), and where the right person was
    found."""
    who = (
        f"{escape(rankings.person)}, in different clothes from those in the gallery"
        if rankings.person
        else "a search"
    )
    picture = f'<img src="{data_uri(jpeg(fit(photo, *PHOTO)))}" alt="The photo of the example">'
    words = f'<b>Example:</b> {who}; <a href="#photo">add your own photo</a>.'
    return f'<div class="example">{picture}<div><p>{words}</p>{finding(rankings)}</div></div>'


def waiting_for_first(service: Service) -> Callable:
    """An event's function that returns once the first search is done, or will not come.

    It takes none of the queue's places and no thread.
    """

    async def wait() -> None:
        until = time.monotonic() + LONGEST_WAIT
        while service.is_preparing and time.monotonic() < until:
            await asyncio.sleep(POLL)

    return wait


def offer(rankings: Rankings, in_demo: bool) -> str:
    """HTML: the way on for a visitor's own photo, whose person no demo gallery holds; "" for others."""
    return OFFER if in_demo and not rankings.person else ""
