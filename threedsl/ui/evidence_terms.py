"""The words of the Evidence tab that not everybody knows, each with one line on what it means."""

import re
from collections.abc import Iterable
from html import escape

TERMS = {
    "protocol": "which pictures count as right, and which are taken out of the gallery, before it is ranked.",
    "cloth-changing": "only pictures of the person in other clothes, from other cameras, count as right.",
    "same-clothes": "only pictures of the person in the same clothes, from other cameras, count as right.",
    "standard": "every picture of the person from other cameras counts as right, whatever is worn.",
    "rank-1": "share of queries whose first match is the right person; rank-5: among the first five, and so on.",
    "CMC": "that share for every number of first matches, as a curve.",
    "mAP": "how far up all right pictures come, not only the first; 100 where they stand before all others.",
    "mINP": "how far up the last right picture comes.",
    "chance": "what ranking at random would reach.",
    "baseline": "the smaller network, without 3D body shape, for comparison.",
    "95 % intervals": "where the figure would mostly lie if it were measured on other people of the same kind.",
    "false matches": "pairs of two different people that reach the score; “finds” is the share of true pairs that do.",
    "by seed": "the same training repeated from other random numbers: the spread between them is luck.",
    "keypoint": "a joint or another marked place of the body, such as a knee or an ear.",
    "PCK": "share of keypoints placed closer than this fraction of the torso's length.",
    "IoU": "how well the drawn body covers the person's outline, 1 where both are the same.",
    "MPJPE": "mean distance of 24 joints from the true ones, in millimetres; PA-: after the best turn and scaling.",
    "zero-shot": "measured on pictures of a kind that the model was never trained on.",
}


def terms_in(text: str, told: Iterable[str] = ()) -> list[str]:
    """The terms that occur in a text, those `told` before left out."""
    return [
        term for term in TERMS if term not in told and re.search(rf"\b{re.escape(term)}", text, re.IGNORECASE)
    ]


def glossary(terms: Iterable[str]) -> str:
    """HTML: a line for each term; "" for none."""
    lines = "".join(f"<div><dt>{escape(term)}:</dt> <dd>{escape(TERMS[term])}</dd></div>" for term in terms)
    return f'<dl class="terms">{lines}</dl>' if lines else ""
