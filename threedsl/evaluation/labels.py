"""The labels that a protocol needs: as arrays, drawn, counted, and checked before any descriptor is computed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.evaluation.metrics import REMOVALS, Labels
from threedsl.evaluation.protocols import Protocol
from threedsl.evaluation.scoring import kept_gallery


def match_counts(
    query: Labels, gallery: Labels, protocol: Protocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(Q,) true matches that the protocol leaves each query, and (Q,) pictures left in its gallery."""
    order = np.argsort(gallery.pids, kind="stable")
    people, starts, counts = np.unique(gallery.pids[order], return_index=True, return_counts=True)
    rows = {pid: order[start : start + n] for pid, start, n in zip(people, starts, counts, strict=True)}
    empty = np.zeros(0, np.int64)
    own = np.array([len(rows.get(pid, empty)) for pid in query.pids])
    matches = np.array([
        kept_gallery(query, row, gallery.take(rows.get(pid, empty)), REMOVALS[protocol.removed], protocol.name).sum()
        for row, pid in enumerate(query.pids)
    ])  # fmt: skip
    return matches, len(gallery) - own + matches


def labels_of(records: Sequence[Record], own_cameras: bool = False) -> Labels:
    """The records' labels as arrays; with own_cameras each picture counts as its own camera."""
    return Labels(
        np.array([record.pid for record in records]),
        np.array([_short(record.path) if own_cameras else record.camid for record in records]),
        np.array([record.clothes for record in records]),
    )


def _short(path: Path) -> str:
    """Another text for every path, as short for a long one: an array takes for each what the longest takes."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def single_shots(gallery: Sequence[Record], draws: int, seed: int) -> list[NDArray[np.int64]]:
    """Rows of one random picture per person, for each of `draws` draws.

    Draw d takes, for the people in sorted order, picture integers(count) of their count pictures sorted by path, from
    NumPy's default_rng([seed, d]): the same pictures on every machine, whatever the order of the list.
    """
    rows: dict[str, list[int]] = {}
    for row in sorted(range(len(gallery)), key=lambda row: gallery[row].path.as_posix()):
        rows.setdefault(gallery[row].pid, []).append(row)
    people = sorted(rows)
    drawn = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        drawn.append(np.array([rows[pid][rng.integers(len(rows[pid]))] for pid in people]))
    return drawn


def check_people(query: Sequence[Record], gallery: Sequence[Record], folder: str | Path) -> None:
    """Under every protocol a query is scored by pictures of its person."""
    sought, there = ({record.pid for record in records} for records in (query, gallery))
    if sought & there:
        return
    raise InputError(
        f"none of the {len(sought):,} people in {folder}'s queries ({_some(sought)}) is among the {len(there):,} in "
        f"its gallery ({_some(there)}), so nothing can be scored; label people alike in both lists, or add "
        "pictures of the queries' people to the gallery."
    )


def _some(people: set[str]) -> str:
    names = sorted(people)
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def check_labels(
    protocol: Protocol, query: Sequence[Record], gallery: Sequence[Record], folder: str | Path
) -> None:
    """Labels are compared within a person only, so those of distractors may be unknown."""
    people = {record.pid for record in query}
    compared = {
        protocol.query_list: query,
        protocol.gallery_list: [record for record in gallery if record.pid in people],
    }
    needs = [] if protocol.own_cameras else [("camera", "third", "nothing-removed")]
    if protocol.needs_clothes:
        needs.append(("clothes", "fourth", "standard"))
    for name, records in compared.items():
        for label, column, other in needs:
            missing = sum(not (record.clothes if label == "clothes" else record.camid) for record in records)
            if missing:
                raise InputError(
                    f"{folder}/list/{name}.txt has no {label} for {missing:,} of {len(records):,} pictures, and "
                    f"{protocol.name!r} compares them; add the {column} column or use {other}."
                )
    cameras = {record.camid for records in compared.values() for record in records}
    if not protocol.own_cameras and all(compared.values()) and len(cameras) == 1:
        raise InputError(
            f"every picture of {folder} is from camera {cameras.pop()}, so {protocol.name!r} leaves no true match; "
            "use nothing-removed if the cameras are unknown."
        )
