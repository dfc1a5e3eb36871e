"""The Evidence tab: what was measured of the model, what it learned from, and what it must not be used for."""

from html import escape
from pathlib import Path

import gradio as gr

from threedsl.calibration import Calibration
from threedsl.ui import evidence_view as papers
from threedsl.ui.evidence import read_evidence
from threedsl.ui.evidence_tables import other_tables
from threedsl.ui.evidence_terms import glossary, terms_in
from threedsl.ui.service import Service


def add_evidence(service: Service) -> None:
    """Add the tab's components to the Blocks being built; nothing on it changes while the page runs.

    Raises:
        InputError: metrics.json beside the weights is damaged.
    """
    folder = service.model.checkpoint_folder
    found = read_evidence(folder)
    trained, training = papers.trained_on(found), found.card.get(papers.TRAINING, "")
    sections = (
        (f"How well {found.name} finds people", papers.headline(found)),
        ("Measured, by protocol", papers.measured(found)),
        ("More people, more mistakes", papers.beside(papers.size_charts(found))),
        ("What a score tells", papers.score_table(found, Calibration.read(folder))),
        ("What each part brings", found.ablation),
        ("Bodies, and people of another kind", papers.beside(other_tables(found))),
    )
    told: set[str] = set()
    with gr.Column(elem_id="evidence"):
        _html(f"<h2>What is known of {escape(found.name)}</h2>")
        _markdown("What it must not be used for", papers.limits(found))
        for title, text in sections:
            if not text.replace(papers.beside([]), ""):
                continue
            new = terms_in(text, told)
            told.update(new)
            if text is found.ablation:
                _markdown(title, text, papers.why_other_figures(found) + glossary(new))
            else:
                _html(f"<h3>{escape(title)}</h3>{glossary(new)}{text}")
        for path, words in found.pictures:
            _picture(path, words)
        folded = f"<details><summary>Settings of the training</summary>\n\n{training}\n\n</details>"
        _markdown("What it was trained on", folded if training else "", trained)


def _markdown(title: str, text: str, before: str = "") -> None:
    if text or before:
        _html(f"<h3>{title}</h3>{before}")
        gr.Markdown(text, visible=bool(text))


def _picture(path: Path, words: str) -> None:
    """A picture that the page serves from Gradio's cache, and keeps there."""
    place = _html("")
    copy = place.move_resource_to_block_cache(path)
    place.keep_in_cache.add(copy)
    place.value = papers.picture(path, words, f"gradio_api/file={copy}")


def _html(text: str) -> gr.HTML:
    return gr.HTML(text, apply_default_css=False)
