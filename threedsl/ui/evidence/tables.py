"""Tables of the Evidence tab, and those of bodies and photoreal people."""

from collections.abc import Sequence
from html import escape

from threedsl.descriptors import STREAMS
from threedsl.ui.evidence.checkpoint_files import Evidence
from threedsl.ui.evidence.metrics import cell, metrics_of

NAMES = {
    "appearance": "appearance",
    "shape": "3D body shape",
    "combined": "both",
    "baseline": "baseline: appearance-only network",
    "gain": "both minus baseline, same queries",
    "chance": "chance",
}


def other_tables(evidence: Evidence) -> list[str]:
    """Bodies and the photoreal people, as far as they were measured."""
    found = []
    bodies = evidence.metrics.get("bodies", {})
    if bodies:
        columns = [name for name in next(iter(bodies.values())) if name != "pictures"]
        rows = {name: [_plain(row.get(column)) for column in columns] for name, row in bodies.items()}
        pictures = next(iter(bodies.values())).get("pictures")
        title = (
            f"Bodies on {pictures:,} query pictures: keypoint error in pixels of a 256 x 128 crop, shares of keypoints "
            "within 0.2 and 0.5 torso lengths, silhouette overlap"
        )
        found.append(table(title, columns, rows))
    poses = evidence.metrics.get("poses")
    if poses:
        columns = list(next(iter(poses.values())))
        rows = {name: [_plain(row.get(column)) for column in columns] for name, row in poses.items()}
        found.append(table("The same bodies in three dimensions, against the truth", columns, rows))
    people = evidence.metrics.get("openpeople", {})
    return (
        found
        + _people_table(people, "outdoor", "studio")
        + _people_table(people.get("from the studio", {}), "studio", "outdoor")
    )


def _people_table(people: dict, searched: str, listed: str) -> list[str]:
    """The photoreal people, one way; nothing where it was not measured."""
    rows = {NAMES[stream]: people[stream] for stream in STREAMS if stream in people}
    if not rows:
        return []
    columns = metrics_of(rows.values())
    title = (
        f"openpeople, zero-shot, percent: {people.get('queries')} {searched} pictures of photoreal people who do not "
        f"exist against {people.get('gallery pictures')} {listed} pictures; nothing is removed"
    )
    return [
        table(title, columns, {name: [cell(row, column) for column in columns] for name, row in rows.items()})
    ]


def _plain(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def table(title: str, columns: Sequence[str], rows: dict[str, Sequence[str]]) -> str:
    """An HTML table in a place that scrolls by itself where it is too narrow."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    return (
        f'<div class="figures" role="region" tabindex="0" aria-label="{escape(title.partition(",")[0])}"><table>'
        f"<caption>{escape(title)}</caption><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
