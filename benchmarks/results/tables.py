"""The parts of docs/results.md that follow from the records alone: comparisons of trainings, and how all was made."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.records import Record
from benchmarks.table import table
from threedsl.errors import InputError

METRICS = ("rank-1", "mAP")
Records = Mapping[str, Record]


def comparisons(records: Records) -> str:
    """Every record with trainings under a heading of its own; a sentence if there are none."""
    found = [comparison(record) for record in records.values() if record.compares]
    return "\n\n".join(found) if found else "None is recorded."


def comparison(record: Record) -> str:
    """One comparison: what it shows, a row a training and stream that is `shown`, and the differences it was asked for.

    Raises:
        InputError: the record is damaged.
    """
    content = record.content
    try:
        lines = [f"### {content['title']}", ""]
        about = f"Protocol `{content['protocol']}`, {sample_in_words(content['sample'])}.{budget(content)}"
        lines += [f"{about} {content['note']}" if content.get("note") else about, ""]
        rows = [
            [name, stream, seeds_in_words(row), *(cell(row[metric]) for metric in METRICS)]
            for name, streams in content["trainings"].items()
            for stream, row in streams.items()
            if stream in content.get("shown", streams)
        ]
        lines.append(table(["training", "stream", "seeds", *(f"{m}, percent" for m in METRICS)], rows))
        if content.get("differences"):
            rows = [
                [pair, stream, *(cell(row[metric], "+") for metric in METRICS)]
                for pair, streams in content["differences"].items()
                for stream, row in streams.items()
                if stream in content.get("shown", streams)
            ]
            lines += ["", table(["difference", "stream", *(f"{m}, points" for m in METRICS)], rows)]
        return "\n".join(lines)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{record.path} is no comparison as `train compare` writes it ({error}).") from None


def budget(content: dict) -> str:
    """A sentence about what all trainings have in common, as far as it is recorded."""
    trained = content.get("trained", {})
    if not trained.get("steps"):
        return ""
    step = f" of {trained['pictures a step']:,} pictures" if "pictures a step" in trained else ""
    known = trained.get("trained on", {})
    on = f" on {sample_in_words(known)}" if known else ""
    return f" All for {trained['steps']:,} steps{step}{on}."


def cell(figure: dict, sign: str = "") -> str:
    """ "50.5 (46.0 to 55.3)", and "± 1.2" before the brackets where several seeds spread."""
    words = f"{100 * figure['value']:{sign}.1f}"
    if figure.get("deviation") is not None:
        words += f" ± {100 * figure['deviation']:.1f}"
    if figure.get("interval"):
        low, high = figure["interval"]
        words += f" ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"
    return words


def seeds_in_words(row: dict) -> str:
    """How many, and each one's rank-1 where there are several."""
    count, each = row["seeds"], row["rank-1"].get("by seed", ())
    return f"{count}: {', '.join(f'{100 * value:.1f}' for value in each)}" if len(each) > 1 else str(count)


def sample_in_words(sample: dict) -> str:
    """{"people": 104, "queries": 416} -> "104 people, 416 queries"."""
    return ", ".join(f"{count:,} {name}" for name, count in sample.items())


def provenance(records: Records) -> str:
    """A row for every record: how it was made, with which protocol, sample and seed."""
    rows = []
    for record in records.values():
        content = record.content
        if "how" in content:
            seed = "none" if content["seed"] is None else str(content["seed"])
            how = content["how"] if isinstance(content["how"], str) else "; ".join(content["how"])
            rows.append(
                [f"`{record.name}`", how, content["protocol"], sample_in_words(content["sample"]), seed]
            )
    header = ["record", "made by", "protocol", "sample", "seed"]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


BLOCKS = {"comparisons": comparisons, "provenance": provenance}
