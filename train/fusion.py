"""How much each stream counts in the combined descriptor: chosen on held-out people, once the network is trained."""

import logging

from threedsl.pipeline import combine
from train.retrieval import Descriptors, RetrievalSet

log = logging.getLogger("train")

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)


def choose_share(data: RetrievalSet, query: Descriptors, gallery: Descriptors) -> float:
    """The shape stream's share with the best mAP under the set's first protocol; of equal ones the smallest."""
    protocol, found = data.protocols[0], {}
    for share in SHARES:
        both = [{"combined": combine(side["appearance"], side["shape"], share)} for side in (query, gallery)]
        found[share] = data.score(*both, protocol)["combined"].mean_average_precision
    log.info(
        "%s, held-out people, mAP by the shape stream's share: %s",
        protocol,
        "  ".join(f"{share} {100 * value:.1f} %" for share, value in found.items()),
    )
    return max(SHARES, key=lambda share: found[share])
