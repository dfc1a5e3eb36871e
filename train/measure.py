"""`python -m train measure`: every figure of a checkpoint's model card, by one command."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.arguments import seed
from threedsl.body import BodyModel
from threedsl.checkpoint import body_of, load_checkpoint
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.evaluation.chance import expected_figures
from threedsl.evaluation.metrics import Scores
from threedsl.network import NetworkConfig, ThreeDSLNetwork
from train.body_quality import judge_bodies
from train.calibration import calibrate
from train.card import write_card
from train.crowds import PROTOCOL, by_size
from train.granularity import judge_features
from train.openpeople import OVERLAYS, write_overlays, zero_shot
from train.pose_quality import judge_poses
from train.provenance import KEPT, facts, seed_of, trained_alike, training_set
from train.repeats import headlines
from train.retrieval import Descriptors, RetrievalSet, joined, means, per_query, summary
from train.shape_quality import judge_shapes
from train.start import FIRST_STAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="folder of the checkpoint to measure")
    parser.add_argument(
        "--data", type=Path, required=True, help="data set folder whose query and gallery lists are used"
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
        help="data set folder where everybody wears the same outfits (the fine-grained case)",
    )
    parser.add_argument(
        "--again",
        type=Path,
        nargs="+",
        default=[],
        metavar="CHECKPOINT",
        help="other trainings of the same configuration, whose figures tell the spread",
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
    others = [load_alike(other, folder, size) for other in args.again]
    data = RetrievalSet(args.data, size)
    dressed_alike = RetrievalSet(args.uniforms, size) if args.uniforms else None
    sets = TestSets(args.data, data, dressed_alike, args.bodies, args.seed)
    described = data.describe(network)
    ranked = {protocol: data.score(*described, protocol) for protocol in data.protocols}
    figures = {
        "data": facts(args.data, data),
        "trained on": training_set(folder, args.data),
        "seed": args.seed,
        "chance": {protocol: chance(data, protocol) for protocol in data.protocols},
        **central_figures(folder, network, sets, described, ranked, folder / "bodies.jpg"),
        "calibration": calibrate(joined(*described), data.labels, data.records, args.seed),
        "shapes": judge_shapes(network, args.data, size, args.seed),
        "features": judge_features(network, data, dressed_alike, args.seed),
    }
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
            {"seed": seed_of(path), "figures": asked_again(path, again, sets)} for path, _, again in others
        ]
    write_overlays(folder / OVERLAYS, network, BodyModel.load(body_of(folder)), size)
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    write_card(folder, figures)
    print((folder / "README.md").read_text(encoding="utf-8"))


def load_alike(
    checkpoint: Path, folder: Path, size: tuple[int, int]
) -> tuple[Path, NetworkConfig, ThreeDSLNetwork]:
    """A checkpoint that is compared with the one in `folder`, and so takes crops of the same size."""
    other, config, network = load_checkpoint(checkpoint)
    if (config.height, config.width) != size:
        raise InputError(
            f"{other} takes crops of another size than {folder}; their figures cannot be compared."
        )
    return other, config, network


@dataclass(frozen=True)
class TestSets:
    """What every checkpoint is measured on; `bodies` pictures are judged, which `seed` draws."""

    root: Path
    data: RetrievalSet
    dressed_alike: RetrievalSet | None
    bodies: int
    seed: int


def central_figures(
    folder: Path,
    network: ThreeDSLNetwork,
    sets: TestSets,
    described: tuple[Descriptors, Descriptors],
    ranked: dict[str, dict[str, Scores]],
    sheet: Path | None = None,
) -> dict:
    """What other trainings of the same network are asked as well.

    Args:
        described: descriptors of queries and gallery.
        ranked: scores of these by protocol and stream.
        sheet: becomes a picture of bodies.
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
    judged = [records[i] for i in picked]
    body, size = BodyModel.load(body_of(folder)), data.query.shape[1:3]
    figures["bodies"] = judge_bodies(network, body, sets.root, judged, size, sheet)
    figures["poses"] = judge_poses(network, body, sets.root, judged, size)
    figures["openpeople"] = zero_shot(network, size, seed)
    return figures


def asked_again(folder: Path, network: ThreeDSLNetwork, sets: TestSets) -> dict[str, float]:
    """The headlines of another training of the same network."""
    described = sets.data.describe(network)
    ranked = {protocol: sets.data.score(*described, protocol) for protocol in sets.data.protocols}
    return headlines(central_figures(folder, network, sets, described, ranked))


def sizes(data: RetrievalSet, described: tuple[Descriptors, Descriptors], seed: int) -> dict[str, dict]:
    """Figures by stream and number of people in the gallery."""
    return {
        stream: by_size(descriptors, data.labels, data.records, seed)
        for stream, descriptors in joined(*described).items()
    }


def gain(ours: Scores, theirs: Scores, pids: NDArray, seed: int) -> dict:
    """Paired differences on the same queries, with intervals; pids (Q,) of all queries."""
    before = per_query(theirs)
    differences = {name: values - before[name] for name, values in per_query(ours).items()}
    return means(differences, pids[ours.query], seed)


def chance(data: RetrievalSet, protocol: str) -> dict[str, float]:
    """What a random order of the gallery scores, exactly."""
    matches, ranked = data.matches(protocol)
    expected = expected_figures(matches[matches > 0], ranked[matches > 0], (1, 5))
    return {metric: expected[metric] for metric in ("rank-1", "rank-5", "mAP")}
