"""What the Gallery tab needs of the Search tab."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from threedsl.ui.search.cards import empty_rows


@dataclass(frozen=True)
class SearchTab:
    """What the Gallery tab needs of the search."""

    gallery: gr.Radio  # the choice of galleries: the demos, and those that the visitor builds
    searched: gr.State  # name of the gallery whose matches are on the page, "" for none
    matches: list[gr.components.Component]  # what `no_matches` empties
    searches: gr.State  # Newest: which search was made last
    turn: gr.Number  # of `in_turn`
    search: dict  # arguments of an event that searches with the visitor's photo on the page, if there is one
    failed: dict  # of what follows where that ended without an answer
    scroll: dict  # of one that brings the matches into sight
    first: dict  # of one that shows the first screen, unless the visitor was faster


def no_matches(words: str) -> list:
    """Values of `SearchTab.matches` while there are none: a sentence, empty rows, and nothing opened."""
    gone = [gr.DownloadButton(value=None, interactive=False) for _ in range(2)]
    return [empty_rows(), f"<p>{escape(words)}</p>", "", *gone, gr.Column(visible=False)]
