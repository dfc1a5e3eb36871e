"""People found in photos, by our finder and by OpenCV's HOG: detection rate, box accuracy, false positives.

Half of the pictures without people, every second one, sets each finder's threshold: the lowest score at which at most
one in a hundred of them shows a "person". What is reported comes from the other half and from all pictures with people.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.photos import hog
from benchmarks.photos.cases import Case, openpeople, renderings, without_people
from benchmarks.table import machine, replace_section, table
from threedsl.data.images import load_image
from threedsl.data.picture_files import is_picture
from threedsl.errors import InputError
from threedsl.people import finder

RIGHT = 0.5  # intersection over union from which a box is right
# share of pictures without people in which the threshold may leave one, on the half that sets it
INVENTED = 0.01
Found = list[tuple[np.ndarray, float]]


def ours(image: np.ndarray) -> Found:
    """Boxes and scores of our finder, below its threshold too."""
    return [(np.array(person.box), person.score) for person in finder.candidates(image)]


FINDERS = {"MoveNet (ours)": ours, "HOG (OpenCV)": hog.find_people}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", type=Path, help="your own photos: print the people found in each"
    )
    parser.add_argument("--without", type=Path, action="append", default=[], help="a folder without people")
    parser.add_argument("--rendered", type=Path, help="a dataset of `train synthesize`, with masks")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    if args.folder is not None:
        return look_at(args.folder)
    cases = [*openpeople(), *(renderings(args.rendered) if args.rendered else renderings())]
    empty = list(without_people(args.without))
    if len(empty) < 2:
        raise InputError("Thresholds need pictures without people; name a folder of them with --without.")
    text = f"{machine()}; {len(empty)} pictures without people.\n\n{report(cases, empty, args.workers)}"
    print(text)
    if args.write:
        replace_section("photos", text)
    return None


def look_at(folder: Path) -> None:
    """Print who is found in each picture of a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if is_picture(path)] if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder} contains no pictures; name a folder of photos.")
    for path in paths:
        people = finder.find_people(load_image(path))
        print(f"{path}: {len(people)} people")
        for person in people:
            box = " ".join(f"{value:.0f}" for value in person.box)
            print(f"  {person.score:.2f}  {box}  {person.facing}  {', '.join(person.notes) or 'whole body'}")


def report(cases: list[Case], empty: list[Case], workers: int) -> str:
    """The table of both finders over cases with people and pictures without."""
    kinds = list(dict.fromkeys(case.kind for case in cases))
    rows, thresholds = [], []
    for name in FINDERS:
        with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool:
            answers = list(pool.map(timed, [name] * (len(cases) + len(empty)), [*cases, *empty], chunksize=4))
        found = {id(case): people for case, (people, _) in zip([*cases, *empty], answers, strict=True)}
        best = [max((score for _, score in found[id(case)]), default=0.0) for case in empty]
        limit = threshold(best[::2])
        thresholds.append(f"{name} {limit:.2f}")
        for kind in kinds:
            of_kind = [case for case in cases if case.kind == kind]
            rows.append([name, kind, *figures(of_kind, found, limit)])
        invented = sum(score >= limit for score in best[1::2])
        rows.append([name, "without people", str(len(best[1::2])), "", "", f"{invented} invented"])
        milliseconds = 1000 * statistics.median(seconds for _, seconds in answers)
        rows.append([name, "CPU time of a photo", "", "", "", f"{milliseconds:.0f} ms"])
    header = ["finder", "pictures", "number", "people found", "box right", ""]
    return f"Thresholds: {', '.join(thresholds)}.\n\n{table(header, rows)}"


def one_thread() -> None:
    """Keep a process to one thread, so that its CPU time is that thread's."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def timed(name: str, case: Case) -> tuple[Found, float]:
    """What a finder finds, and the seconds of one thread it takes."""
    start = time.thread_time()
    people = FINDERS[name](case.image)
    return people, time.thread_time() - start


def threshold(scores: list[float]) -> float:
    """The least score that at most INVENTED of these pictures without people reach."""
    allowed = int(INVENTED * len(scores))
    return float(np.nextafter(sorted(scores, reverse=True)[allowed], np.inf))


def figures(cases: list[Case], found: dict[int, Found], limit: float) -> list[str]:
    """Pictures, people found of people known, boxes right of boxes known, people too many."""
    seen = right = known = extra = 0
    for case in cases:
        people = [box for box, score in found[id(case)] if score >= limit]
        if case.boxes is None:
            known, seen = known + 1, seen + bool(people)
            continue
        overlaps = np.array([[overlap(box, true) for true in case.boxes] for box in people]).reshape(
            -1, len(case.boxes)
        )
        best = overlaps.max(0, initial=0)
        known, seen, right = known + len(best), seen + (best > 0.1).sum(), right + (best >= RIGHT).sum()
        extra += int((overlaps.max(1, initial=0) <= 0.1).sum())
    boxes = any(case.boxes is not None for case in cases)
    return [
        str(len(cases)),
        f"{seen} of {known}",
        f"{right} of {known}" if boxes else "not known",
        f"{extra} invented" if boxes else "",
    ]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    shared = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None).prod()
    return float(shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared))
