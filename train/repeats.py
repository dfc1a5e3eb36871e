"""How far the figures of one training hold for another: the same figures of trainings that were done again."""

from train.crowds import PROTOCOL

PEOPLE = "100 people"


def headlines(figures: dict) -> dict[str, float]:
    """The few of `train.measure`'s figures that sum a checkpoint up, by what they are called in a card."""
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
        crowds = {"": figures[PROTOCOL], " dressed alike": figures.get("fine-grained", {}).get(PROTOCOL, {})}
        for dressed, streams in crowds.items():
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
