"""The labels of a gallery's pictures in columns, about 150 bytes a picture; filters on them; which are deleted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record
from threedsl.errors import InputError

LABELS = ("pid", "camid", "clothes")
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Filter:
    """Which pictures a search may find; what is None allows all.

    Attributes:
        pid, camid, clothes: the allowed labels; "" is the unknown one.
        not_pid, not_camid, not_clothes: labels that are left out.
        since, until: seconds since 1970, both included; a picture without a time is left out by either.

    >>> Filter(camid=("2", "3"), not_pid=("anna",)).labels()
    {'camid': (('2', '3'), True), 'pid': (('anna',), False)}
    """

    pid: tuple[str, ...] | None = None
    camid: tuple[str, ...] | None = None
    clothes: tuple[str, ...] | None = None
    not_pid: tuple[str, ...] | None = None
    not_camid: tuple[str, ...] | None = None
    not_clothes: tuple[str, ...] | None = None
    since: float | None = None
    until: float | None = None

    def __post_init__(self) -> None:
        for name in (*LABELS, *(f"not_{label}" for label in LABELS)):
            values = getattr(self, name)
            if isinstance(values, str) or not all(isinstance(value, str) for value in values or ()):
                raise InputError(f"A filter's {name} is a tuple of labels, not {str(values)[:60]!r}.")
        if self.since != self.since or self.until != self.until:
            raise InputError("A filter's times are numbers of seconds, not NaN.")

    def labels(self) -> dict[str, tuple[tuple[str, ...], bool]]:
        """Label -> (its values, whether they are the allowed ones); a label with both kinds counts the difference."""
        chosen = {}
        for name in LABELS:
            allowed, refused = getattr(self, name), getattr(self, f"not_{name}")
            if allowed is not None:
                chosen[name] = (tuple(value for value in allowed if value not in (refused or ())), True)
            elif refused is not None:
                chosen[name] = (tuple(refused), False)
        return chosen


class _Column:
    """A growing list of strings, each different one stored once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.names: list[str] = []
        self.codes = np.empty(0, np.int32)

    def extend(self, values: Iterable[str]) -> None:
        codes = [self.numbers.setdefault(value, len(self.numbers)) for value in values]
        self.names = list(self.numbers)
        self.codes = np.concatenate([self.codes, np.array(codes, np.int32)])

    def among(self, values: Iterable[str]) -> NDArray[np.bool_]:
        chosen = np.zeros(len(self.names) + 1, bool)
        chosen[[self.numbers.get(value, -1) for value in values]] = True
        chosen[-1] = False  # where values that no picture has went
        return chosen[self.codes]


class Records(Sequence):
    """N pictures with labels, their boxes, and which of them are deleted; a row keeps its number for good.

    Attributes:
        boxes: list of N (x0, y0, x1, y1) or None.
        deleted: (N,) bool, the tombstones.

    >>> records = Records([Record(Path("a.jpg"), "anna", "1"), Record(Path("b.jpg"), "ben", "2")])
    >>> records.allowed(Filter(not_camid=("1",))).tolist()
    [False, True]
    """

    def __init__(self, records: Iterable[Record] = (), boxes: Iterable[Box | None] | None = None):
        self.paths: list[str] = []
        self.boxes: list[Box | None] = []
        self.deleted = np.zeros(0, bool)
        self.times = np.zeros(0)
        self._columns = {name: _Column() for name in LABELS}
        self.extend(records, boxes)

    def extend(self, records: Iterable[Record], boxes: Iterable[Box | None] | None = None) -> None:
        """Append pictures; boxes: one a picture, None for whole pictures."""
        records = list(records)
        boxes = [None] * len(records) if boxes is None else list(boxes)
        if len(boxes) != len(records):
            raise ValueError(f"{len(boxes)} boxes for {len(records)} pictures")
        self.paths += [os.fspath(record.path) for record in records]
        self.boxes += boxes
        self.deleted = np.concatenate([self.deleted, np.zeros(len(records), bool)])
        times = [np.nan if record.time is None else record.time for record in records]
        self.times = np.concatenate([self.times, np.array(times, np.float64)])
        for name, column in self._columns.items():
            column.extend(getattr(record, name) for record in records)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row):
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        path, time = Path(self.paths[row]), float(self.times[row])
        labels = (column.names[column.codes[row]] for column in self._columns.values())
        return Record(path, *labels, None if np.isnan(time) else time)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None

    @property
    def alive(self) -> int:
        """How many are not deleted."""
        return len(self) - int(self.deleted.sum())

    def allowed(self, where: Filter | None = None) -> NDArray[np.bool_]:
        """(N,) which are neither deleted nor left out by the filter."""
        allowed = ~self.deleted
        if where is None:
            return allowed
        for name, (values, wanted) in where.labels().items():
            allowed &= self._columns[name].among(values) == wanted
        if where.since is not None:
            allowed &= self.times >= where.since
        if where.until is not None:
            allowed &= self.times <= where.until
        return allowed

    def delete(self, rows: Sequence[int] | NDArray | Filter) -> int:
        """Mark pictures as deleted; how many were not before.

        Raises:
            InputError: a row that does not exist.
        """
        if isinstance(rows, Filter):
            rows = np.flatnonzero(self.allowed(rows))
        rows = np.asarray(rows)
        if rows.size and not (
            np.issubdtype(rows.dtype, np.integer) and 0 <= rows.min() and rows.max() < len(self)
        ):
            raise InputError(f"Rows of this gallery are whole numbers from 0 to {len(self) - 1}.")
        before = self.alive
        self.deleted[rows.astype(np.int64)] = True
        return before - self.alive
