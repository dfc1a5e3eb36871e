"""The three ranked rows and the table of measures as HTML; pictures travel inside as data URIs."""

from dataclasses import dataclass
from html import escape

TITLES = {
    "appearance": ("By appearance", "clothes, colours, hair"),
    "shape": ("By 3D body shape", "build and proportions, whatever is worn"),
    "combined": ("By both", "appearance and shape together"),
}


@dataclass(frozen=True)
class Card:
    """One match as it is shown."""

    rank: int
    person: str  # "" when the gallery does not know
    picture: str  # file name of the gallery's picture
    score: float  # cosine similarity
    same_person: bool | None  # None when nobody can tell
    thumbnail: str  # data URI


def ranked_rows(rows: dict[str, list[Card]], gallery_title: str) -> str:
    """HTML of the rows; `rows` maps a stream to its cards, best first."""
    return "".join(_row(stream, cards, gallery_title) for stream, cards in rows.items())


def _row(stream: str, cards: list[Card], gallery_title: str) -> str:
    title, explanation = TITLES[stream]
    items = "".join(_card(card) for card in cards)
    return (
        f'<section class="ranking" data-stream="{stream}" aria-label="{escape(title)}">'
        f"<h3>{escape(title)} <small>{escape(explanation)}</small>{_verdict(cards)}</h3>"
        f'<ol class="cards" tabindex="0" aria-label="{escape(title)}: best matches in {escape(gallery_title)}">'
        f"{items}</ol></section>"
    )


def _verdict(cards: list[Card]) -> str:
    if all(card.same_person is None for card in cards):
        return ""
    first = next((card.rank for card in cards if card.same_person), None)
    if first is None:
        return f'<span class="verdict wrong">✗ not in the first {len(cards)}</span>'
    return f'<span class="verdict right">✓ first found at rank {first}</span>'


def _card(card: Card) -> str:
    kind, mark, words = {
        True: ("same", "✓ ", "same person"),
        False: ("other", "✗ ", "another person"),
        None: ("unknown", "", "identity not known"),
    }[card.same_person]
    person = escape(card.person or card.picture)
    return (
        f'<li class="card {kind}" title="rank {card.rank}, {person}, score {card.score:.3f}, {words}">'
        f'<img src="{card.thumbnail}" alt="Rank {card.rank}: {person}, {words}">'
        f'<div class="caption"><b>{card.rank}</b><span>{mark}{person}</span></div>'
        f'<div class="score">{card.score:.2f}</div></li>'
    )


def measures_table(measures: dict[str, float]) -> str:
    """HTML of relative proportions: name, value and a bar."""
    largest = max([*measures.values(), 1e-9])
    rows = "".join(
        f"<tr><th scope='row'>{escape(name.replace('_', ' '))}</th><td>{value:.2f}</td>"
        f"<td class='bar' aria-hidden='true'><i style='width:{100 * max(value, 0) / largest:.0f}%'></i></td></tr>"
        for name, value in measures.items()
    )
    return (
        '<table class="measures"><caption>Body measures, standing straight; relative, as a crop has no scale'
        f"</caption><tbody>{rows}</tbody></table>"
    )


def empty_rows() -> str:
    """What stands where the rows will be."""
    return "".join(
        f'<section class="ranking empty"><h3>{escape(title)} <small>{escape(text)}</small></h3>'
        f'<ol class="cards" aria-hidden="true">{"<li class=card></li>" * 5}</ol></section>'
        for title, text in TITLES.values()
    )
