"""Records: what was measured and how, as small JSON files. Every figure of docs/results.md comes from one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from threedsl.errors import InputError
from threedsl.reading import read_object

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "records"
SHIPPED = ROOT / "checkpoints" / "3dsl-lite"
ELSEWHERE = {"shipped": SHIPPED / "metrics.json", "second-stage": SHIPPED / "training-second-stage.json"}
"""Records that do not lie in FOLDER: what the training and `train measure` write next to the weights."""

HOW = ("how", "protocol", "sample", "seed")
"""What every record in FOLDER says of itself: the command or the steps; the protocol; numbers of people and pictures;
the random seed, or null where nothing is drawn."""


@dataclass(frozen=True)
class Record:
    """A measurement.

    Attributes:
        name: the file's, without .json.
        path: of the file.
        content: as read. `how`, `protocol`, `sample` and `seed` say how it was made; a comparison of trainings, as
            `train compare` and `threedsl summarize` write it, has `trainings` besides, and is shown without being named
            in the template.
    """

    name: str
    path: Path
    content: dict

    @property
    def compares(self) -> bool:
        return "trainings" in self.content

    def at(self, *keys: str) -> object:
        """The value below these keys, one a level.

        Raises:
            InputError: there is none.
        """
        value: object = self.content
        for depth, key in enumerate(keys):
            if not isinstance(value, dict) or key not in value:
                where = " > ".join([self.name, *keys[:depth]])
                there = ", ".join(value) if isinstance(value, dict) else "nothing below it"
                raise InputError(f"{self.path.name} has no {key!r} in {where} (there: {there}).")
            value = value[key]
        return value


def read_records(folder: Path = FOLDER, elsewhere: Mapping[str, Path] | None = None) -> dict[str, Record]:
    """All records by name, sorted.

    Raises:
        InputError: a file is no JSON object, or one in `folder` does not say how it was made.
    """
    files = ELSEWHERE if elsewhere is None else elsewhere
    records = {name: Record(name, path, read_object(path)) for name, path in files.items()}
    for path in sorted(folder.glob("*.json")):
        record = Record(path.stem, path, read_object(path))
        if lacking := [field for field in HOW if field not in record.content]:
            raise InputError(f"{path} does not say how it was made: {', '.join(lacking)} missing; add it.")
        records[path.stem] = record
    return records


def as_text(content: dict) -> str:
    """A record's file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
