"""What may be left out of a gallery: the query's own clothes, or the query's own cameras, where both are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from threedsl.data.listfile import Record

LABELS = {"clothes": "Hide the same clothes", "camera": "Hide the same camera"}


@dataclass(frozen=True)
class Filter:
    """One thing that can be hidden."""

    rows: frozenset[int]  # of the gallery
    description: str  # how much would be hidden; "" for nothing

    @property
    def works(self) -> bool:
        """Whether it would hide anything."""
        return bool(self.rows)


def filters(
    records: Sequence[Record], known: Mapping[str, Record], digests: Sequence[str]
) -> dict[str, Filter]:
    """The filters "clothes" and "camera" for a query of photos with these sha256 digests.

    Clothes are numbered person by person, so the same clothes means this person wearing them; a camera is the same
    for every person.
    """
    shown = [known[digest] for digest in digests if digest in known]
    if len(shown) < len(digests):
        return dict.fromkeys(LABELS, Filter(frozenset(), ""))
    worn = {(record.pid, record.clothes) for record in shown if record.clothes}
    cameras = {record.camid for record in shown if record.camid}
    same_clothes = frozenset(i for i, record in enumerate(records) if (record.pid, record.clothes) in worn)
    same_camera = frozenset(i for i, record in enumerate(records) if record.camid in cameras)
    return {
        "clothes": Filter(same_clothes, _description(same_clothes, "of this person in these clothes")),
        "camera": Filter(same_camera, _description(same_camera, "from this camera")),
    }


def _description(rows: frozenset[int], what: str) -> str:
    return f"{len(rows)} {'picture' if len(rows) == 1 else 'pictures'} {what}." if rows else ""


def hidden_rows(found: Mapping[str, Filter], wanted: Sequence[str]) -> frozenset[int]:
    """Rows of the gallery that the chosen filters leave out."""
    return frozenset().union(*(found[name].rows for name in wanted if name in found))
