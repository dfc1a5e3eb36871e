"""`python -m train interpolate`: weights between those of a run and those it started from.

Wortsman et al. ("Robust fine-tuning of zero-shot models", CVPR 2022): fine-tuning helps on pictures like those of the
training and hurts on others; on the straight line between both sets of weights there are nets that keep the better of
each. How far to go is chosen where the clothes stay: across clothes, synthetic people reward what real ones do not.
"""

from __future__ import annotations

import argparse
import json
import logging
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import torch

from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.hub import NOTICE
from threedsl.checkpoint.weights import load_checkpoint, save_checkpoint
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.network import NetworkConfig, ThreeDSLNetwork, build_network
from train.data.listing import training_list
from train.data.validation import draw_validation
from train.export import CHOSEN_ON, check_out, copy_files
from train.measure.provenance import read_settings
from train.measure.retrieval import RetrievalSet, describe
from train.measure.shares import choose_shares, where_clothes_stay
from train.stages import FIRST_STAGE, SECOND_STAGE

log = logging.getLogger("train")

ALPHAS = (0.15, 0.2, 0.25)
"""Shares of the run's weights that are tried; of equal ones the first is taken."""

SHOWN = (0.0, *ALPHAS, 1.0)

STREAMS = {
    "appearance": ("appearance_stream.",),
    "shape": ("shape_stream.trunk.", "shape_stream.shape_encoder.", "shape_stream.shape_pool."),
}
"""Prefixes of the weights that a stream's start has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="an exported run of the network osnet")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint in between")
    parser.add_argument("--data", type=Path, help="dataset folder (default: the run's own)")
    parser.add_argument(
        "--alpha",
        type=float,
        help="share of the run's weights, 0 to 1 (default: chosen on validation people)",
    )


def main(args: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    folder = find_checkpoint(args.checkpoint)
    check_out(args.out, folder)
    config, tuned = load_checkpoint(folder)
    settings = settings_of(folder, config)
    if args.alpha is not None and not 0 <= args.alpha <= 1:
        raise InputError(f"--alpha must be between 0 and 1, not {args.alpha:g}.")
    start = start_of(config, settings)
    record = {"start": settings["pretrained"]}
    data = None
    if args.alpha is None:
        data = validation_pictures(args.data or Path(settings["data"]), settings)
        record["validation people, by alpha"] = table = scores_by_alpha(start, tuned, data)
        alphas = {stream: best_alpha(table[stream]) for stream in STREAMS if stream in table}
    else:
        alphas = dict.fromkeys(STREAMS, args.alpha)
    log.info("shares of the run's weights: %s", alphas)
    network = interpolated(start, tuned, alphas)
    if data is None:
        log.info(
            "streams and parts are weighed as in the run; without --alpha their weights are chosen again"
        )
    else:
        config = weighed(network, config, data, settings)
    on_its_own = data is not None and not args.data
    export(network, config, folder, args.out, record | {"alpha": alphas}, on_its_own)


def between(folder: Path, alpha: float, out: Path, device: str = "cpu") -> None:
    """Write the checkpoint that has gone `alpha` of the way from its start to an exported run, in both streams; streams
    and parts are weighed again by the run's rule, on its validation people.

    Raises:
        InputError: the run has no start, or no validation people.
    """
    config, tuned = load_checkpoint(folder)
    settings = settings_of(folder, config)
    alphas = dict.fromkeys(STREAMS, alpha)
    network = interpolated(start_of(config, settings), tuned, alphas).to(device)
    if network.shape_stream is not None:
        data = validation_pictures(Path(settings["data"]), settings)
        config = weighed(network, config, data, settings, device)
    export(network.cpu(), config, folder, out, {"start": settings["pretrained"], "alpha": alphas}, True)


def start_of(config: NetworkConfig, settings: dict) -> ThreeDSLNetwork:
    """What a run started from, without the parts, which no start has."""
    return build_network(replace(config, parts=0, part_shares=None), settings["pretrained"])


def weighed(
    network: ThreeDSLNetwork, config: NetworkConfig, data: RetrievalSet, settings: dict, device: str = "cpu"
) -> NetworkConfig:
    """Weigh the network's streams and parts by the run's rule on its validation people; the configuration with the
    weights. One without a shape stream stays as it is."""
    if network.shape_stream is None:
        return config
    network.eval().use_equal_shares()
    choose_shares(network, data, *data.describe(network, device), settings.get("shares", "best"))
    parts = network.shape_stream.part_shares if config.parts else config.part_shares
    return replace(config, shape_share=network.shape_share, part_shares=parts)


def settings_of(folder: Path, config: NetworkConfig) -> dict:
    """The settings of the run that trained a checkpoint; raises InputError where they name no start."""
    path = folder / "training.json"
    if config.name != "osnet" or not path.is_file():
        raise InputError(f"{folder} is not an exported run of the network osnet.")
    settings = read_settings(path)
    if not settings.get("pretrained"):
        raise InputError(f"{path} names no `pretrained`, so there is nothing to interpolate with.")
    return settings


def validation_pictures(root: Path, settings: dict) -> RetrievalSet:
    """The validation people of a run; raises InputError where it had none."""
    draw = settings.get("validation", 0.0), settings.get("validation_seed", 0)
    validation = draw_validation(training_list(root), *draw)
    if validation is None:
        raise InputError(f"{root} has too few people to hold some out; give --alpha.")
    size = settings["network"]["height"], settings["network"]["width"]
    return RetrievalSet(validation.query, validation.gallery, size)


def interpolated(start: ThreeDSLNetwork, tuned: ThreeDSLNetwork, alphas: dict[str, float]) -> ThreeDSLNetwork:
    """A copy of `tuned` whose weights that `start` has as well are (1 - alpha) start + alpha tuned, by stream."""
    result = deepcopy(tuned)
    below, above = start.state_dict(), result.state_dict()
    for stream, alpha in alphas.items():
        for name, value in above.items():
            if name.startswith(STREAMS[stream]):
                value.copy_(torch.lerp(below[name], value, alpha))
    return result


def scores_by_alpha(start: ThreeDSLNetwork, tuned: ThreeDSLNetwork, data: RetrievalSet) -> dict:
    """{stream: {alpha: {protocol: {"rank-1": …, "mAP": …}}}} in percent, of the whole picture's features alone."""
    table: dict = {}
    for alpha in SHOWN:
        network = interpolated(start, tuned, dict.fromkeys(STREAMS, alpha))
        stream = network.shape_stream
        if stream is not None and stream.parts is not None:
            stream.parts, stream.part_shares = None, [1.0]
        network.shape_share = 0.5
        described = [describe(network, crops) for crops in (data.query, data.gallery)]
        for protocol in data.protocols:
            for name, scores in data.score(*described, protocol).items():
                figures = {"rank-1": scores.rank(1), "mAP": scores.mean_average_precision}
                rounded = {figure: round(100 * value, 1) for figure, value in figures.items()}
                table.setdefault(name, {}).setdefault(alpha, {})[protocol] = rounded
                log.info("alpha %.2f  %-10s  %-14s  %s", alpha, name, protocol, rounded)
    return table


def best_alpha(scores: dict[float, dict]) -> float:
    """The first of ALPHAS with the highest rank-1 under `where_clothes_stay`."""
    protocol = where_clothes_stay(scores[ALPHAS[0]])
    return max(ALPHAS, key=lambda alpha: (scores[alpha][protocol]["rank-1"], -alpha))


def export(
    network: ThreeDSLNetwork,
    config: NetworkConfig,
    source: Path,
    out: Path,
    record: dict,
    weighed_alike: bool,
) -> None:
    """Write the network, and the record of the run with that of the interpolation.

    weighed_alike: whether streams and parts were weighed again on the pictures that the run's record names.
    """
    save_checkpoint(network, config, out, half=True)
    settings = json.loads((source / "training.json").read_text(encoding="utf-8"))
    if not weighed_alike:
        settings.pop(CHOSEN_ON, None)
    write_whole(
        out / "training.json", (json.dumps(settings | {"interpolated": record}, indent=2) + "\n").encode()
    )
    copy_files(source, out, (NOTICE, FIRST_STAGE, SECOND_STAGE, "body.npz"))
