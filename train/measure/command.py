"""`python -m train measure`: all figures of a checkpoint's model card."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.arguments import seed
from threedsl.body import BodyModel
from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.weights import body_of, load_checkpoint
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.evaluation.metrics import Scores, expected_figures
from threedsl.files import write_whole
from threedsl.network import NetworkConfig, ThreeDSLNetwork
from train.measure.bodies.body_quality import evaluate_bodies
from train.measure.bodies.pose_quality import evaluate_poses
from train.measure.bodies.shape_quality import evaluate_shapes
from train.measure.calibrate import calibrate
from train.measure.card.text import write_card
from train.measure.gallery_size import PROTOCOL, by_size
from train.measure.groups import evaluate_groups
from train.measure.openpeople import OVERLAYS, write_overlays, zero_shot
from train.measure.provenance import KEPT, facts, seed_of, trained_alike, training_set
from train.measure.repeated_runs import headlines
from train.measure.retrieval import CMC_RANKS, DescriptorsByStream, RetrievalSet, curve, joined, summary
from train.measure.single_features import evaluate_features
from train.measure.starts import compare_with_starts, gain, load_starts
from train.stages import FIRST_STAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="folder of the checkpoint to measure")
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder whose query and gallery lists are used"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        help="folder of the appearance-only checkpoint to compare with (default: the checkpoint's own appearance "
        "stream if that is its first stage, kept)",
    )
    parser.add_argument(
        "--uniforms",
        type=Path,
        help="dataset folder where everyone wears the same outfits (the fine-grained case)",
    )
    parser.add_argument(
        "--again",
        type=Path,
        nargs="+",
        default=[],
        metavar="CHECKPOINT",
        help="other trainings of the same configuration, to report the variation between trainings",
    )
    parser.add_argument(
        "--bodies",
        type=int,
        default=1000,
        help="pictures on which bodies are evaluated (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="of the bootstrap, the draws of people and the choice of pictures",
    )


def main(args: argparse.Namespace) -> None:
    folder = find_checkpoint(args.checkpoint)
    config, network = load_checkpoint(folder)
    if not config.shape_stream:
        raise InputError(f"{folder} has no shape stream; give it as --baseline of a checkpoint that has one.")
    size = (config.height, config.width)
    starts = load_starts(folder, config)
    others = [load_alike(other, folder, size) for other in args.again]
    data = RetrievalSet.read(args.data, size)
    dressed_alike = RetrievalSet.read(args.uniforms, size) if args.uniforms else None
    sets = TestSets(args.data, data, dressed_alike, args.bodies, args.seed)
    described = data.describe(network)
    ranked = {protocol: data.score(*described, protocol) for protocol in data.protocols}
    figures = {
        "data": facts(args.data, data),
        **({"trained on": trained} if (trained := training_set(folder)) else {}),
        "seed": args.seed,
        "chance": {protocol: chance(data, protocol) for protocol in data.protocols},
        **central_figures(folder, network, sets, described, ranked, folder / "bodies.jpg"),
        "groups": evaluate_groups(args.data, ranked, data.query_labels.pids, "combined", args.seed),
        "calibration": calibrate(joined(*described), data.labels, data.records, args.seed),
        "shapes": evaluate_shapes(network, args.data, size, args.seed),
        "features": evaluate_features(network, data, dressed_alike, args.seed),
    }
    if starts is not None:
        figures["starts"] = compare_with_starts(starts, data, ranked, args.seed)
    alone = None
    if args.baseline:
        other, _, baseline = load_alike(args.baseline, folder, size)
        described = data.describe(baseline)
        alone = {protocol: data.score(*described, protocol)["appearance"] for protocol in data.protocols}
        figures["baseline trained alike"] = trained_alike(folder, other)
    elif (folder / FIRST_STAGE).is_file():
        alone = {protocol: streams["appearance"] for protocol, streams in ranked.items()}
        figures["baseline trained alike"] = KEPT
    if alone:
        pids = data.query_labels.pids
        figures["baseline"] = {
            protocol: summary(scores, pids, args.seed) for protocol, scores in alone.items()
        }
        figures["combined minus baseline"] = {
            protocol: gain(ranked[protocol]["combined"], scores, pids, args.seed)
            for protocol, scores in alone.items()
        }
    if others:
        figures["again"] = [
            {"seed": seed_of(path), "figures": repeated_headlines(path, again, sets)}
            for path, _, again in others
        ]
    write_overlays(folder / OVERLAYS, network, BodyModel.load(body_of(folder)), size)
    write_whole(folder / "metrics.json", (json.dumps(figures, indent=2) + "\n").encode())
    write_card(folder, figures)
    print((folder / "README.md").read_text(encoding="utf-8"))


def load_alike(
    checkpoint: Path, folder: Path, size: tuple[int, int]
) -> tuple[Path, NetworkConfig, ThreeDSLNetwork]:
    """Load a checkpoint to compare with the one in `folder`; it must take crops of the same size."""
    other = find_checkpoint(checkpoint)
    config, network = load_checkpoint(other)
    if (config.height, config.width) != size:
        raise InputError(
            f"{other} and {folder} take crops of different sizes, so their figures cannot be compared."
        )
    return other, config, network


@dataclass(frozen=True)
class TestSets:
    """What every checkpoint is measured on; bodies are evaluated on `bodies` pictures drawn with `seed`."""

    root: Path
    data: RetrievalSet
    dressed_alike: RetrievalSet | None
    bodies: int
    seed: int


def central_figures(
    folder: Path,
    network: ThreeDSLNetwork,
    sets: TestSets,
    described: tuple[DescriptorsByStream, DescriptorsByStream],
    ranked: dict[str, dict[str, Scores]],
    sheet: Path | None = None,
) -> dict:
    """The figures that are also measured for other trainings of the same network.

    Args:
        described: descriptors of queries and gallery.
        ranked: scores of these by protocol and stream.
        sheet: file for a picture of predicted bodies.
    """
    data, seed = sets.data, sets.seed
    figures = {
        "retrieval": {
            protocol: {
                stream: summary(scores, data.query_labels.pids, seed) for stream, scores in streams.items()
            }
            for protocol, streams in ranked.items()
        },
        PROTOCOL: sizes(data, described, seed),
    }
    if sets.dressed_alike:
        alike = sizes(sets.dressed_alike, sets.dressed_alike.describe(network), seed)
        figures["fine-grained"] = {"people": sets.dressed_alike.people, PROTOCOL: alike}
    records = read_list(sets.root / "list" / "query.txt", sets.root)
    picked = sorted(np.random.default_rng(seed).permutation(len(records))[: sets.bodies])
    chosen = [records[i] for i in picked]
    body, size = BodyModel.load(body_of(folder)), data.query.shape[1:3]
    figures["bodies"] = evaluate_bodies(network, body, sets.root, chosen, size, sheet)
    figures["poses"] = evaluate_poses(network, body, sets.root, chosen, size)
    figures["openpeople"] = zero_shot(network, size, seed)
    return figures


def repeated_headlines(folder: Path, network: ThreeDSLNetwork, sets: TestSets) -> dict[str, float]:
    """Headline figures of another training of the same network."""
    described = sets.data.describe(network)
    ranked = {protocol: sets.data.score(*described, protocol) for protocol in sets.data.protocols}
    return headlines(central_figures(folder, network, sets, described, ranked))


def sizes(
    data: RetrievalSet, described: tuple[DescriptorsByStream, DescriptorsByStream], seed: int
) -> dict[str, dict]:
    """Figures by stream and number of people in the gallery."""
    return {
        stream: by_size(descriptors, data.labels, data.records, seed)
        for stream, descriptors in joined(*described).items()
    }


def chance(data: RetrievalSet, protocol: str) -> dict[str, float | list[float]]:
    """Exact expected scores of a random gallery order, and its CMC."""
    matches, ranked = data.matches(protocol)
    ranks = range(1, CMC_RANKS + 1)
    expected = expected_figures(matches[matches > 0], ranked[matches > 0], ranks)
    figures: dict[str, float | list[float]] = {name: expected[name] for name in ("rank-1", "rank-5", "mAP")}
    return figures | {"cmc": curve(expected[f"rank-{k}"] for k in ranks)}
