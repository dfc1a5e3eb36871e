"""Results of `evaluate` read back from JSON: one training, or several seeds of it, as mean and deviation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from threedsl.errors import InputError
from threedsl.evaluation.figures import METRICS
from threedsl.evaluation.tables.published import Published, find_published
from threedsl.reading import parse_json, read_file

MOST_BYTES = 50_000_000
SAME = ("people", "queries", "gallery", "flip", "rerank", "expand")
"""What must be equal where results are averaged."""


@dataclass(frozen=True)
class Mean:
    """A metric over seeds, from 0 to 1; interval and deviation are None where there is not one of them, or not two."""

    value: float
    by_seed: tuple[float, ...]
    interval: tuple[float, float] | None
    deviation: float | None


@dataclass(frozen=True)
class Row:
    """One training under one protocol and stream."""

    training: str
    dataset: str
    protocol: str
    stream: str
    figures: dict[str, Mean]
    facts: dict
    published: Published | None

    @property
    def block(self) -> tuple[str, str]:
        """Rows with equal blocks may be compared."""
        return self.dataset, self.protocol

    @property
    def seeds(self) -> int:
        return len(self.figures[METRICS[0]].by_seed)


def read_rows(path: str | Path) -> list[dict]:
    """The objects that `evaluate --json` printed, one a line, or that `evaluate --save` wrote, as a list.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    data = read_file(
        path, MOST_BYTES, remedy="write it with `python -m threedsl evaluate … --save FILE.json`"
    )
    found = parse_json(data, str(path)) if data.lstrip()[:1] == b"[" else _lines(data, str(path))
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(_is_row(row) for row in rows):
        raise InputError(
            f"{path} is no result of `evaluate`; write it with `python -m threedsl evaluate … --save FILE.json`."
        )
    return rows


def _lines(data: bytes, name: str) -> list:
    return [parse_json(line, name) for line in data.splitlines() if line.strip()]


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or not all(type(row.get(key)) is str for key in ("protocol", "stream")):
        return False
    return all(isinstance(row.get(name), dict) and _is_share(row[name].get("value")) for name in METRICS)


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def summarized(trainings: dict[str, Sequence[list[dict]]]) -> list[Row]:
    """Rows in the order of trainings, protocols and streams. Datasets of the same name in one file are told apart by
    their folders.

    Args:
        trainings: name -> for each seed what `read_rows` returned.

    Raises:
        InputError: seeds of one training lack a protocol or stream that others have, a file has one twice, or results
            that would be compared are of different pictures.
    """
    rows, known = [], {}
    shared = _shared_names(seed for seeds in trainings.values() for seed in seeds)
    for name, seeds in trainings.items():
        by_seed = [_by_key(name, seed, shared) for seed in seeds]
        for key in dict.fromkeys(key for seed in by_seed for key in seed):
            if not all(key in seed for seed in by_seed):
                raise InputError(f"{name}: not every file has {_in_words(key)}; evaluate all alike.")
            found = [seed[key] for seed in by_seed]
            facts = {field: found[0].get(field) for field in SAME}
            block = key[:2]
            for row in found:
                if any(row.get(field) != known.setdefault(block, facts)[field] for field in SAME):
                    raise InputError(
                        f"{name}: {key[1]} was measured on other pictures than those before, or ranked otherwise; "
                        "evaluate all alike."
                    )
            rows.append(_row(name, key, found, facts))
    return rows


def _shared_names(files: Iterable[list[dict]]) -> set[str]:
    """Names of datasets that belong to several folders in one file."""
    pairs = (dict.fromkeys((_name(row), str(row.get("folder", ""))) for row in rows) for rows in files)
    return {name for file in pairs for name, count in Counter(name for name, _ in file).items() if count > 1}


def _by_key(training: str, rows: list[dict], shared: set[str]) -> dict[tuple[str, str, str], dict]:
    found: dict[tuple[str, str, str], dict] = {}
    for row in rows:
        key = _key(row, shared)
        if key in found:
            raise InputError(
                f"{training}: a file has {_in_words(key)} twice; write one file for each run of `evaluate`."
            )
        found[key] = row
    return found


def _in_words(key: tuple[str, str, str]) -> str:
    dataset, protocol, stream = key
    return f"{stream} under {protocol} of {dataset}"


def _name(row: dict) -> str:
    return str(row.get("dataset") or Path(str(row.get("folder", ""))).name)


def _key(row: dict, shared: set[str]) -> tuple[str, str, str]:
    """(dataset, protocol, stream) as they are shown."""
    name = _name(row)
    dataset = f"{name} in {row.get('folder')}" if name in shared else name
    beyond = [f"expanded by {row['expand']}"] if row.get("expand") else []
    beyond += ["re-ranked"] if row.get("rerank") else []
    protocol = row["protocol"] + (f" ({', '.join(beyond)})" if beyond else "")
    return dataset, protocol, row["stream"]


def _row(name: str, key: tuple[str, str, str], found: list[dict], facts: dict) -> Row:
    figures = {metric: _mean([row[metric] for row in found]) for metric in METRICS}
    refined = bool(facts["rerank"] or facts["expand"])
    # A folder may be named like a dataset and not be it; `prepare` writes which one it is.
    dataset = str(found[0].get("dataset") or "")
    paper = find_published(dataset, key[1], any(row.get("differences") for row in found), refined)
    return Row(name, *key, figures, facts, paper)


def _mean(figures: list[dict]) -> Mean:
    values = tuple(float(figure["value"]) for figure in figures)
    interval = figures[0].get("interval") if len(figures) == 1 else None
    spread = stdev(values) if len(values) > 1 else None
    return Mean(mean(values), values, tuple(interval) if interval else None, spread)


def as_record(rows: Sequence[Row], title: str, note: str, how: str) -> dict:
    """A comparison of trainings as benchmarks/records holds it.

    Raises:
        InputError: the rows are of several datasets or protocols, which one comparison cannot show.
    """
    blocks = list(dict.fromkeys(row.block for row in rows))
    if len(blocks) > 1:
        names = ", ".join(" under ".join(block) for block in blocks)
        raise InputError(
            f"A record holds one protocol of one dataset, not {names}; evaluate with one --protocol."
        )
    facts = rows[0].facts
    record: dict = {
        "title": title,
        "note": note,
        "how": how,
        "protocol": rows[0].protocol,
        "sample": {
            "people": facts["people"],
            "queries": facts["queries"],
            "gallery pictures": facts["gallery"],
        },
        "seed": None,
        "data": rows[0].dataset,
        "trainings": {},
    }
    for row in rows:
        record["trainings"].setdefault(row.training, {})[row.stream] = {
            "seeds": row.seeds,
            **{
                name: {"value": one.value, "by seed": list(one.by_seed), "deviation": one.deviation}
                | ({"interval": list(one.interval)} if one.interval else {})
                for name, one in row.figures.items()
            },
        }
    return record


def record_text(record: dict | list) -> str:
    """The file of a record, or of results."""
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"
