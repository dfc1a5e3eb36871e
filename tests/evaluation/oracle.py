"""Evaluation as the protocols' authors describe it: plain loops over the datasets' own files, in no hurry.

Nothing here comes from the program: labels are cut out of the file names of the test trees, every protocol is written
out, and the gallery is sorted picture by picture. The one thing shared is the definition of the single-shot draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Picture:
    path: Path
    pid: str
    camera: str
    clothes: str = ""


Rule = Callable[[Picture, Picture], bool]


def same_camera(query: Picture, other: Picture) -> bool:
    return query.pid == other.pid and query.camera == other.camera


def same_camera_or_clothes(query: Picture, other: Picture) -> bool:
    return query.pid == other.pid and (query.camera == other.camera or query.clothes == other.clothes)


def same_camera_or_other_clothes(query: Picture, other: Picture) -> bool:
    return query.pid == other.pid and (query.camera == other.camera or query.clothes != other.clothes)


def nothing(query: Picture, other: Picture) -> bool:
    return False


def pictures_in(folder: Path, parts: Callable[[str], tuple[str, ...]]) -> list[Picture]:
    """Pictures below a folder; parts cuts (pid, camera, clothes) out of their path there."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    return [
        Picture(path, *parts(path.relative_to(folder).as_posix()))
        for path in found
        if not path.name.startswith(".")
    ]


def market1501(root: Path) -> dict[str, list[Picture]]:
    def cut(name):
        return name.split("_")[0], name.split("_")[1][1]

    return {
        "query": pictures_in(root / "query", cut),
        "gallery": [p for p in pictures_in(root / "bounding_box_test", cut) if p.pid != "-1"],
    }


def dukemtmc(root: Path) -> dict[str, list[Picture]]:
    def cut(name):
        return name.split("_")[0], name.split("_")[1][1:]

    return {
        "query": pictures_in(root / "query", cut),
        "gallery": pictures_in(root / "bounding_box_test", cut),
    }


def msmt17(root: Path) -> dict[str, list[Picture]]:
    lists = {}
    for name in ("query", "gallery"):
        lines = [line.split() for line in (root / f"list_{name}.txt").read_text().splitlines()]
        lists[name] = [Picture(root / "test" / path, pid, path.split("_")[2]) for path, pid in lines]
    return lists


def prcc(root: Path) -> dict[str, list[Picture]]:
    return {
        camera: pictures_in(root / "rgb" / "test" / camera, lambda name, c=camera: (name.split("/")[0], c))
        for camera in "ABC"
    }


def ltcc(root: Path) -> dict[str, list[Picture]]:
    def cut(name):
        pid, clothes, camera, _ = name.split("_")
        return pid, camera, clothes

    return {"query": pictures_in(root / "query", cut), "gallery": pictures_in(root / "test", cut)}


def celebreid(root: Path) -> dict[str, list[Picture]]:
    def cut(name):
        pid, number, _ = name.split("_")
        return pid, number[0]

    return {name: pictures_in(root / name, cut) for name in ("query", "gallery")}


def vcclothes(root: Path) -> dict[str, list[Picture]]:
    def cut(name):
        pid, camera, clothes, _ = name.split("-")
        return pid, camera, clothes

    return {name: pictures_in(root / name, cut) for name in ("query", "gallery")}


def fgpr(root: Path) -> dict[str, list[Picture]]:
    """The group stands as clothes."""

    def cut(name):
        (group, pid), camera = name.split("/")[0].split("_"), name.split("/")[1].split("_")[0]
        return pid, camera, group

    return {name: pictures_in(root / name, cut) for name in ("query", "gallery")}


def of(pictures: list[Picture], cameras: str) -> list[Picture]:
    return [picture for picture in pictures if picture.camera in cameras.split()]


def one_each(gallery: list[Picture], draw: int) -> list[Picture]:
    """The documented draw: people in sorted order, their pictures by path, default_rng([seed, draw])."""
    rng = np.random.default_rng([0, draw])
    chosen = []
    for pid in sorted({picture.pid for picture in gallery}):
        mine = sorted((p for p in gallery if p.pid == pid), key=lambda p: p.path.as_posix())
        chosen.append(mine[int(rng.integers(len(mine)))])
    return chosen


def trials(dataset: str, root: Path) -> dict[str, tuple[list[Picture], list[list[Picture]], Rule]]:
    """protocol -> (queries, the gallery of every draw, which pair is removed), as published for a dataset."""
    lists = globals()[dataset](root)
    query, gallery = lists.get("query", []), lists.get("gallery", [])
    if dataset in ("market1501", "dukemtmc", "msmt17"):
        return {"standard": (query, [gallery], same_camera)}
    if dataset == "ltcc":
        return {
            "standard": (query, [gallery], same_camera),
            "cloth-changing": (query, [gallery], same_camera_or_clothes),
            "same-clothes": (query, [gallery], same_camera_or_other_clothes),
        }
    if dataset == "prcc":
        shots = [one_each(lists["A"], draw) for draw in range(10)]
        return {
            "prcc/cross-clothes-single-shot": (lists["C"], shots, nothing),
            "prcc/same-clothes-single-shot": (lists["B"], shots, nothing),
            "prcc/cross-clothes": (lists["C"], [lists["A"]], nothing),
            "prcc/same-clothes": (lists["B"], [lists["A"]], nothing),
        }
    if dataset == "celebreid":
        return {
            "celebreid/nothing-removed": (query, [gallery], nothing),
            "celebreid/first-digit": (query, [gallery], same_camera),
        }
    if dataset == "vcclothes":
        return {
            "vcclothes/all": (query, [gallery], same_camera),
            "vcclothes/same-clothes": (of(query, "02 03"), [of(gallery, "02 03")], same_camera),
            "vcclothes/cloth-changing": (of(query, "03 04"), [of(gallery, "03 04")], same_camera),
            "vcclothes/same-clothes-one-way": (of(query, "03"), [of(gallery, "02")], nothing),
            "vcclothes/cloth-changing-one-way": (of(query, "04"), [of(gallery, "03")], nothing),
        }
    groups = {"blue": "B", "white": "W"}
    found = {"fgpr/all": (query, [gallery], same_camera)}
    for name, letter in groups.items():
        ours = [[p for p in part if p.clothes == letter] for part in (query, gallery)]
        found[f"fgpr/{name}"] = (ours[0], [ours[1]], same_camera)
    return found


def score(
    queries: list[Picture],
    galleries: list[list[Picture]],
    removed: Rule,
    descriptor: Callable[[Path], list[float]],
) -> dict[str, float]:
    """Means over queries with a true match, then over draws: rank-1 to rank-20, mAP, mINP, and how many queries."""
    described = {p.path: descriptor(p.path) for p in (*queries, *(g for part in galleries for g in part))}
    totals: list[dict[str, float]] = []
    for gallery in galleries:
        rows = []
        for query in queries:
            kept = [other for other in gallery if not removed(query, other)]
            ours = described[query.path]
            distances = [-sum(a * b for a, b in zip(ours, described[o.path], strict=True)) for o in kept]
            order = sorted(range(len(kept)), key=distances.__getitem__)
            places = [place for place, row in enumerate(order, 1) if kept[row].pid == query.pid]
            if places:
                row = {f"rank-{k}": float(places[0] <= k) for k in (1, 5, 10, 20)}
                row["mAP"] = sum(number / place for number, place in enumerate(places, 1)) / len(places)
                row["mINP"] = len(places) / places[-1]
                rows.append(row)
        totals.append({name: sum(row[name] for row in rows) / len(rows) for name in rows[0]})
    return {name: sum(total[name] for total in totals) / len(totals) for name in totals[0]} | {
        "queries": len(rows),
        "gallery": len(galleries[0]),
    }
