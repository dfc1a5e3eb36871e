"""`python -m train measure`: every figure of a checkpoint's model card, by one command."""

import argparse
import json
from pathlib import Path

import numpy as np

from threedsl.body import BodyModel
from threedsl.checkpoint import body_of, load_checkpoint
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.evaluation.metrics import Scores, bootstrap_interval, evaluate
from train.body_quality import judge_bodies
from train.card import write_card
from train.crowds import PROTOCOL, by_size
from train.openpeople import zero_shot
from train.retrieval import Descriptors, RetrievalSet, joined

CHANCE_DRAWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="folder of the checkpoint to measure")
    parser.add_argument(
        "--data", type=Path, required=True, help="data set folder whose query and gallery lists are used"
    )
    parser.add_argument(
        "--baseline", type=Path, help="folder of the appearance-only checkpoint to compare with"
    )
    parser.add_argument(
        "--uniforms",
        type=Path,
        help="data set folder where everybody wears the same outfits (the fine-grained case)",
    )
    parser.add_argument(
        "--bodies", type=int, default=1000, help="pictures the bodies are judged on (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the bootstrap, the chance level and the choice of pictures"
    )


def main(args: argparse.Namespace) -> None:
    folder, config, network = load_checkpoint(args.checkpoint)
    if not config.shape_stream:
        raise InputError(
            f"{folder} has no shape stream; measure it as --baseline of a checkpoint that has one."
        )
    size = (config.height, config.width)
    data = RetrievalSet(args.data, size)
    described = data.describe(network)
    ranked = {protocol: data.score(*described, protocol) for protocol in data.protocols}
    figures = {
        "data": facts(args.data, data),
        "seed": args.seed,
        "retrieval": {
            protocol: {stream: summary(scores, data, args.seed) for stream, scores in streams.items()}
            for protocol, streams in ranked.items()
        },
        "chance": {protocol: chance(data, protocol, args.seed) for protocol in data.protocols},
        PROTOCOL: sizes(data, described, args.seed),
    }
    if args.uniforms:
        dressed_alike = RetrievalSet(args.uniforms, size)
        alike = sizes(dressed_alike, dressed_alike.describe(network), args.seed)
        figures["fine-grained"] = {"people": dressed_alike.people, PROTOCOL: alike}
    if args.baseline:
        other, other_config, baseline = load_checkpoint(args.baseline)
        if (other_config.height, other_config.width) != size:
            raise InputError(
                f"{other} takes crops of another size than {folder}; their figures cannot be compared."
            )
        described = data.describe(baseline)
        alone = {protocol: data.score(*described, protocol)["appearance"] for protocol in data.protocols}
        figures["baseline"] = {
            protocol: summary(scores, data, args.seed) for protocol, scores in alone.items()
        }
        figures["baseline trained alike"] = trained_alike(folder, other)
        figures["combined minus baseline"] = {
            protocol: gain(ranked[protocol]["combined"], scores, data, args.seed)
            for protocol, scores in alone.items()
        }
    records = read_list(args.data / "list" / "query.txt", args.data)
    picked = sorted(np.random.default_rng(args.seed).permutation(len(records))[: args.bodies])
    judged = [records[i] for i in picked]
    body = BodyModel.load(body_of(folder))
    figures["bodies"] = judge_bodies(network, body, args.data, judged, size, folder / "bodies.jpg")
    figures["openpeople"] = zero_shot(network, size)
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    write_card(folder, figures)
    print((folder / "README.md").read_text(encoding="utf-8"))


def sizes(data: RetrievalSet, described: tuple[Descriptors, Descriptors], seed: int) -> dict[str, dict]:
    """Figures by stream and number of people in the gallery."""
    return {
        stream: by_size(descriptors, data.labels, data.records, seed)
        for stream, descriptors in joined(*described).items()
    }


def trained_alike(folder: Path, baseline: Path) -> bool | None:
    """Whether both saw the same pictures in the same batches under the same schedule; None when it is not on record."""
    files = [path / "training.json" for path in (folder, baseline)]
    if not all(path.is_file() for path in files):
        return None
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    same = (
        "data",
        "seed",
        "steps",
        "people",
        "pictures",
        "learning_rate",
        "warmup",
        "margin",
        "augment",
        "pretrained",
    )
    return all(ours[field] == theirs[field] for field in same)


def facts(root: Path, data: RetrievalSet) -> dict:
    """Size of the test set and how it was made, where dataset.json says so."""
    made = root / "dataset.json"
    training = read_list(root / "list" / "train.txt", root, check_files=False)
    return {
        "training people": len({record.pid for record in training}),
        "training pictures": len(training),
        "people": len(set(data.query_labels.pids) | set(data.gallery_labels.pids)),
        "query pictures": len(data.query),
        "gallery pictures": len(data.gallery),
        "made by": json.loads(made.read_text(encoding="utf-8")) if made.is_file() else {},
    }


def summary(scores: Scores, data: RetrievalSet, seed: int) -> dict:
    """Rank-1, rank-5 and mAP with 95 % intervals from resampling people."""
    people = data.query_labels.pids[scores.query]
    values = {
        "rank-1": scores.first_rank <= 1,
        "rank-5": scores.first_rank <= 5,
        "mAP": scores.average_precision,
    }
    return {"queries": len(scores.query)} | {
        name: {"value": float(np.mean(value)), "interval": bootstrap_interval(value, people, seed)}
        for name, value in values.items()
    }


def gain(ours: Scores, theirs: Scores, data: RetrievalSet, seed: int) -> dict:
    """Paired differences on the same queries, with intervals."""
    people = data.query_labels.pids[ours.query]
    values = {
        "rank-1": (ours.first_rank <= 1) * 1.0 - (theirs.first_rank <= 1),
        "rank-5": (ours.first_rank <= 5) * 1.0 - (theirs.first_rank <= 5),
        "mAP": ours.average_precision - theirs.average_precision,
    }
    return {
        name: {"value": float(np.mean(value)), "interval": bootstrap_interval(value, people, seed)}
        for name, value in values.items()
    }


def chance(data: RetrievalSet, protocol: str, seed: int) -> dict:
    """What random similarities score, the mean of twenty draws."""
    rng = np.random.default_rng(seed)
    drawn = [
        evaluate(
            rng.random((len(data.query), len(data.gallery)), np.float32),
            data.query_labels,
            data.gallery_labels,
            protocol,
        )
        for _ in range(CHANCE_DRAWS)
    ]
    return {
        "rank-1": float(np.mean([scores.rank(1) for scores in drawn])),
        "rank-5": float(np.mean([scores.rank(5) for scores in drawn])),
        "mAP": float(np.mean([scores.mean_average_precision for scores in drawn])),
    }
