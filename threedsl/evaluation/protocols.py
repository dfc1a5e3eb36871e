"""Evaluation protocols as data: which pictures are queries, which are the gallery, and what is removed for a query.

Every number this program prints carries the name of its protocol, because numbers from two protocols cannot be
compared, not even on one dataset. A name with a slash belongs to the dataset before the slash; the others can be used
wherever the lists have the labels they need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from threedsl.datasets import DATASETS
from threedsl.errors import InputError

ALL = "all"
MARKET = "Zheng et al., Scalable Person Re-identification: A Benchmark (ICCV 2015)"
LTCC = "Qian et al., Long-Term Cloth-Changing Person Re-identification (ACCV 2020), by the code on its page"
PRCC = (
    "Yang, Wu, Zheng, Person Re-identification by Contour Sketch under Moderate Clothing Change (TPAMI 2021)"
)
CAL = "guxinqian/Simple-CCReID (CVPR 2022)"
FIRE = "QizaoWang/FIRe-CCReID"
CELEB = "Huang-3/Celeb-reID, the authors' own evaluation"
SNAPSHOT = "early public code of 3DSL's first author"
FGPR = "Yin, Wu, Zheng, Fine-Grained Person Re-identification (IJCV 2020)"


@dataclass(frozen=True)
class Protocol:
    """One way of scoring list/query.txt against list/gallery.txt.

    Attributes:
        name: the value of --protocol, printed with every number.
        summary: what is ranked and what is removed, in one line.
        source: where the protocol comes from.
        removed: which gallery pictures a query does not see, a rule of threedsl.evaluation.metrics.
        query_list, gallery_list: the files in list/, without .txt.
        query_cameras, gallery_cameras: the only cameras kept, as the lists write them; empty: every camera.
        own_cameras: every picture counts as its own camera, so that nothing but the query picture itself is removed.
        draws: 0 ranks the whole gallery; otherwise the number of random galleries of one picture per person, over which
            the figures are averaged.
    """

    name: str
    summary: str
    source: str
    removed: Literal["standard", "cloth-changing", "same-clothes"] = "standard"
    query_list: str = "query"
    gallery_list: str = "gallery"
    query_cameras: tuple[str, ...] = ()
    gallery_cameras: tuple[str, ...] = ()
    own_cameras: bool = False
    draws: int = 0

    @property
    def general(self) -> bool:
        """Whether it can be used on any dataset with the labels it needs."""
        return "/" not in self.name

    def belongs_to(self, dataset: str) -> bool:
        """Whether it is one of a dataset's own; celebreid-light has those of celebreid."""
        own = self.name.partition("/")[0]
        return not self.general and (dataset == own or dataset.startswith(f"{own}-"))

    @property
    def needs_clothes(self) -> bool:
        return self.removed != "standard"


PROTOCOLS: tuple[Protocol, ...] = (
    Protocol(
        "standard",
        "all queries; removed: the query's person in the query's camera",
        MARKET,
    ),
    # The LTCC page says "camera and clothes" in words and "or" in its code. Papers use "or": otherwise pictures in the
    # query's clothes stay, and rank-1 is far above what they report.
    Protocol(
        "cloth-changing",
        "all queries; removed: the query's person in the query's camera or in the query's clothes",
        LTCC,
        removed="cloth-changing",
    ),
    Protocol(
        "same-clothes",
        "all queries; removed: the query's person in the query's camera or in other clothes",
        "the complement of cloth-changing; not the published protocol of any dataset",
        removed="same-clothes",
    ),
    Protocol(
        "nothing-removed",
        "all queries; removed: nothing but the query picture itself, for pictures without cameras",
        "as Celeb-reID in " + FIRE,
        own_cameras=True,
    ),
    Protocol(
        "prcc/cross-clothes-single-shot",
        "query.txt (camera C) against one random camera-A picture per person, mean of 10 draws; nothing removed",
        PRCC + "; used by 3DSL",
        own_cameras=True,
        draws=10,
    ),
    Protocol(
        "prcc/same-clothes-single-shot",
        "query_same.txt (camera B) against one random camera-A picture per person, mean of 10 draws; nothing removed",
        PRCC + "; used by 3DSL",
        query_list="query_same",
        own_cameras=True,
        draws=10,
    ),
    Protocol(
        "prcc/cross-clothes",
        "query.txt (camera C) against every camera-A picture (multi-shot); nothing is removed",
        CAL,
        own_cameras=True,
    ),
    Protocol(
        "prcc/same-clothes",
        "query_same.txt (camera B) against every camera-A picture (multi-shot); nothing is removed",
        CAL,
        query_list="query_same",
        own_cameras=True,
    ),
    Protocol(
        "vcclothes/all",
        "every camera; removed: the query's person in the query's camera",
        CAL,
    ),
    Protocol(
        "vcclothes/same-clothes",
        "cameras 2 and 3, each way; removed: the query's person in the query's camera",
        CAL,
        query_cameras=("2", "3"),
        gallery_cameras=("2", "3"),
    ),
    Protocol(
        "vcclothes/cloth-changing",
        "cameras 3 and 4, each way; removed: the query's person in the query's camera",
        CAL,
        query_cameras=("3", "4"),
        gallery_cameras=("3", "4"),
    ),
    Protocol(
        "vcclothes/same-clothes-one-way",
        "queries of camera 3, gallery of camera 2; nothing is removed",
        SNAPSHOT + ", its cameras read as counted from 1",
        query_cameras=("3",),
        gallery_cameras=("2",),
    ),
    Protocol(
        "vcclothes/cloth-changing-one-way",
        "queries of camera 4, gallery of camera 3; nothing is removed",
        SNAPSHOT + ", its cameras read as counted from 0",
        query_cameras=("4",),
        gallery_cameras=("3",),
    ),
    Protocol(
        "celebreid/nothing-removed",
        "all queries; every picture counts as its own camera, so nothing is removed",
        FIRE,
        own_cameras=True,
    ),
    Protocol(
        "celebreid/first-digit",
        "all queries; the first digit of a picture's number counts as its camera, and the query's person in that "
        "camera is removed, true matches among them",
        CELEB,
        query_list="query_digit",
        gallery_list="gallery_digit",
    ),
    Protocol(
        "fgpr/all", "all people; removed: the query's person in the query's camera", FGPR
    ),
    Protocol(
        "fgpr/blue",
        "only people of the blue group; removed: the query's person in the query's camera",
        FGPR,
        query_list="query_blue",
        gallery_list="gallery_blue",
    ),
    Protocol(
        "fgpr/white",
        "only people of the white group; removed: the query's person in the query's camera",
        FGPR,
        query_list="query_white",
        gallery_list="gallery_white",
    ),
)  # fmt: skip


def find_protocol(name: str, usable: Sequence[str] = ()) -> Protocol:
    """The protocol of a name.

    usable: the names that can be used on the dataset at hand, for the error message; empty: all names.

    Raises:
        InputError: there is none, with the names there are.
    """
    for protocol in PROTOCOLS:
        if protocol.name == name:
            return protocol
    names = list(usable) or [protocol.name for protocol in PROTOCOLS]
    meant = get_close_matches(name, [*names, ALL], 1)
    guess = f"did you mean {meant[0]}? It" if meant else "it"
    raise InputError(f"protocol {name!r} is unknown; {guess} is {ALL} or one of {', '.join(names)}.")


def published_for(dataset: str) -> tuple[Protocol, ...]:
    """The protocols that papers report for a dataset of `prepare`; none for a name it does not know."""
    module = DATASETS.get(dataset)
    reported = module.PROTOCOLS if module else ()
    return tuple(
        protocol for protocol in PROTOCOLS if protocol.belongs_to(dataset) or protocol.name in reported
    )


def check_dataset(protocol: Protocol, dataset: str, folder: object) -> None:
    """Refuse a dataset's protocol on another dataset, where the same camera names mean something else.

    dataset: "" if the lists' dataset is unknown; then any protocol is accepted.

    Raises:
        InputError: with the protocols to use instead.
    """
    if protocol.general or not dataset or protocol.belongs_to(dataset):
        return
    own = published_for(dataset) or general()
    names = ", ".join(other.name for other in own)
    raise InputError(
        f"protocol {protocol.name!r} is not for {folder}, which was prepared as {dataset}; use {names}."
    )


def general() -> Sequence[Protocol]:
    """The protocols for any dataset."""
    return tuple(protocol for protocol in PROTOCOLS if protocol.general)
