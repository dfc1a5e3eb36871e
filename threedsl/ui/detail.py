"""An opened match: the query beside one picture of the gallery, below the rankings."""

import gradio as gr

from threedsl.ui import handlers
from threedsl.ui.pair_view import add_pair_view, empty_pair, pair_values
from threedsl.ui.service import Service
from threedsl.ui.status import standing
from threedsl.ui.words import in_words

CARD_CLICKS = """
element.addEventListener('click', event => {
    const card = event.target.closest('button')?.closest('.card[data-index]');
    if (!card || document.querySelector('#rows .pending, #people .pending')) return;
    element.querySelectorAll('.picked').forEach(other => other.classList.remove('picked'));
    const same = element.querySelectorAll(`.card[data-index="${card.dataset.index}"]`);
    same.forEach(other => other.classList.add('picked'));
    element.querySelectorAll('[data-opened]').forEach(other => delete other.dataset.opened);
    card.dataset.opened = 'true';
    trigger('click', {index: card.dataset.index});
});
"""
"""Marks the picture in all rows and sends its row in the gallery, for `js_on_load` of the rankings; not while a search
runs, whose answer would take the opened match away."""
SHOW = """() => { requestAnimationFrame(() => {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    document.getElementById('detail')?.scrollIntoView({behavior: calm ? 'auto' : 'smooth', block: 'start'});
}); return %s; }"""
"""Scrolls to the section, and empties it: what it showed belongs to another match."""
FOCUS = "() => document.querySelector('#detail h2')?.focus({preventScroll: true})"
BACK = "() => document.querySelector('#rows [data-opened] button')?.focus()"


def add_detail(service: Service, rows: gr.HTML, inputs: list, limits: dict) -> gr.Column:
    """Add the section, hidden until a card of `rows` is clicked.

    inputs: components of the gallery's name, the query and what is shown of it, as `handlers.open_match` wants them.
    """
    with gr.Column(visible=False, elem_id="detail") as section:
        above = gr.Button("Back to the matches", size="sm", elem_id="back-above")
        values = add_pair_view("match")
        below = gr.Button("Back to the matches", size="sm", elem_id="back")

    @in_words
    def open_match(name, query, shown, event: gr.EventData, request: gr.Request):
        row = event._data.get("index")
        shots = handlers.open_match(service, name, query, shown, row, request.session_hash)
        return pair_values(*shots, service.calibration, known=standing(shown.ranking, int(row)))

    private = dict(api_visibility="private")
    rows.click(lambda: gr.Column(visible=True), None, section, queue=False, show_progress="hidden", **private)
    rows.click(fn=None, js=SHOW % empty_pair(), outputs=values, **private)
    rows.click(open_match, inputs, values, show_progress_on=values[:3], **private, **limits).success(
        fn=None, js=FOCUS, **private
    )
    for button in (above, below):
        button.click(lambda: gr.Column(visible=False), None, section, queue=False, **private).then(
            fn=None, js=BACK, **private
        )
    return section
