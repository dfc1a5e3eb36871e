"""`python -m train measure`: every figure of a checkpoint's model card, by one command."""

import argparse
import json
from pathlib import Path

import numpy as np

from threedsl.arguments import seed
from threedsl.body import BodyModel
from threedsl.checkpoint import body_of, load_checkpoint
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.evaluation.chance import expected_figures
from threedsl.evaluation.metrics import Scores, bootstrap_interval
from train.body_quality import judge_bodies
from train.calibration import calibrate
from train.card import KEPT, write_card
from train.config import TrainConfig
from train.crowds import PROTOCOL, by_size
from train.granularity import judge_features
from train.openpeople import OVERLAYS, write_overlays, zero_shot
from train.retrieval import Descriptors, RetrievalSet, joined
from train.shape_quality import judge_shapes
from train.start import FIRST_STAGE


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
        "--seed",
        type=seed,
        default=0,
        help="of the bootstrap, the draws of people and the choice of pictures",
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
        "trained on": training_set(folder, args.data),
        "seed": args.seed,
        "retrieval": {
            protocol: {stream: summary(scores, data, args.seed) for stream, scores in streams.items()}
            for protocol, streams in ranked.items()
        },
        "chance": {protocol: chance(data, protocol) for protocol in data.protocols},
        PROTOCOL: sizes(data, described, args.seed),
        "calibration": calibrate(joined(*described), data.labels, data.records, args.seed),
        "shapes": judge_shapes(network, args.data, size, args.seed),
    }
    dressed_alike = RetrievalSet(args.uniforms, size) if args.uniforms else None
    figures["features"] = judge_features(network, data, dressed_alike, args.seed)
    if dressed_alike:
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
    write_overlays(folder / OVERLAYS, network, body, size)
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    write_card(folder, figures)
    print((folder / "README.md").read_text(encoding="utf-8"))


def sizes(data: RetrievalSet, described: tuple[Descriptors, Descriptors], seed: int) -> dict[str, dict]:
    """Figures by stream and number of people in the gallery."""
    return {
        stream: by_size(descriptors, data.labels, data.records, seed)
        for stream, descriptors in joined(*described).items()
    }


def trained_alike(folder: Path, baseline: Path) -> bool | str | None:
    """Whether both saw the same pictures in the same batches under the same schedule; None when it is not on record,
    KEPT when the baseline is the checkpoint's own first stage."""
    files = [path / "training.json" for path in (folder, baseline)]
    if not all(path.is_file() for path in files):
        return None
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    first = folder / FIRST_STAGE
    if first.is_file() and json.loads(first.read_text(encoding="utf-8")) == theirs:
        return KEPT
    same = (
        "data",
        "more_data",
        "seed",
        "steps",
        "people",
        "pictures",
        "sampling",
        "accumulate",
        "learning_rate",
        "warmup",
        "margin",
        "augment",
        "pretrained",
        "start",
        "precision",
    )
    # A field added since a checkpoint was trained had its default.
    defaults = TrainConfig().to_dict()
    ours, theirs = (defaults | settings for settings in (ours, theirs))
    sizes = [[settings["network"].get(side) for side in ("height", "width")] for settings in (ours, theirs)]
    return sizes[0] == sizes[1] and all(ours[field] == theirs[field] for field in same)


def facts(root: Path, data: RetrievalSet) -> dict:
    """Size of the test set and how it was made, where dataset.json says so."""
    return {
        "people": len(set(data.query_labels.pids) | set(data.gallery_labels.pids)),
        "query pictures": len(data.query),
        "gallery pictures": len(data.gallery),
        "made by": made_by(root),
    }


def training_set(checkpoint: Path, tested: Path) -> dict:
    """The same of the data sets that training.json names, or of the tested one where they are not at hand."""
    settings = checkpoint / "training.json"
    trained = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    roots = [Path(trained[field]) for field in ("data", "more_data") if trained.get(field)]
    roots = [root for root in roots if (root / "list" / "train.txt").is_file()] or [tested]
    lists = [read_list(root / "list" / "train.txt", root, check_files=False) for root in roots]
    return {
        "people": sum(len({record.pid for record in records}) for records in lists),
        "pictures": sum(map(len, lists)),
        "made by": made_by(roots[0]),
        "and by": [made_by(root) for root in roots[1:]],
    }


def made_by(root: Path) -> dict:
    made = root / "dataset.json"
    return json.loads(made.read_text(encoding="utf-8")) if made.is_file() else {}


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


def chance(data: RetrievalSet, protocol: str) -> dict[str, float]:
    """What a random order of the gallery scores, exactly."""
    matches, ranked = data.matches(protocol)
    expected = expected_figures(matches[matches > 0], ranked[matches > 0], (1, 5))
    return {metric: expected[metric] for metric in ("rank-1", "rank-5", "mAP")}
