"""The tables of a model card: Markdown lines from the figures of metrics.json."""

from train.measure.gallery_size import PROTOCOL
from train.measure.repeated_runs import headlines
from train.measure.shares import where_clothes_stay

STREAMS = {
    "appearance": "appearance stream",
    "shape": "3D shape stream",
    "combined": "both streams (combined)",
}
METRICS = ("rank-1", "rank-5", "mAP")

DRESSED = {"as they like": "own clothes", "alike": "dressed alike"}
"""What the card calls the two kinds of test people in metrics.json."""


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


STARTS = {
    "appearance": "start of the appearance stream",
    "shape": "start of the 3D shape stream",
    "combined": "both starts, equal weights",
}


def starts_table(figures: dict | None, protocol: str) -> list[str]:
    """Markdown rows of one protocol: the starts, and what the checkpoint's combined descriptor gains over each."""
    if not figures:
        return []
    rows = [f"| {protocol}, percent | " + " | ".join(METRICS) + " |", "| --- | --- | --- | --- |"]
    for stream, scores in figures["retrieval"][protocol].items():
        rows.append(f"| {STARTS[stream]} | " + " | ".join(cell(scores[m]) for m in METRICS) + " |")
    for stream, gained in figures["combined minus start"][protocol].items():
        rows.append(
            f"| combined minus {STARTS[stream]}, paired | "
            + " | ".join(cell(gained[m]) for m in METRICS)
            + " |"
        )
    return [*rows, ""]


def group_table(figures: dict | None) -> list[str]:
    """How the people searched for differ by sex, build and skin: both streams' figures, one row a group."""
    if not figures:
        return []
    protocols = [name for name in next(iter(figures.values())) if name != "people"]
    names = [f"{protocol}, {metric}" for protocol in protocols for metric in ("rank-1", "mAP")]
    rows = [
        f"| both streams, percent | people | {' | '.join(names)} |",
        "| --- |" + " --- |" * (1 + len(names)),
    ]
    for group, values in figures.items():
        cells = [cell(values[protocol][metric]) for protocol in protocols for metric in ("rank-1", "mAP")]
        rows.append(f"| {group} | {values['people']} | {' | '.join(cells)} |")
    return [
        *rows,
        "",
        "Synthetic people, each group's queries against everybody's pictures. Build: thirds by the body model's "
        "weight; skin: thirds by the brightness of its texture. How the network treats groups of real people was not "
        "measured, and of whom the starts' makers trained them on is not published.",
        "",
    ]


def alpha_table(recorded: dict | None) -> list[str]:
    """The scores of validation people by the share of the run's weights."""
    table = (recorded or {}).get("validation people, by alpha")
    if not table:
        return []
    protocols = [
        name for name in ("same-clothes", "cloth-changing", "standard") if name in table["combined"]["0.0"]
    ]
    rows = [
        "| share of the run's weights | stream | "
        + " | ".join(f"{protocol}, rank-1 / mAP" for protocol in protocols)
        + " |",
        "| --- | --- |" + " --- |" * len(protocols),
    ]
    for stream, alphas in table.items():
        for alpha, scores in alphas.items():
            cells = " | ".join(f"{scores[one]['rank-1']} / {scores[one]['mAP']}" for one in protocols)
            rows.append(f"| {alpha} | {STREAMS[stream]} | {cells} |")
    return [
        *rows,
        "",
        "Validation people, percent, the whole picture's features alone. The share is that with the highest "
        f"{where_clothes_stay(protocols)} rank-1 among 0.15, 0.2 and 0.25, the first of equal ones; figures across "
        "clothes chose nothing.",
        "",
    ]


def gallery_size_table(figures: dict) -> list[str]:
    """Rank-1, 5, 10 and mAP by the number of people in the gallery."""
    metrics = ("rank-1", "rank-5", "rank-10", "mAP")
    blocks = [("own clothes", figures[PROTOCOL])]
    if "fine-grained" in figures:
        blocks.append(("fine-grained: everyone in the same outfits", figures["fine-grained"][PROTOCOL]))
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
        "Means over ten draws of people: the queries are each person's pictures in one outfit; the gallery has up to "
        "three pictures per person in other clothes. The query's person in the query's camera is removed.",
        "",
    ]


def feature_table(features: dict | None) -> list[str]:
    """What each feature of the shape descriptor finds alone, and its weight."""
    if not features:
        return []
    kinds = [kind for kind in ("as they like", "alike") if kind in next(iter(features.values()))]
    sizes = [(kind, size) for kind in kinds for size in next(iter(features.values()))[kind]]
    rows = [
        f"| one feature of the shape descriptor alone, {PROTOCOL}, rank-1, percent | weight in the descriptor | "
        + " | ".join(f"{size}, {DRESSED[kind]}" for kind, size in sizes)
        + " |",
        "| --- | --- |" + " --- |" * len(sizes),
    ]
    for name, figure in features.items():
        cells = " | ".join(percent(figure[kind][size]["rank-1"]) for kind, size in sizes)
        rows.append(f"| {name} | {figure['share']:.2f} | {cells} |")
    return [
        *rows,
        "",
        "Draws as in the table above. The weights were chosen on the same pictures as that of the shape stream.",
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
        f"All {measured['pairs']:,} pairs of query and gallery of the draws above ({measured['people']} people in "
        "clothes of their own). How often pairs with a given score are the same person is in `metrics.json` and on "
        "the page. A threshold does not transfer to other cameras.",
        "",
    ]


def shape_lines(shapes: dict | None) -> list[str]:
    """Accuracy and consistency of betas."""
    if shapes is None:
        return []
    correlations = ", ".join(f"{shapes[f'correlation of beta {beta}']:.2f}" for beta in (1, 2, 3))
    return [
        f"Betas of {shapes['pictures']:,} pictures of {shapes['people']} people against the truth, in standard "
        f"deviations of the population: mean absolute error {shapes['mean error']:.2f} (mean body "
        f"{shapes['mean error of the mean body']:.2f}); correlation of the first three {correlations}. Distance "
        f"between pictures of one person in other clothes {shapes['distance in other clothes']:.2f}, of two people "
        f"{shapes['distance between people']:.2f}; the former is smaller in "
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


def pose_table(poses: dict | None) -> list[str]:
    """Errors in three dimensions against the exact bodies of synthetic people."""
    if poses is None:
        return []
    rows = [
        "| bodies in three dimensions | MPJPE, mm | PA-MPJPE, mm | orientation error, median degrees | "
        "more than 90 degrees off, % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, figure in poses.items():
        joints, aligned, turned, away = figure.values()
        rows.append(f"| {kind} | {joints:.0f} | {aligned:.0f} | {turned:.0f} | {percent(away)} |")
    return [
        *rows,
        "",
        "24 joints against the truth: with the pelvises aligned (MPJPE), and after Procrustes "
        "alignment (PA-MPJPE).",
        "",
    ]


def repeats_table(figures: dict, seed: int | None) -> list[str]:
    """The headline figures of this training next to those of other trainings of the same configuration."""
    if not figures.get("again"):
        return []
    ours, others = headlines(figures), figures["again"]
    names = [f"seed {other['seed']}" + (", once more" if other["seed"] == seed else "") for other in others]
    rows = [
        f"| trained again | this one, seed {seed} | " + " | ".join(names) + " |",
        "| --- | --- |" + " --- |" * len(others),
    ]
    for name, value in ours.items():
        cells = " | ".join(f"{other['figures'][name]:.1f}" for other in others)
        rows.append(f"| {name} | {value:.1f} | {cells} |")
    return [
        *rows,
        "",
        "The same configurations from the same first stage: the variation between trainings.",
        "",
    ]


def openpeople_table(figures: dict) -> list[str]:
    back = figures["from the studio"]
    rows = [
        "| openpeople, zero-shot, percent | " + " | ".join(METRICS) + " | from the studio: rank-1 | mAP |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for stream in STREAMS:
        cells = [percent(figures[stream][metric]) for metric in METRICS]
        cells += [cell(back[stream][metric]) for metric in ("rank-1", "mAP")]
        rows.append(f"| {STREAMS[stream]} | " + " | ".join(cells) + " |")
    return [
        *rows,
        "",
        f"{figures['queries']} outdoor photos (photoreal people who do not exist; eight in other clothes) against "
        f"{figures['gallery pictures']} studio pictures of ten people in nearly the same clothes, where one query is "
        f"worth 10 points; *from the studio*: the {back['queries']} studio pictures, from all sides, against the "
        f"{back['gallery pictures']} outdoor photos, with 95 % intervals from resampling the ten people. Chance is "
        "10 % at rank-1 both ways.",
        "",
        "![the outdoor photos, and the predicted bodies over them](openpeople.jpg)",
        "",
    ]
