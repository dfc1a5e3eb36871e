"""The shape stream's weight in the combined descriptor: a number, or chosen on labelled pictures of the user's own.

Which weight is best depends on the data: where people do not change clothes, appearance alone may be better than both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record, read_list
from threedsl.descriptors import STREAMS, Descriptors
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import DescriptorCache, describe
from threedsl.evaluation.labels import labels_of, match_counts
from threedsl.evaluation.metrics import REMOVALS, bootstrap_interval
from threedsl.evaluation.protocols import find_protocol
from threedsl.evaluation.scoring import Labels, Scores, score_descriptors

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The weights that are tried."""

MOST = 5000
"""Pictures of a list on which a weight is chosen; more take minutes and change nothing."""

FEWEST = 20
"""With fewer people than this, an interval from resampling them is too uncertain for advice."""

WORSE = 0.005
"""How much lower the combined mAP must be to be worth mentioning."""


def shape_share_from(
    text: str, model: ThreeDSL, cache: DescriptorCache | None = None, mirror: bool = False
) -> tuple[float, str]:
    """The weight that `text` stands for, and a sentence about how it came about.

    Args:
        text: a number between 0 and 1, or the path of a list file of labelled pictures to choose it on.
        cache, mirror: as in `describe`.

    Raises:
        InputError: neither of them, or a model without a shape stream.
    """
    if not model.config.shape_stream:
        raise InputError(
            "This model has no shape stream, so there is no weight to set; leave --shape-share out."
        )
    try:
        share = float(text)
    except ValueError:
        share = None
    if share is not None:
        if not 0 < share < 1:
            raise InputError(
                f"--shape-share must be between 0 and 1, not {text}; for one stream alone use --stream."
            )
        return share, f"shape stream's weight {share:g}, as given"
    if not os.path.isfile(text):
        raise InputError(
            f"--shape-share {text} is neither a number between 0 and 1 nor a list file of labelled pictures."
        )
    records = read_list(text)
    if len(records) > MOST:
        raise InputError(
            f"{text} lists {len(records):,} pictures; {MOST:,} are enough to choose a weight on."
        )
    described = describe(model, [record.path for record in records], cache, mirror)
    share, precision = choose_share(records, described)
    return share, (
        f"shape stream's weight {share:g}, chosen on the {len(records):,} pictures of {text} "
        f"(mAP {100 * precision:.1f} %)"
    )


def choose_share(records: Sequence[Record], described: Descriptors) -> tuple[float, float]:
    """The weight in SHARES with the best mAP when every picture searches for all others, and that mAP.

    The query's person is left out in the same camera where cameras are known. Where people change clothes, the mAP is
    the mean over cloth-changing and same-clothes, because a search does not know whether the clothes changed.

    Raises:
        InputError: no person has a second picture that these protocols count.
    """
    labels, protocols = leave_one_out(records)
    found = {
        share: np.mean(
            [
                scores_of(replace(described, shape_share=share), labels, name).mean_average_precision
                for name in protocols
            ]
        )
        for share in SHARES
    }
    best = max(found, key=lambda share: (found[share], -abs(share - 0.5)))
    return best, float(found[best])


def leave_one_out(records: Sequence[Record]) -> tuple[Labels, tuple[str, ...]]:
    """Labels for searching pictures among themselves, and the protocols that they can be scored under."""
    known = all(record.camid for record in records)
    labels = labels_of(records, own_cameras=not known)
    outfits = {(record.pid, record.clothes) for record in records}
    changing = all(record.clothes for record in records) and len(outfits) > len({r.pid for r in records})
    by_clothes = ("cloth-changing", "same-clothes") if known and changing else ()
    # Where every camera sees its own outfit, no match wears the query's clothes.
    scored = (name for name in by_clothes if match_counts(labels, labels, find_protocol(name))[0].any())
    return labels, tuple(scored) or ("standard",)


def scores_of(described: Descriptors, labels: Labels, protocol: str, stream: str = "combined") -> Scores:
    """Scores of pictures that are searched among themselves."""
    values = described.stream(stream)
    return score_descriptors(values, values, labels, labels, REMOVALS[protocol], protocol)


def advice(scores: dict[str, Scores], people: NDArray, share: float) -> str:
    """What to say where both streams together are worse than one alone, beyond chance; "" where they are not, or where
    there are fewer than FEWEST people.

    Args:
        scores: by stream, of the same queries.
        people: (N,) whom the scored queries show.
        share: the shape stream's present weight.
    """
    if not set(STREAMS) <= scores.keys() or len(set(people.tolist())) < FEWEST:
        return ""
    best = max(STREAMS[:2], key=lambda stream: scores[stream].mean_average_precision)
    both, alone = (scores[stream].average_precision for stream in ("combined", best))
    if both.mean() > alone.mean() - WORSE or bootstrap_interval(both - alone, people, 0)[1] >= 0:
        return ""
    return (
        f"combined (mAP {100 * both.mean():.1f} %) is worse than {best} alone ({100 * alone.mean():.1f} %): use "
        f"--stream {best}, or change the shape stream's weight, now {share:g}, with --shape-share (a number, or a list "
        "of labelled pictures of other people to choose it on)."
    )


def advice_for(records: Sequence[Record], described: Descriptors) -> str:
    """`advice` from the labelled pictures of a gallery, searched among themselves; "" where too little is labelled."""
    rows = np.array([row for row, record in enumerate(records) if record.pid][:MOST], int)
    kept = [records[row] for row in rows]
    if not described.shape.shape[1] or len({record.pid for record in kept}) < 2:
        return ""
    labels, _ = leave_one_out(kept)
    some = described.rows(rows)
    try:
        scores = {stream: scores_of(some, labels, "standard", stream) for stream in STREAMS}
    except InputError:  # no person has a second picture
        return ""
    return advice(scores, labels.pids[scores["combined"].query], described.shape_share)
