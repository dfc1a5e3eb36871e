"""An opened match: the query next to one picture of the gallery, below the rankings."""

import gradio as gr

from threedsl.ui.compare.view import add_pair_view, empty_pair, pair_values
from threedsl.ui.errors import in_words
from threedsl.ui.newest import Newest, in_turn, turn_number
from threedsl.ui.scripts import script
from threedsl.ui.search import handlers
from threedsl.ui.search.status import standing
from threedsl.ui.service import Service


def add_opened_match(service: Service, rows: gr.HTML, inputs: list, limits: dict) -> gr.Column:
    """Add the section, hidden until a card of `rows` is clicked.

    inputs: components of the gallery's name, the query and its answer, as `handlers.open_match` wants them.
    """
    with gr.Column(visible=False, elem_id="detail") as section:
        above = gr.Button("Back to the matches", size="sm", elem_id="back-above")
        opened = gr.State(Newest())  # which match was opened last
        turn = turn_number()
        values = add_pair_view("match")
        below = gr.Button("Back to the matches", size="sm", elem_id="back")

    @in_words
    def open_match(name, query, answer, opened, turn, event: gr.EventData, request: gr.Request):
        row = event._data.get("index")
        pair = opened.run(
            lambda: handlers.open_match(service, name, query, answer, row, request.session_hash), turn
        )
        if pair is None:
            return [gr.skip()] * len(values)
        return pair_values(*pair, service.calibration, known=standing(answer.rankings, int(row)))

    private = dict(api_visibility="private")
    rows.click(lambda: gr.Column(visible=True), None, section, queue=False, show_progress="hidden", **private)
    rows.click(fn=None, js=script("open_match", empty_pair()), outputs=values, **private)
    rows.click(
        open_match,
        **in_turn([*inputs, opened], turn),
        outputs=values,
        show_progress_on=values[:3],
        trigger_mode="multiple",  # another match may be chosen before the first is there
        **private,
        **limits,
    ).success(fn=None, js=script("focus", "#detail h2", {"preventScroll": True}), **private)
    for button in (above, below):
        button.click(lambda: gr.Column(visible=False), None, section, queue=False, **private).then(
            fn=None, js=script("focus", "#rows [data-opened] button", {}), **private
        )
    return section
