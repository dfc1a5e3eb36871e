"""A model evaluated on the trials of a data set folder, stream by stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.evaluation.descriptors import DescriptorCache, describe
from threedsl.evaluation.figures import PLAIN, Figures, Ranking, figures_of, taken
from threedsl.evaluation.testset import Trial, dataset_of, differences_of
from threedsl.progress import progress_bar
from threedsl.streams import STREAMS

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL


@dataclass(frozen=True)
class Result:
    """What one model scores on one data set under one protocol, stream by stream.

    differences: what is unlike the published data set, a sentence a list; none where nothing is known of it.
    """

    folder: str
    dataset: str
    trial: Trial
    ranking: Ranking
    streams: dict[str, Figures]
    differences: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The protocol, and what was done to the order beyond it."""
        beyond = self.ranking.name
        return f"{self.trial.protocol.name} ({beyond})" if beyond else self.trial.protocol.name

    @property
    def any(self) -> Figures:
        """Figures of some stream, for what is the same in all."""
        return next(iter(self.streams.values()))


def counted(number: int, one: str, more: str) -> str:
    """ "1 query", "3,368 queries"."""
    return f"{number:,} {one if number == 1 else more}"


def short_names(results: Sequence[Result]) -> dict[str, str]:
    """What pictures call each folder: "" where there is one only, else its name, or all of its path where two folders
    have the same name."""
    folders = list(dict.fromkeys(result.folder for result in results))
    if len(folders) == 1:
        return {folders[0]: ""}
    names = [Path(folder).resolve().name for folder in folders]
    return {
        folder: name if names.count(name) == 1 else folder
        for folder, name in zip(folders, names, strict=True)
    }


def evaluate_trials(
    folder: str,
    trials: Sequence[Trial],
    model: ThreeDSL,
    streams: Sequence[str] = STREAMS,
    ranking: Ranking = PLAIN,
    cache: DescriptorCache | None = None,
    mirror: bool = False,
    seed: int = 0,
) -> list[Result]:
    """Describe the pictures of a folder's trials, each once, and score every stream under every protocol.

    Raises:
        InputError: a picture cannot be read, or no query of a protocol has a true match.
    """
    paths = list(dict.fromkeys(record.path for trial in trials for record in trial.query + trial.gallery))
    described = describe(model, paths, cache, mirror)
    row = {path: number for number, path in enumerate(paths)}
    rows = [
        [np.array([row[record.path] for record in part]) for part in (trial.query, trial.gallery)]
        for trial in trials
    ]
    figures: list[dict[str, Figures]] = [{} for _ in trials]
    for stream in streams:
        descriptors = described.stream(stream)
        for trial, (query, gallery), found in zip(trials, rows, figures, strict=True):
            with progress_bar(f"Ranking {trial.protocol.name}, {stream}", "query") as report:
                found[stream] = figures_of(
                    trial, taken(descriptors, query), taken(descriptors, gallery), ranking, seed, report
                )
    dataset, unlike = dataset_of(folder), differences_of(folder)
    return [
        Result(folder, dataset, trial, ranking, found, unlike)
        for trial, found in zip(trials, figures, strict=True)
    ]
