"""Values of everything that an answer fills, in the order of the Search tab, while there is none."""

import gradio as gr

from threedsl.ui.bodies.column import no_body
from threedsl.ui.newest import Newest
from threedsl.ui.search.cards import empty_rows
from threedsl.ui.search.filters import LABELS
from threedsl.ui.search.notices import gate_html
from threedsl.ui.search.query import Query
from threedsl.ui.search.status import WAITING

ANYWAY = "Search the whole image anyway"
FAILED = "<p>The search failed. Press “Search” to try again.</p>"


def empty_answer() -> list:
    """Before there is any photo."""
    return [
        *(empty_rows(), WAITING, None, None, ""),
        *[gr.Checkbox(value=False, visible=False)] * len(LABELS),
        *[gr.DownloadButton(value=None, interactive=False)] * 3,
        gr.Column(visible=False),
        *no_body(),
    ]


def gated(query: Query) -> list:
    """While a photo without a person waits for a decision."""
    values = empty_answer()
    values[1:3] = gate_html(query, ANYWAY), query
    return values


def failed(upload: dict | None, query: Query | None, searches: Newest, turn: object) -> list:
    """After search `turn` ended without an answer: what is on the page may belong to another photo or gallery, and so
    may the answer to an earlier search that still runs. Where it was cancelled, as its photo was removed, nothing
    changes: the page may be on to another one already."""
    values = empty_answer()
    if not searches.lose(turn):
        return [gr.skip()] * len(values)
    values[1:3] = FAILED if upload or query else WAITING, gr.skip()
    values[5 : 5 + len(LABELS)] = [gr.skip()] * len(LABELS)
    return values
