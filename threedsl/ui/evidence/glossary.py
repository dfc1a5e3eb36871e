"""Technical terms of the Evidence tab, each explained in one line."""

import re
from collections.abc import Iterable
from html import escape

TERMS = {
    "protocol": "which pictures count as correct, and which are removed from the gallery before it is ranked.",
    "cloth-changing": "only pictures of the person in different clothes, from other cameras, count as correct.",
    "same-clothes": "only pictures of the person in the same clothes, from other cameras, count as correct.",
    "standard": "every picture of the person from other cameras counts as correct, regardless of clothing.",
    "rank-1": "share of queries whose first match is the correct person; rank-5: among the first five, and so on.",
    "CMC": "that share for every number of first matches, as a curve.",
    "mAP": "mean average precision: how high all correct pictures are ranked, not only the first; 100 is perfect.",
    "mINP": "mean inverse negative penalty: how high the hardest correct picture is ranked.",
    "chance": "what random ranking would achieve.",
    "baseline": "the smaller network, without 3D body shape, for comparison.",
    "95 % intervals": "the range that the figure would usually fall in for other people of the same kind.",
    "false matches": "pairs of two different people that reach the score; “finds” is the share of true pairs that do.",
    "by seed": "the same training repeated with other seeds: the differences are random-seed variation.",
    "keypoint": "a joint or another marked point on the body, such as a knee or an ear.",
    "PCK": "share of keypoints placed closer than this fraction of the torso's length.",
    "IoU": "how well the predicted body covers the person's silhouette; 1 = perfect overlap.",
    "MPJPE": "mean distance of 24 joints from the true ones, in millimetres; PA-: after Procrustes alignment.",
    "zero-shot": "measured on pictures of a kind that the model was never trained on.",
}


def terms_in(text: str, explained: Iterable[str] = ()) -> list[str]:
    """The terms that occur in a text, those `explained` before left out."""
    return [
        term
        for term in TERMS
        if term not in explained and re.search(rf"\b{re.escape(term)}", text, re.IGNORECASE)
    ]


def glossary(terms: Iterable[str]) -> str:
    """HTML: a line for each term; "" for none."""
    lines = "".join(f"<div><dt>{escape(term)}:</dt> <dd>{escape(TERMS[term])}</dd></div>" for term in terms)
    return f'<dl class="terms">{lines}</dl>' if lines else ""
