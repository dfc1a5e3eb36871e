"""The query and gallery pictures that a protocol ranks, read from a dataset folder's lists."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.contents import content_ids, repeated
from threedsl.data.listfile import Record, read_list
from threedsl.datasets.writing import prepared
from threedsl.errors import InputError
from threedsl.evaluation.labels import check_labels, check_people, labels_of, match_counts, single_shots
from threedsl.evaluation.metrics import Labels
from threedsl.evaluation.protocols import (
    ALL,
    PROTOCOLS,
    Protocol,
    check_dataset,
    find_protocol,
    general,
    published_for,
)


@dataclass(frozen=True)
class Trial:
    """What one protocol ranks on one dataset.

    Attributes:
        query, gallery: the pictures that count, Q and G of them.
        query_labels, gallery_labels: theirs; cameras as the protocol sees them.
        draws: rows of the gallery to rank, one array a draw; a single one with every row where nothing is drawn.
        matches, ranked: (Q,) true matches of each query, and gallery pictures it is ranked against, in the first draw.
        notes: sentences about pictures that occur more than once.
    """

    protocol: Protocol
    query: list[Record]
    gallery: list[Record]
    query_labels: Labels
    gallery_labels: Labels
    draws: list[NDArray[np.int64]]
    matches: NDArray[np.int64]
    ranked: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def dataset_of(folder: str | Path) -> str:
    """The name under which `prepare` made the folder's lists, "" where it did not."""
    return str((prepared(Path(folder)) or {}).get("dataset", ""))


def applicable(folder: str | Path) -> tuple[Protocol, ...]:
    """The protocols that "all" stands for: those published for the dataset, otherwise every general one whose labels
    the lists have; nothing-removed replaces standard where cameras are unknown or every picture is its own.

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
    """The differences from the published dataset that `prepare` found, one sentence per list."""
    found = (prepared(Path(folder)) or {}).get("differences")
    return [str(sentence) for sentence in found] if isinstance(found, list) else []


def choose_trials(
    folder: str | Path, names: Sequence[str], seed: int = 0
) -> tuple[list[Trial], dict[str, str]]:
    """The trials of a folder under the named protocols, which may include "all".

    Returns:
        the trials, and the protocols of "all" that cannot be used with these lists, each with the reason.

    Raises:
        InputError: a protocol asked for by its own name is unknown or cannot be used here, or none of "all" can.
    """
    known = {protocol.name for protocol in PROTOCOLS}
    for name in names:
        if name not in (ALL, *known):
            find_protocol(name, usable_names(folder))
    named = {find_protocol(name) for name in names if name != ALL}
    asked = dict.fromkeys(
        protocol
        for name in names
        for protocol in (applicable(folder) if name == ALL else [find_protocol(name)])
    )
    trials, left_out, refusal = [], {}, None
    for protocol in asked:
        try:
            trials.append(read_trial(folder, protocol, seed))
        except InputError as error:
            if protocol in named:
                raise
            left_out[protocol.name], refusal = str(error), error
    if not trials and refusal is not None:
        raise refusal
    return trials, left_out


def read_trial(folder: str | Path, protocol: Protocol, seed: int = 0) -> Trial:
    """Read a protocol's lists and select the pictures it ranks.

    Raises:
        InputError: the folder is of another dataset, a list is missing, a label the protocol compares is unknown,
            no picture is from its cameras, or no query has a true match.
    """
    check_dataset(protocol, dataset_of(folder), folder)
    query = _of_cameras(folder, protocol, protocol.query_list, protocol.query_cameras)
    gallery = _of_cameras(folder, protocol, protocol.gallery_list, protocol.gallery_cameras)
    check_people(query, gallery, folder)
    check_labels(protocol, query, gallery, folder)
    draws = single_shots(gallery, protocol.draws, seed) if protocol.draws else [np.arange(len(gallery))]
    labels = [labels_of(records, protocol.own_cameras) for records in (query, gallery)]
    labels, notes = _with_contents(labels, query, gallery, protocol, folder)
    matches, ranked = match_counts(labels[0], labels[1].take(draws[0]), protocol)
    if not matches.any():
        other = (
            "" if protocol.own_cameras else "use a protocol that removes less, such as nothing-removed, or "
        )
        raise InputError(
            " ".join(
                [
                    f"no query of {folder} has a true match in the gallery under {protocol.name!r} "
                    f"({protocol.summary}): its people are there, but all their pictures are removed; {other}add "
                    "pictures of them.",
                    *notes,
                ]
            )
        )
    return Trial(protocol, query, gallery, *labels, draws, matches, ranked, tuple(notes))


def _with_contents(
    labels: Sequence[Labels],
    query: Sequence[Record],
    gallery: Sequence[Record],
    protocol: Protocol,
    folder: str | Path,
) -> tuple[list[Labels], list[str]]:
    """The labels of query and gallery with content ids, so that no query finds its own copy; and notes for the user.

    Under a protocol published for the dataset copies stay, as in every published result.
    """
    ids = content_ids([record.path for record in (*query, *gallery)])
    asked, held = ids[: len(query)], ids[len(query) :]
    published = protocol in published_for(dataset_of(folder))
    labelled = [
        replace(side, contents=contents) for side, contents in zip(labels, (asked, held), strict=True)
    ]
    seen = match_counts(labels[0], labels[1], protocol)[0]
    copied = np.flatnonzero(seen - match_counts(labelled[0], labelled[1], protocol)[0])
    notes = [
        *repeated(query, asked, f"{protocol.query_list}.txt"),
        *repeated(gallery, held, f"{protocol.gallery_list}.txt"),
    ]
    if len(copied):
        path = query[copied[0]].path
        done = (
            f"they count as matches, as in the published protocol {protocol.name!r}"
            if published
            else "a query is not ranked against its own copies"
        )
        notes.insert(
            0,
            f"{len(copied):,} of {len(query):,} queries are themselves in {protocol.gallery_list}.txt, as copies of "
            f"their files (first {path}); {done}.",
        )
    return list(labels) if published else labelled, notes


def _read(folder: str | Path, name: str) -> list[Record]:
    path = Path(folder) / "list" / f"{name}.txt"
    if not os.path.exists(folder):
        raise InputError(
            f"{folder} does not exist; give a dataset folder as written by `python -m threedsl prepare`."
        )
    lists = Path(folder) if os.path.isdir(folder) else Path(folder).parent
    if not path.is_file() and lists.name == "list" and (lists / f"{name}.txt").is_file():
        raise InputError(f"{folder} is not a dataset folder; give {lists.parent}.")
    if not os.path.isdir(folder):
        raise InputError(f"{folder} is a file; give the dataset folder, which has list/{name}.txt.")
    if not path.is_file():
        raise InputError(
            f"{folder} has no list/{name}.txt; `python -m threedsl prepare` writes it from a dataset as downloaded."
        )
    return read_list(path, folder)


def _labelled(query: Sequence[Record], gallery: Sequence[Record], folder: str | Path) -> list[Protocol]:
    """The general protocols whose labels the lists have."""
    found = []
    for protocol in general():
        with suppress(InputError):
            check_labels(protocol, query, gallery, folder)
            found.append(protocol)
    return found


def _of_cameras(folder: str | Path, protocol: Protocol, name: str, cameras: tuple[str, ...]) -> list[Record]:
    records = _read(folder, name)
    kept = [record for record in records if not cameras or record.camid in cameras]
    if not kept:
        there = ", ".join(sorted({record.camid or "unknown" for record in records}))
        raise InputError(
            f"{folder}/list/{name}.txt has no picture from camera {' or '.join(cameras)}, which {protocol.name!r} "
            f"ranks; its cameras are {there}."
        )
    return kept
