"""The query and gallery pictures that a protocol ranks, read from a data set folder's lists."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record, read_list
from threedsl.datasets.writing import prepared
from threedsl.errors import InputError
from threedsl.evaluation.metrics import REMOVALS, Labels
from threedsl.evaluation.protocols import (
    ALL,
    PROTOCOLS,
    Protocol,
    check_dataset,
    find_protocol,
    general,
    published_for,
)
from threedsl.evaluation.scoring import kept_gallery


@dataclass(frozen=True)
class Trial:
    """What one protocol ranks on one data set.

    Attributes:
        query, gallery: the pictures that count, Q and G of them.
        query_labels, gallery_labels: theirs; cameras as the protocol sees them.
        draws: rows of the gallery to rank, one array a draw; a single one with every row where nothing is drawn.
        matches, ranked: (Q,) true matches of each query, and gallery pictures it is ranked against, in the first draw.
    """

    protocol: Protocol
    query: list[Record]
    gallery: list[Record]
    query_labels: Labels
    gallery_labels: Labels
    draws: list[NDArray[np.int64]]
    matches: NDArray[np.int64]
    ranked: NDArray[np.int64]


def dataset_of(folder: str | Path) -> str:
    """The name under which `prepare` made the folder's lists, "" where it did not."""
    return str((prepared(Path(folder)) or {}).get("dataset", ""))


def applicable(folder: str | Path) -> tuple[Protocol, ...]:
    """The protocols that "all" stands for: those published for the data set, otherwise every general one whose labels
    the lists hold; nothing-removed stands in for standard where no camera is known or every picture is its own.

    Raises:
        InputError: a list is missing or damaged.
    """
    if published := published_for(dataset_of(folder)):
        return published
    query, gallery = (_read(folder, name) for name in ("query", "gallery"))
    found = _labelled(query, gallery, folder)
    cameras = {record.camid for record in query + gallery}
    compared = len(cameras) < len(query) + len(gallery) and find_protocol("standard") in found
    other = find_protocol("nothing-removed" if compared else "standard")
    return tuple(protocol for protocol in found if protocol != other)


def usable_names(folder: str | Path) -> list[str]:
    """The protocols that can be named for a folder: those published for it and the general ones it has labels for.

    Raises:
        InputError: a list is missing or damaged.
    """
    query, gallery = (_read(folder, name) for name in ("query", "gallery"))
    usable = (*published_for(dataset_of(folder)), *_labelled(query, gallery, folder))
    return list(dict.fromkeys(protocol.name for protocol in usable))


def differences_of(folder: str | Path) -> list[str]:
    """What `prepare` found unlike the published data set, a sentence a list."""
    found = (prepared(Path(folder)) or {}).get("differences")
    return [str(sentence) for sentence in found] if isinstance(found, list) else []


def choose_trials(
    folder: str | Path, names: Sequence[str], seed: int = 0
) -> tuple[list[Trial], dict[str, str]]:
    """What is to be ranked in a folder under the protocols of these names, "all" among them.

    Returns:
        the trials, and the protocols of "all" that cannot be used with these lists, each with the reason.

    Raises:
        InputError: a protocol asked for by its own name is unknown or cannot be used here, or none of "all" can.
    """
    known = {protocol.name for protocol in PROTOCOLS}
    for name in names:
        if name not in (ALL, *known):
            find_protocol(name, usable_names(folder))
    by_name = {find_protocol(name) for name in names if name != ALL}
    asked = dict.fromkeys(
        protocol
        for name in names
        for protocol in (applicable(folder) if name == ALL else [find_protocol(name)])
    )
    trials, left_out = [], {}
    for protocol in asked:
        try:
            trials.append(read_trial(folder, protocol, seed))
        except InputError as error:
            if protocol in by_name or (len(left_out) == len(asked) - 1):
                raise
            left_out[protocol.name] = str(error)
    return trials, left_out


def read_trial(folder: str | Path, protocol: Protocol, seed: int = 0) -> Trial:
    """Read the lists a protocol names and choose the pictures it ranks.

    Raises:
        InputError: the folder is of another data set, a list is missing, a label the protocol compares is unknown,
            no picture is of its cameras, or no query has a true match.
    """
    check_dataset(protocol, dataset_of(folder), folder)
    query = _of_cameras(folder, protocol, protocol.query_list, protocol.query_cameras)
    gallery = _of_cameras(folder, protocol, protocol.gallery_list, protocol.gallery_cameras)
    _check_labels(protocol, query, gallery, folder)
    draws = single_shots(gallery, protocol.draws, seed) if protocol.draws else [np.arange(len(gallery))]
    labels = [labels_of(records, protocol.own_cameras) for records in (query, gallery)]
    matches, ranked = match_counts(labels[0], labels[1].take(draws[0]), protocol)
    if not matches.any():
        raise InputError(
            f"no query of {folder} has a true match in the gallery under {protocol.name!r} ({protocol.summary})."
        )
    return Trial(protocol, query, gallery, *labels, draws, matches, ranked)


def match_counts(
    query: Labels, gallery: Labels, protocol: Protocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(Q,) true matches that the protocol leaves each query, and (Q,) pictures left in its gallery."""
    order = np.argsort(gallery.pids, kind="stable")
    people, starts, counts = np.unique(gallery.pids[order], return_index=True, return_counts=True)
    rows = {pid: order[start : start + n] for pid, start, n in zip(people, starts, counts, strict=True)}
    nobody = np.zeros(0, np.int64)
    own = np.array([len(rows.get(pid, nobody)) for pid in query.pids])
    matches = np.array([
        kept_gallery(query, row, gallery.take(rows.get(pid, nobody)), REMOVALS[protocol.removed], protocol.name).sum()
        for row, pid in enumerate(query.pids)
    ])  # fmt: skip
    return matches, len(gallery) - own + matches


def labels_of(records: Sequence[Record], own_cameras: bool = False) -> Labels:
    """The records' labels as arrays; with own_cameras the picture itself stands for the camera."""
    return Labels(
        np.array([record.pid for record in records]),
        np.array([str(record.path) if own_cameras else record.camid for record in records]),
        np.array([record.clothes for record in records]),
    )


def single_shots(gallery: Sequence[Record], draws: int, seed: int) -> list[NDArray[np.int64]]:
    """Rows of one picture a person, drawn afresh `draws` times.

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


def _read(folder: str | Path, name: str) -> list[Record]:
    path = Path(folder) / "list" / f"{name}.txt"
    if not os.path.exists(folder):
        raise InputError(
            f"{folder} does not exist; give a data set folder, as `python -m threedsl prepare` makes it."
        )
    lists = Path(folder) if os.path.isdir(folder) else Path(folder).parent
    if not path.is_file() and lists.name == "list" and (lists / f"{name}.txt").is_file():
        raise InputError(f"{folder} is not a data set folder; give {lists.parent}.")
    if not os.path.isdir(folder):
        raise InputError(f"{folder} is a file; give the data set folder, which has list/{name}.txt.")
    if not path.is_file():
        raise InputError(
            f"{folder} has no list/{name}.txt; `python -m threedsl prepare` writes it from a data set as downloaded."
        )
    return read_list(path, folder)


def _labelled(query: Sequence[Record], gallery: Sequence[Record], folder: str | Path) -> list[Protocol]:
    """The general protocols whose labels the lists hold."""
    found = []
    for protocol in general():
        with suppress(InputError):
            _check_labels(protocol, query, gallery, folder)
            found.append(protocol)
    return found


def _of_cameras(folder: str | Path, protocol: Protocol, name: str, cameras: tuple[str, ...]) -> list[Record]:
    records = _read(folder, name)
    kept = [record for record in records if not cameras or record.camid in cameras]
    if not kept:
        there = ", ".join(sorted({record.camid or "unknown" for record in records}))
        raise InputError(
            f"{folder}/list/{name}.txt has no picture of camera {' or '.join(cameras)}, which {protocol.name!r} ranks; "
            f"its cameras are {there}."
        )
    return kept


def _check_labels(
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
                    f"{folder}/list/{name}.txt names no {label} for {missing:,} of {len(records):,} pictures, and "
                    f"{protocol.name!r} compares them; add the {column} column or use {other}."
                )
    cameras = {record.camid for records in compared.values() for record in records}
    if not protocol.own_cameras and all(compared.values()) and len(cameras) == 1:
        raise InputError(
            f"every picture of {folder} is of camera {cameras.pop()}, so {protocol.name!r} leaves no true match; "
            "use nothing-removed if the cameras are not known."
        )
