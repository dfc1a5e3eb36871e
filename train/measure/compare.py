"""`python -m train compare`: one table of several trainings, each repeated with several seeds, as a record."""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.arguments import seed
from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.weights import load_checkpoint
from threedsl.errors import InputError
from threedsl.evaluation.metrics import REMOVALS, bootstrap_interval
from threedsl.files import write_whole
from threedsl.network import ThreeDSLNetwork
from threedsl.reading import read_object
from train.measure.gallery_size import PROTOCOL, by_size
from train.measure.provenance import number_in, read_settings
from train.measure.retrieval import RetrievalSet, joined

METRICS = ("rank-1", "rank-5", "rank-10", "mAP")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="NAME=FOLDER,FOLDER…",
        help="a name and the checkpoints of its seeds; the others are compared with the first",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder with query and gallery lists"
    )
    parser.add_argument("--out", type=Path, required=True, help="FILE.json; FILE.md is written next to it")
    parser.add_argument(
        "--minus",
        nargs="+",
        default=[],
        metavar="NAME=OTHER",
        help="pairs of names whose difference, query by query, is added: the gain of a step",
    )
    parser.add_argument(
        "--protocol",
        choices=tuple(REMOVALS),
        default="cloth-changing",
        help="what is removed from the gallery for a query (default: %(default)s)",
    )
    parser.add_argument("--title", default="Trainings compared", help="heading in docs/results.md")
    parser.add_argument("--note", default="", help="sentences there: what differs, what was chosen where")
    parser.add_argument(
        "--shown",
        nargs="+",
        choices=("appearance", "shape", "combined"),
        help="streams that docs/results.md shows (default: all)",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=seed, default=0, help="of the bootstrap and of the draws of people")


def main(args: argparse.Namespace) -> None:
    if args.out.suffix != ".json":
        raise InputError(
            f"--out {args.out} must end in .json; the table is written next to it, ending in .md."
        )
    names = [entry.partition("=")[0] for entry in args.runs]
    pairs = [tuple(entry.split("=")) for entry in args.minus]
    for entry, pair in zip(args.minus, pairs, strict=True):
        if len(pair) != 2 or not set(pair) <= set(names):
            raise InputError(
                f"--minus {entry!r} must be NAME=OTHER, with both names among {', '.join(names)}."
            )
    figures: dict = {"title": args.title, "note": args.note, "how": how(args), "protocol": args.protocol}
    figures |= {"shown": args.shown} if args.shown else {}
    figures |= {"sample": {}, "seed": args.seed, "data": args.data.name, "trainings": {}}
    outcomes: dict[str, dict[str, list[dict]]] = {}
    sets: dict[tuple[int, int], RetrievalSet] = {}
    budgets: list[dict] = []
    for entry in args.runs:
        name, equals, folders = entry.partition("=")
        if not equals:
            raise InputError(f"{entry!r} must look like NAME=FOLDER,FOLDER.")
        for folder in folders.split(","):
            path = find_checkpoint(folder)
            config, network = load_checkpoint(path)
            size = (config.height, config.width)
            budgets.append({"height": config.height, "width": config.width, **budget_of(path)})
            if size not in sets:
                sets[size] = RetrievalSet.read(args.data, size)
            for stream, values in outcome(sets[size], network.to(args.device), args).items():
                outcomes.setdefault(name, {}).setdefault(stream, []).append(values)
    # Only what all have in common, so that readers know why these figures differ from the shipped checkpoint's.
    figures["trained"] = {
        field: value
        for field, value in budgets[0].items()
        if value is not None and all(budget[field] == value for budget in budgets)
    }
    first = next(iter(outcomes))
    groups = people_of_scored_queries(next(iter(sets.values())), args.protocol)
    figures["sample"] = {
        "people": len(set(groups)),
        "queries": len(groups),
        "gallery pictures": len(next(iter(sets.values())).gallery),
    }
    reference = outcomes[first]["appearance"]
    for name, streams in outcomes.items():
        figures["trainings"][name] = {
            stream: {
                "seeds": len(values),
                **{metric: summary(values, metric, groups, args.seed) for metric in METRICS},
                **by_sizes(values),
                f"minus {first}": {
                    metric: difference(values, reference, metric, groups, args.seed) for metric in METRICS
                },
            }
            for stream, values in streams.items()
        }
    figures["differences"] = {
        f"{name} minus {other}": {
            stream: {
                metric: difference(values, outcomes[other][stream], metric, groups, args.seed)
                for metric in METRICS
            }
            for stream, values in outcomes[name].items()
            if stream in outcomes[other]
        }
        for name, other in pairs
    }
    text = table(figures, first, args.protocol) + differences_table(figures["differences"], args.protocol)
    write_whole(args.out, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
    write_whole(args.out.with_suffix(".md"), text.encode())
    print(text)


def how(args: argparse.Namespace) -> str:
    """The command, without what names the record itself."""
    minus = f" --minus {' '.join(args.minus)}" if args.minus else ""
    protocol = f" --protocol {args.protocol}" if args.protocol != "cloth-changing" else ""
    names = " ".join(f"{entry.partition('=')[0]}=…" for entry in args.runs)
    return f"`python -m train compare {names} --data {args.data.name}{protocol}{minus}`"


def steps_of(checkpoint: Path) -> int | None:
    """How long it was trained, according to training.json."""
    settings = checkpoint / "training.json"
    return number_in(settings, "steps") if settings.is_file() else None


def budget_of(checkpoint: Path) -> dict:
    """Steps, pictures a step and the training set's sizes, as far as training.json has them."""
    settings = checkpoint / "training.json"
    if not settings.is_file():
        return {"steps": None}
    budget: dict = {"steps": steps_of(checkpoint)}
    written = read_object(settings)
    shown = read_settings(settings)
    if all(type(shown.get(name)) is int for name in ("identities", "instances")):
        budget["pictures a step"] = shown["identities"] * shown["instances"] * shown.get("accumulate", 1)
    if isinstance(written.get("trained on"), dict):
        budget["trained on"] = written["trained on"]
    return budget


def outcome(data: RetrievalSet, network: ThreeDSLNetwork, args: argparse.Namespace) -> dict[str, dict]:
    """By stream, what every query scored on the whole test set, and rank-1 among fewer people."""
    query, gallery = data.describe(network, args.device)
    whole = data.score(query, gallery, args.protocol)
    found = {
        stream: {
            **{f"rank-{k}": (scores.first_rank <= k) * 1.0 for k in (1, 5, 10)},
            "mAP": scores.average_precision,
        }
        for stream, scores in whole.items()
    }
    if args.protocol == "cloth-changing":
        everything = joined(query, gallery)
        for stream, values in found.items():
            values["by size"] = by_size(everything[stream], data.labels, data.records, args.seed)
    return found


def people_of_scored_queries(data: RetrievalSet, protocol: str) -> NDArray:
    """The person of every query that is scored under the protocol; the same for all models."""
    matches, _ = data.matches(protocol)
    return data.query_labels.pids[matches > 0]


def by_sizes(values: list[dict]) -> dict:
    """Means over seeds among fewer people, where they were measured."""
    return {PROTOCOL: averaged([value["by size"] for value in values])} if "by size" in values[0] else {}


def averaged(seeds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Means over seeds of {size: {metric: value}}."""
    return {
        size: {metric: float(np.mean([seed[size][metric] for seed in seeds])) for metric in figures}
        for size, figures in seeds[0].items()
    }


def summary(seeds: list[dict], metric: str, people: NDArray, seed: int) -> dict:
    """Mean over seeds and queries, with the interval of resampling people, each seed's own mean, and their standard
    deviation where there are several."""
    values = np.mean([s[metric] for s in seeds], 0)
    each = [float(s[metric].mean()) for s in seeds]
    return {
        "value": float(values.mean()),
        "interval": bootstrap_interval(values, people, seed),
        "by seed": each,
        "deviation": float(np.std(each, ddof=1)) if len(each) > 1 else None,
    }


def difference(ours, theirs, metric: str, people: NDArray, seed: int) -> dict:
    """Paired difference on the same queries, both averaged over their seeds."""
    values = np.mean([s[metric] for s in ours], 0) - np.mean([s[metric] for s in theirs], 0)
    return {"value": float(values.mean()), "interval": bootstrap_interval(values, people, seed)}


def table(figures: dict, first: str, protocol: str) -> str:
    """Markdown: one row per training and stream, percent."""
    lines = [
        f"| {protocol}, percent | stream | rank-1 | by seed | rank-5 | rank-10 | mAP | rank-1 minus appearance |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, streams in figures["trainings"].items():
        for stream, row in streams.items():
            gain = row[f"minus {first}"]["rank-1"]
            low, high = row["rank-1"]["interval"]
            cells = [
                f"{100 * row['rank-1']['value']:.1f} ({100 * low:.1f} to {100 * high:.1f})",
                ", ".join(f"{100 * value:.1f}" for value in row["rank-1"]["by seed"]),
                *(f"{100 * row[metric]['value']:.1f}" for metric in METRICS[1:]),
                signed(gain),
            ]
            lines.append(f"| {name} | {stream} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Means over seeds with 95 % intervals from resampling people. The last column is paired, query by query, "
        f"against the appearance stream of {first}.",
    ]
    return "\n".join(lines) + "\n"


def differences_table(differences: dict, protocol: str) -> str:
    """Markdown: one row per pair of trainings and stream, percent; nothing without pairs."""
    if not differences:
        return ""
    lines = [
        "",
        f"| difference, {protocol}, percent | stream | rank-1 | mAP |",
        "| --- | --- | --- | --- |",
        *(
            f"| {pair} | {stream} | {signed(row['rank-1'])} | {signed(row['mAP'])} |"
            for pair, streams in differences.items()
            for stream, row in streams.items()
        ),
        "",
        "Paired, query by query, both sides averaged over their seeds; 95 % intervals from resampling people.",
    ]
    return "\n".join(lines) + "\n"


def signed(figure: dict) -> str:
    low, high = figure["interval"]
    return f"{100 * figure['value']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
