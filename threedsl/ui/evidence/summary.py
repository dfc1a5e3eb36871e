"""Three plain sentences on a model, out of its metrics.json: what it is good at, what not, on what it was measured."""

import re

from threedsl.ui.evidence.checkpoint_files import Evidence
from threedsl.ui.evidence.measured import CROWD, test_set
from threedsl.ui.evidence.metrics import sizes_of, value_of
from threedsl.ui.evidence.tables import NAMES

UNCHANGED = "+0.0 (+0.0 to +0.0)"  # a gain and its interval in the ablation's tables


def sentences(evidence: Evidence) -> list[str]:
    """As many of the three as the figures allow."""
    return [text for text in (good_at(evidence), not_good_at(evidence), measured_on(evidence)) if text]


def _by_size(evidence: Evidence) -> dict[str, dict[int, float]]:
    """Stream -> people in the gallery -> rank-1, under the first protocol that was measured by size."""
    for protocol, streams in evidence.metrics.items():
        if CROWD.fullmatch(protocol) and isinstance(streams, dict):
            return {name: {int(x): y for x, y in sizes_of(row)} for name, row in streams.items()}
    return {}


def _best(by_size: dict[str, dict[int, float]], people: int) -> tuple[str, float]:
    return max(
        ((name, row[people]) for name, row in by_size.items() if people in row), key=lambda pair: pair[1]
    )


def good_at(evidence: Evidence) -> str:
    """The best ranking in the smallest gallery measured."""
    by_size = _by_size(evidence)
    sizes = sorted({size for row in by_size.values() for size in row})
    if not sizes:
        return ""
    name, share = _best(by_size, sizes[0])
    against = by_size.get("appearance", {}).get(sizes[0])
    alone = f" ({percent(against)} by appearance)" if against is not None and name != "appearance" else ""
    return (
        f"Good at: finding a person who changed clothes in a small gallery. Among {sizes[0]} people, the first match "
        f"by {NAMES.get(name, name)} is correct in {percent(share)} of searches{alone}."
    )


def not_good_at(evidence: Evidence) -> str:
    """The largest gallery measured, and unchanged clothes where appearance alone is better there."""
    parts = []
    by_size = _by_size(evidence)
    sizes = sorted({size for row in by_size.values() for size in row})
    if len(sizes) > 1:
        name, share = _best(by_size, sizes[-1])
        parts.append(
            f"large galleries (among {sizes[-1]} people, {percent(share)} by {NAMES.get(name, name)})"
        )
    same = evidence.metrics.get("retrieval", {}).get("same-clothes", {})
    alone, both = (value_of(same.get(name, {}), "rank-1") for name in ("appearance", "combined"))
    if alone is not None and both is not None and alone > both:
        parts.append(
            f"people in unchanged clothes, where appearance alone is better ({percent(alone)} against {percent(both)})"
        )
    return f"Not good at: {', and '.join(parts)}. A match is never proof." if parts else ""


def measured_on(evidence: Evidence) -> str:
    """The test set and the photoreal people; that no real people were measured, where the set was made."""
    if not evidence.metrics.get("data"):
        return ""
    people = evidence.metrics.get("openpeople", {})
    both = value_of(people.get("combined", {}), "rank-1")
    photoreal = (
        f", and on {people['queries']} photos of photoreal people who do not exist ({percent(both)} by both)"
        if both is not None and isinstance(people.get("queries"), int)
        else ""
    )
    real = "; no photos of real people were measured" if evidence.metrics["data"].get("made by") else ""
    return f"Measured on: {test_set(evidence)}{photoreal}{real}."


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def without_empty_gains(markdown: str) -> str:
    """The ablation's tables without rows in which nothing changed, and with a dash for a gain over itself."""
    kept = []
    for line in markdown.splitlines():
        figures = (
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[3:-1]] if line.startswith("|") else []
        )
        if figures and all(cell == UNCHANGED for cell in figures):
            continue
        kept.append(line.replace(UNCHANGED, "–") if line.startswith("|") else line)
    return "\n".join(kept)
