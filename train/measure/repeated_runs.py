"""Variation between trainings: headline figures of repeated runs of the same configuration."""

from train.measure.gallery_size import PROTOCOL

PEOPLE = "100 people"


def headlines(figures: dict) -> dict[str, float]:
    """The few of `train.measure.command`'s figures that summarise a checkpoint, by their names in the card."""
    found = {}
    for stream, name in (("shape", "3D shape stream"), ("combined", "both streams (combined)")):
        for protocol, metric in (
            ("cloth-changing", "rank-1"),
            ("cloth-changing", "mAP"),
            ("same-clothes", "rank-1"),
        ):
            if protocol in figures["retrieval"]:
                value = figures["retrieval"][protocol][stream][metric]["value"]
                found[f"{name}: {protocol}, {metric}, percent"] = 100 * value
        tables = {"": figures[PROTOCOL], " dressed alike": figures.get("fine-grained", {}).get(PROTOCOL, {})}
        for dressed, streams in tables.items():
            if PEOPLE in streams.get(stream, {}):
                value = streams[stream][PEOPLE]["rank-1"]
                found[f"{name}: {PEOPLE}{dressed}, rank-1, percent"] = 100 * value
        back = figures["openpeople"]["from the studio"][stream]["rank-1"]["value"]
        found[f"{name}: openpeople, studio against outdoor, rank-1, percent"] = 100 * back
    bodies = figures["bodies"]["predicted"]
    for share in (0.2, 0.5):
        found[f"bodies: PCK@{share} torso, percent"] = 100 * bodies[f"PCK@{share}"]
    found["bodies: mean error, pixels"] = bodies["mean px"]
    found["bodies: silhouette IoU, percent"] = 100 * bodies["silhouette IoU"]
    return found
