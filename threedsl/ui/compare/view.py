"""Two people side by side on the page: components and their values, for the Compare tab and for an opened match."""

from dataclasses import replace
from html import escape

import gradio as gr

from threedsl.body.comparison import HEAT, HEAT_TOP, HEIGHT, Difference
from threedsl.calibration import Calibration
from threedsl.ui.bodies.view import ROUGH, body_canvas, still_picture
from threedsl.ui.compare.pair import Pair, PairPhoto
from threedsl.ui.compare.verdict import verdict
from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.search.cards import TITLES

CANVAS_HEIGHT, STILL_HEIGHT = 400, 230  # pixels
APART = (
    "“Apart” is the distance between the two surfaces. A girth is a circumference, so it changes about 6 (2π) times "
    "as much."
)
DISTANCE = 2.9  # metres from the camera to two bodies: the nearer one stays whole when they are turned
PHOTO = (420, 300)  # height, width in pixels


def add_pair_view(name: str, waiting: str = "") -> list[gr.components.Component]:
    """Components, ids beginning with `name`, in the order of `pair_values`; `waiting` is their placeholder."""
    with gr.Row(elem_classes="pair"):
        with gr.Column(scale=5, min_width=300):
            words = gr.HTML(waiting, elem_id=f"{name}-words", apply_default_css=False)
            tables = gr.HTML(elem_id=f"{name}-tables", elem_classes="pair-tables", apply_default_css=False)
        with gr.Column(scale=4, min_width=300):
            bodies = body_canvas("Both bodies (drag to turn)", f"{name}-bodies", CANVAS_HEIGHT, DISTANCE)
            still = still_picture("Picture of both bodies", f"{name}-still", STILL_HEIGHT)
        with gr.Column(scale=4, min_width=300):
            heat = body_canvas(
                "Where the shapes differ (drag to turn)", f"{name}-heat", CANVAS_HEIGHT, DISTANCE
            )
            gr.HTML(legend(), elem_classes="legend", apply_default_css=False)
            heat_still = still_picture("Picture, front and back", f"{name}-heat-still", STILL_HEIGHT)
    with gr.Row(elem_classes="downloads"):
        files = [_download("Both bodies (GLB)"), _download("Differences (GLB)")]
    return [words, bodies, heat, still, heat_still, *files, tables]


def pair_values(
    pair: Pair,
    first: PairPhoto,
    second: PairPhoto,
    calibration: Calibration | None,
    title: str = "",
    known: str = "",
) -> list:
    """What the components of `add_pair_view` show; `known` is a sentence on what else is known of the two.

    Where a photo has a warning, nothing is concluded from it: no verdict, no shares and no sizes.
    """
    doubtful = bool(first.warning or second.warning)
    if doubtful:
        pair, calibration = replace(pair, shares={}, meaning="", sentence=""), None
    return [
        pair_html(pair, first, second, calibration, title, known),
        pair.glb,
        pair.heat_glb,
        pair.still,
        pair.heat_still,
        gr.DownloadButton(value=pair.glb, interactive=True),
        gr.DownloadButton(value=pair.heat_glb, interactive=True),
        scores_table(pair) if doubtful else tables_html(pair, calibration),
    ]


def empty_pair(words: str = "") -> list:
    """Plain values that empty the components of `add_pair_view` in the browser, with a sentence in their place."""
    off = {"__type__": "update", "value": None, "interactive": False}
    return [words, None, None, None, None, off, off, ""]


def held_pair(words: str) -> list:
    """`empty_pair` as an event's function returns it."""
    off = gr.DownloadButton(value=None, interactive=False)
    return [words, None, None, None, None, off, off, ""]


def pair_html(
    pair: Pair,
    first: PairPhoto,
    second: PairPhoto,
    calibration: Calibration | None,
    title: str = "",
    known: str = "",
) -> str:
    """Both photos and the plain sentences."""
    photos = "".join(
        f'<figure><img src="{data_uri(jpeg(fit(photo.crop, *PHOTO)))}" alt="{escape(photo.title)}">'
        f"<figcaption>{escape(photo.title)}</figcaption></figure>"
        for photo in (first, second)
    )
    words = verdict(pair.scores, calibration)
    meaning = f"<p><strong>{escape(words)}</strong></p>" if words else ""
    spread = f"<p>{escape(pair.spread)}</p>" if pair.spread else ""
    return (
        f'<h2 tabindex="-1">{escape(title or f"{first.title} and {second.title}")}</h2>'
        f'<div class="pair-photos">{photos}</div>{f"<p>{escape(known)}</p>" if known else ""}'
        f"{meaning}{warnings_html(first, second)}"
        + (f'<p>{escape(pair.sentence)}</p>{spread}<p class="quiet">{APART}</p>' if pair.sentence else "")
    )


def warnings_html(first: PairPhoto, second: PairPhoto) -> str:
    """Why nothing is concluded from a photo, where that is so."""
    return "".join(
        f'<p class="warning" role="alert">{escape(photo.title)}: {escape(photo.warning)}</p>'
        for photo in (first, second)
        if photo.warning
    )


def tables_html(pair: Pair, calibration: Calibration | None) -> str:
    """Scores and sizes in numbers, each with what they do not say."""
    limits = f'<p class="quiet">{escape(calibration.limits)}</p>' if calibration else ""
    return f"{scores_table(pair)}{limits}{sizes_table(pair.difference)}"


def scores_table(pair: Pair) -> str:
    """Similarity per stream, and the share of measured pairs that were one person where that is known."""
    head = '<th scope="col">Same person in our test</th>' if pair.shares else ""
    rows = "".join(
        f'<tr><th scope="row">{escape(TITLES[name][0])}</th><td>{score:.2f}</td>'
        f'<td class="bar" aria-hidden="true"><i style="width:{100 * max(score, 0):.0f}%"></i></td>'
        + (f"<td>{_of_100(pair.shares[name])}</td>" if pair.shares else "")
        + "</tr>"
        for name, score in pair.scores.items()
    )
    return (
        '<table class="measures scores"><caption>Cosine similarity; 1.00 = identical</caption><thead><tr>'
        '<th scope="col">Ranking</th><th scope="col">Score</th><td></td>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _of_100(share: float) -> str:
    return "&lt; 1 in 100" if share < 0.01 else f"{min(99, round(100 * share))} in 100"


def sizes_table(difference: Difference) -> str:
    """Region by region: how far apart the surfaces are, and the sizes of both."""
    rows = []
    for region, distance in difference.regions.items():
        sizes = [size for size in difference.sizes if size.region == region]
        for i, size in enumerate(sizes):
            start = (
                f'<th scope="rowgroup" rowspan="{len(sizes)}">{escape(region.capitalize())}</th>'
                f'<td rowspan="{len(sizes)}">{distance:.1f}</td>'
                if i == 0
                else ""
            )
            rows.append(
                f"<tr>{start}<td>{escape(size.name)}</td><td>{size.first:.0f}</td><td>{size.second:.0f}</td>"
                f"<td>{signed(size.difference)}</td></tr>"
            )
    return (
        f'<table class="measures sizes"><caption>In centimetres, both scaled to {HEIGHT:.0f} cm: a photo has no '
        'scale</caption><thead><tr><th scope="col">Region</th><th scope="col">Apart</th><th scope="col">Size</th>'
        '<th scope="col">First</th><th scope="col">Second</th><th scope="col">Difference</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def signed(difference: float) -> str:
    """One decimal with its sign; no sign where that leaves nothing."""
    text = f"{difference:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def legend() -> str:
    """The scale of the heat map."""
    stops = ", ".join(f"rgb{colour} {100 * stop:.0f}%" for stop, colour in HEAT)
    return (
        f'<div class="heat-scale" style="background:linear-gradient(90deg, {stops})"></div>'
        f'<div class="heat-ticks"><span>0 cm apart</span><span>{HEAT_TOP / 2:.0f}</span>'
        f"<span>{HEAT_TOP:.0f} cm or more</span></div>"
        f'<p class="quiet">Both bodies at {HEIGHT:.0f} cm, in the same pose. {ROUGH}</p>'
    )


def _download(label: str) -> gr.DownloadButton:
    return gr.DownloadButton(label, size="sm", interactive=False)
