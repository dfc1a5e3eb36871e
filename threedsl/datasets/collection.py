"""A dataset as read: its lists, and their numbers of people, pictures, cameras and outfits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

from threedsl.data.listfile import Record


@dataclass(frozen=True)
class Counts:
    """Sizes of one list; None: not published, or not known.

    unconfirmed: published figures that no available source confirms.
    """

    ids: int | None = None
    images: int | None = None
    cameras: int | None = None
    outfits: int | None = None
    unconfirmed: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """Plain numbers for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "unconfirmed"}


FIELDS = tuple(entry.name for entry in fields(Counts) if entry.name != "unconfirmed")
WHOLE = "all"  # the row of the whole dataset


@dataclass(frozen=True)
class Collection:
    """A dataset that has been read.

    Attributes:
        dataset: its name in `prepare`; title: its name in print.
        lists: list name without .txt -> its pictures, paths absolute.
        published: list name, or "all" for the whole -> the sizes its authors state.
        repeated: lists whose pictures are also in other lists; "all" does not count them.
        distractor: the pid of distractor pictures in the gallery; not counted as a person.
        cameras_known: False where every picture counts as its own camera.
        notes: sentences for the user.
    """

    dataset: str
    title: str
    lists: dict[str, list[Record]]
    published: dict[str, Counts] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    distractor: str = ""
    cameras_known: bool = True
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, Counts]:
        """Sizes of every list, and of all together; the people of train and of test are different people."""
        found = {name: self._count(records) for name, records in self.lists.items()}
        train = [record for name in ("train", "val") for record in self.lists.get(name, ())]
        test = [
            record
            for name, records in self.lists.items()
            if name not in ("train", "val", *self.repeated)
            for record in records
        ]
        parts, both = (self._count(train), self._count(test)), self._count(train + test)
        ids = sum(part.ids for part in parts)
        outfits = sum(part.outfits for part in parts) if both.outfits is not None else None
        return found | {WHOLE: replace(both, ids=ids, outfits=outfits)}

    def _count(self, records: Sequence[Record]) -> Counts:
        people = {record.pid for record in records} - {self.distractor}
        cameras = {record.camid for record in records}
        outfits = {(record.pid, record.clothes) for record in records if record.clothes}
        return Counts(
            len(people),
            len(records),
            len(cameras) if self.cameras_known else None,
            len(outfits) if any(record.clothes for part in self.lists.values() for record in part) else None,
        )


def differences(found: dict[str, Counts], published: dict[str, Counts]) -> list[str]:
    """ "train: 3 ids instead of 751, …": one entry per list whose sizes are not the published ones."""
    sentences = []
    for name, expected in published.items():
        if name not in found:
            continue
        there = found[name]
        parts = [
            f"{_number(getattr(there, size))} {size} instead of {_number(getattr(expected, size))}"
            + (" (unconfirmed)" if size in expected.unconfirmed else "")
            for size in FIELDS
            if getattr(expected, size) not in (None, getattr(there, size))
        ]
        if parts:
            sentences.append(f"{name}: {', '.join(parts)}")
    return sentences


def table(found: dict[str, Counts], published: dict[str, Counts]) -> str:
    """The sizes found next to the published ones, one row per list, for a terminal; * marks those that differ."""
    columns = [["", *found]]
    legend = set()
    for size in FIELDS:
        pairs = [(getattr(found[name], size), published.get(name, Counts())) for name in found]
        marks = ["*" if getattr(there, size) not in (None, here) else "" for here, there in pairs]
        here = [_number(value) + mark for (value, _), mark in zip(pairs, marks, strict=True)]
        doubts = ["?" if size in counts.unconfirmed else "" for _, counts in pairs]
        there = [
            _number(getattr(counts, size)) + doubt for (_, counts), doubt in zip(pairs, doubts, strict=True)
        ]
        legend |= {*marks, *doubts}
        for title, cells in ((size, here), ("published", there)):
            if any(cell != "-" for cell in cells):
                columns.append([title, *_aligned(cells)])
    widths = [max(map(len, column)) for column in columns]
    rows = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in zip(*columns, strict=True)
    ]
    meanings = {"*": "not the published size", "?": "recalled, not confirmed by a source"}
    return "\n".join([*rows, *(f"{mark} {text}" for mark, text in meanings.items() if mark in legend)])


def unanswerable(query: Iterable[Record], gallery: Iterable[Record]) -> int:
    """How many queries have no picture of the same person under another camera in the gallery."""
    cameras: dict[str, set[str]] = {}
    for record in gallery:
        cameras.setdefault(record.pid, set()).add(record.camid)
    return sum(not cameras.get(record.pid, set()) - {record.camid} for record in query)


def _aligned(cells: list[str]) -> list[str]:
    """Pad every number for a mark if any number has one, so that digits align."""
    marked = any(cell.endswith(("*", "?")) for cell in cells)
    return [cell + " " if marked and not cell.endswith(("*", "?")) else cell for cell in cells]


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
