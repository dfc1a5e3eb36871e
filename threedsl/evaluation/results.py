"""A model evaluated on the trials of a dataset folder, stream by stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.descriptors import STREAMS
from threedsl.evaluation.descriptor_cache import DescriptorCache, describe
from threedsl.evaluation.figures import PLAIN, Figures, Refinement, figures_of, taken
from threedsl.evaluation.testset import Trial, dataset_of, differences_of
from threedsl.progress import progress_bar

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL


@dataclass(frozen=True)
class Result:
    """What one model scores on one dataset under one protocol, stream by stream.

    differences: differences from the published dataset, one sentence per list; empty if unknown.
    """

    folder: str
    dataset: str
    trial: Trial
    ranking: Refinement
    streams: dict[str, Figures]
    differences: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The protocol, and any refinement of the ranking."""
        beyond = self.ranking.name
        return f"{self.trial.protocol.name} ({beyond})" if beyond else self.trial.protocol.name

    @property
    def any(self) -> Figures:
        """Figures of any one stream, for values that are equal in all."""
        return next(iter(self.streams.values()))


def counted(number: int, one: str, more: str) -> str:
    """ "1 query", "3,368 queries"."""
    return f"{number:,} {one if number == 1 else more}"


def short_names(results: Sequence[Result]) -> dict[str, str]:
    """Each folder's name in plots: "" if there is only one, else its name, or its full path if two folders
    share a name."""
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
    ranking: Refinement = PLAIN,
    cache: DescriptorCache | None = None,
    mirror: bool = False,
    seed: int = 0,
    shape_share: float | None = None,
) -> list[Result]:
    """Compute the descriptors of a folder's trials, each once, and score every stream under every protocol.

    shape_share: the shape stream's weight in the combined descriptor; None: the model's.

    Raises:
        InputError: a picture cannot be read, or no query of a protocol has a true match.
    """
    paths = list(dict.fromkeys(record.path for trial in trials for record in trial.query + trial.gallery))
    described = describe(model, paths, cache, mirror)
    if shape_share is not None:
        described = replace(described, shape_share=shape_share)
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
