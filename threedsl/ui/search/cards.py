"""The three ranked rows as HTML; pictures travel inside as data URIs.

The same gallery picture is tied across the rows by CSS alone: each carries its number, and pointing at one highlights
the others.
"""

from html import escape

from threedsl.ui.search.rankings import RankedMatch

TITLES = {
    "appearance": ("By appearance", "clothes, colours, hair"),
    "shape": ("By 3D body shape", "build, head and hair, independent of clothing"),
    "combined": ("By both", "appearance and shape together"),
}
SHORT = {"appearance": "appearance", "shape": "shape", "combined": "both"}
HINT = "Choose a match to see both bodies. The same picture is highlighted in the other rows."


def ranked_rows(rows: dict[str, list[RankedMatch]], gallery_title: str) -> str:
    """HTML of the rows; `rows` maps a stream to its cards, best first."""
    hint = (
        f'<p class="hint">{HINT}</p>'
        if any(card.index >= 0 for cards in rows.values() for card in cards)
        else ""
    )
    ties = _ties({card.index for cards in rows.values() for card in cards if card.index >= 0})
    return hint + "".join(_row(stream, cards, gallery_title) for stream, cards in rows.items()) + ties


def _ties(indices: set[int]) -> str:
    """One rule a picture: while one of its cards is pointed at or focused, all of them are lit."""
    if not indices:
        return ""
    selectors = ",".join(
        f'#rows:has(.card[data-index="{i}"]>button:is(:hover,:focus-visible)) .card[data-index="{i}"]'
        for i in sorted(indices)
    )
    return f"<style>{selectors}{{--tied:1;outline:3px solid var(--tie);outline-offset:1px}}</style>"


def _row(stream: str, cards: list[RankedMatch], gallery_title: str) -> str:
    title, explanation = TITLES[stream]
    items = "".join(_card(card, stream) for card in cards)
    return (
        f'<section class="ranking" data-stream="{stream}" aria-label="{escape(title)}">'
        f"<h2>{escape(title)} <small>{escape(explanation)}</small>{_verdict(cards)}</h2>"
        f'<ol class="cards" aria-label="{escape(title)}: best matches in {escape(gallery_title)}">'
        f"{items}</ol></section>"
    )


def _verdict(cards: list[RankedMatch]) -> str:
    if all(card.same_person is None for card in cards):
        return ""
    first = next((card.rank for card in cards if card.same_person), None)
    if first is None:
        return f'<span class="verdict wrong">✗ not in the first {len(cards)}</span>'
    return f'<span class="verdict right">✓ first found at rank {first}</span>'


def _card(card: RankedMatch, stream: str) -> str:
    kind, mark, words = {
        True: ("same", "✓ ", "same person"),
        False: ("other", "✗ ", "another person"),
        None: ("unknown", "", "identity unknown"),
    }[card.same_person]
    person = escape(card.person or card.picture)
    also = ", ".join(f"rank {rank} by {SHORT[name]}" for name, rank in card.other_ranks.items())
    description = f"{person}, {words}, score {card.score:.2f}{f'; also {also}' if also else ''}"
    inside = (
        f'<img src="{card.thumbnail}" alt="">'
        f'<span class="caption"><b>{card.rank}</b><span>{mark}{person}</span></span>'
        f'<span class="score">{card.score:.2f}</span>{_elsewhere(card)}'
    )
    name = f"Rank {card.rank}: {description}"
    if card.index < 0:
        return f'<li class="card {kind}" title="{name}">{inside}</li>'
    return (
        f'<li class="card {kind}" data-index="{card.index}"><button type="button" data-stream="{stream}" '
        f'title="{name}" aria-label="{name}. Compare the bodies.">{inside}</button></li>'
    )


def _elsewhere(card: RankedMatch) -> str:
    if not card.other_ranks:
        return ""
    ranks = "".join(f"<i>{SHORT[name]} <b>{rank}</b></i>" for name, rank in card.other_ranks.items())
    return f'<span class="elsewhere">Rank by{ranks}</span>'


def empty_rows() -> str:
    """The placeholder of the rows."""
    return "".join(
        f'<section class="ranking empty"><h2>{escape(title)} <small>{escape(text)}</small></h2>'
        f'<ol class="cards" aria-hidden="true">{"<li class=card></li>" * 5}</ol></section>'
        for title, text in TITLES.values()
    )
