"""The Evidence tab: what was measured of the model, what it learned from, and what it must not be used for."""

from html import escape
from pathlib import Path

import gradio as gr

from threedsl.calibration import MEASURE_AGAIN, Calibration
from threedsl.errors import InputError
from threedsl.ui.evidence import measured, model_card
from threedsl.ui.evidence.checkpoint_files import Evidence, read_evidence
from threedsl.ui.evidence.glossary import glossary, terms_in
from threedsl.ui.evidence.summary import sentences, without_empty_gains
from threedsl.ui.evidence.tables import other_tables
from threedsl.ui.service import Service


def add_evidence_tab(service: Service) -> None:
    """Add the tab to the Blocks being built; nothing on it changes while the page runs.

    Raises:
        InputError: metrics.json next to the weights is damaged.
    """
    folder = service.model.checkpoint_folder
    try:
        _add_tab(folder, read_evidence(folder))
    except InputError:
        raise
    except (AttributeError, TypeError, ValueError, LookupError, StopIteration):  # its figures lie elsewhere
        raise InputError(f"{folder / 'metrics.json'} is damaged; {MEASURE_AGAIN}.") from None


def _add_tab(folder: Path | None, found: Evidence) -> None:
    trained, training = measured.trained_on(found), found.card.get(model_card.TRAINING, "")
    ablation = without_empty_gains(found.ablation)
    sections = (
        (f"How well {found.name} finds people", measured.headline(found)),
        ("Measured, by protocol", measured.measured(found)),
        ("More people, more mistakes", measured.side_by_side(measured.size_charts(found))),
        (
            "What a score means",
            measured.folded("Table of scores", measured.score_table(found, Calibration.read(folder))),
        ),
        ("What each part contributes", ablation),
        (
            "Bodies, and photoreal people",
            measured.folded("Tables", measured.side_by_side(shown) if (shown := other_tables(found)) else ""),
        ),
    )
    explained: set[str] = set()
    with gr.Tab("Evidence", id="evidence"), gr.Column(elem_id="evidence"):
        plain = "".join(f"<li>{escape(text)}</li>" for text in sentences(found))
        _html(f"<h2>What is known about {escape(found.name)}</h2>{f'<ul>{plain}</ul>' if plain else ''}")
        _markdown("What it must not be used for", model_card.limits(found.card))
        for title, text in sections:
            if not text.replace(measured.side_by_side([]), ""):
                continue
            new = terms_in(text, explained)
            explained.update(new)
            if text is ablation:
                folded = f"<details><summary>Tables</summary>\n\n{text}\n\n</details>"
                _markdown(title, folded, measured.why_other_figures(found) + glossary(new))
            else:
                _html(f"<h3>{escape(title)}</h3>{glossary(new)}{text}")
        for path, words in found.pictures:
            _picture(path, words)
        folded = f"<details><summary>Training settings</summary>\n\n{training}\n\n</details>"
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
    place.value = measured.picture(path, words, f"gradio_api/file={copy}")


def _html(text: str) -> gr.HTML:
    return gr.HTML(text, apply_default_css=False)
