"""Exporting a run: the checkpoint that `ThreeDSL.from_pretrained` reads, and how it was trained."""

import dataclasses
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError

from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.hub import BODY, NOTICE
from threedsl.checkpoint.weights import save_checkpoint
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.network import ThreeDSLNetwork
from train.config import TrainConfig
from train.stages import FIRST_STAGE, SECOND_STAGE

CHOSEN_ON = "shares chosen on"
"""Key of training.json."""


def export(
    config: TrainConfig,
    network: ThreeDSLNetwork,
    folder: Path,
    shares_chosen_on: str = "",
    trained_on: dict[str, int] | None = None,
) -> None:
    """Write the network as `ThreeDSL.from_pretrained` reads it, with the training configuration next to it.

    shares_chosen_on: what training.json says of how the shares of streams and parts were chosen; "" is left out.
    trained_on: what it says of the training set: numbers of people, of pictures, and of those with annotations.

    Raises:
        InputError: it cannot be written; the state of the run is kept.
    """
    try:
        _write(config, network, folder, shares_chosen_on, trained_on)
    except (InputError, OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"The trained checkpoint cannot be written to {folder} ({reason}); make room, then rerun the same command "
            "with --resume."
        ) from None


def _write(
    config: TrainConfig,
    network: ThreeDSLNetwork,
    folder: Path,
    shares_chosen_on: str,
    trained_on: dict[str, int] | None,
) -> None:
    chosen = dataclasses.replace(config.network, shape_share=network.shape_share)
    if network.shape_stream is not None and chosen.parts:
        chosen = dataclasses.replace(chosen, part_shares=network.shape_stream.part_shares)
    if (
        config.body
    ):  # before the weights, which would be read with the shipped body if the program ended in between
        write_whole(folder / BODY, Path(config.body).read_bytes())
    save_checkpoint(network, chosen, folder, half=True)
    copy_earlier_stages(config, folder)
    said = config.to_dict() | ({CHOSEN_ON: shares_chosen_on} if shares_chosen_on else {})
    said |= {"trained on": trained_on} if trained_on else {}
    write_whole(folder / "training.json", (json.dumps(said, indent=2) + "\n").encode())


def check_out(out: Path, source: Path) -> None:
    """Check that a checkpoint made from `source` replaces neither it nor gets the body of a third one.

    Raises:
        InputError: it would.
    """
    if out.exists() and out.samefile(source):
        raise InputError(
            f"--out {out} is the checkpoint itself, which would be replaced; choose another folder."
        )
    if (out / BODY).is_file() and not (source / BODY).is_file():
        raise InputError(
            f"{out / BODY} is another checkpoint's body, which these weights would be read with; choose another folder."
        )


def copy_files(source: Path, folder: Path, names: Iterable[str]) -> None:
    """Copy those of the files of one checkpoint that are there to another."""
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def copy_earlier_stages(config: TrainConfig, folder: Path) -> None:
    """Copy the settings of the stages that came before this one, and the notice of what they started from."""
    start, refine, finetune = (
        source and find_checkpoint(source) for source in (config.start, config.refine, config.finetune)
    )
    for before in filter(None, (start, refine, finetune)):
        copy_files(before, folder, [NOTICE])
    # A start that was itself trained in two stages brings its first one along.
    source = start or finetune
    records = [source / name for name in (FIRST_STAGE, "training.json")] if source else []
    for first in [path for path in records if path.is_file()][:1]:
        shutil.copyfile(first, folder / FIRST_STAGE)
    for name, before in ((FIRST_STAGE, FIRST_STAGE), ("training.json", SECOND_STAGE)):
        if refine and (refine / name).is_file():
            shutil.copyfile(refine / name, folder / before)
