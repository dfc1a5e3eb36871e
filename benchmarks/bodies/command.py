"""Bodies before and after the fit to the finder's keypoints: the truth, and agreement with joints held out from it.

On the frozen test set (`benchmarks.bodies.frozen`), bodies are compared with the truth; with --rendered, on photos and
on a data set of renderings. A keypoint that the fit has used says nothing about it, so each of the twelve joints from
shoulders to ankles is left out in turn and judged only where it was left out. The fit sees nothing but the finder's
keypoints.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bodies import frozen as frozen_set
from benchmarks.bodies import truth as frozen_truth
from benchmarks.photos.cases import openpeople
from benchmarks.results.records import as_text
from benchmarks.table import machine, replace_section, table
from threedsl.body.bodies import Bodies
from threedsl.body.coco import BODY, DOUBTFUL, NEAR, OPPOSITE, SEEN, facing, torso_lengths, view
from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT
from threedsl.data.images import load_image
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import pose_file
from threedsl.data.listfile import Record, read_list
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.gallery.demo import cut_openpeople, openpeople_records
from threedsl.output import People
from threedsl.pipeline import ThreeDSL
from train.measure.bodies.pose_quality import compare_poses
from train.synthesize.truth import read_truth

TIMED = 20  # fits of one person, one after the other


@dataclass(frozen=True)
class Group:
    """Pictures of one kind. looks: which way each person looks, as known or else as the finder sees it."""

    name: str
    model: ThreeDSL
    bodies: Bodies  # as regressed
    found: NDArray[np.float64]  # (N, 17, 3) in pixels of the network's input
    looks: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="a folder (default: %(default)s)"
    )
    parser.add_argument(
        "--half", choices=("even", "odd"), help="only the frozen set's half for tuning (even) or not"
    )
    parser.add_argument(
        "--rendered",
        type=Path,
        help="photos and this data set of `train synthesize` instead of the frozen set",
    )
    parser.add_argument(
        "--freeze", type=Path, metavar="DATA", help="draw the frozen set from a data set; done once"
    )
    parser.add_argument("--made", default="", help="with --freeze: how the data set was made")
    parser.add_argument(
        "--record", type=Path, metavar="FILE.json", help="write the frozen set's figures as a record"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    if args.freeze:
        size = frozen_set.freeze(args.freeze, frozen_set.FROZEN, args.made)
        print(f"{size:,} bytes in {frozen_set.FROZEN}")
        return
    model = ThreeDSL.from_pretrained(args.checkpoint, device="cpu")
    if not args.rendered:
        frozen = frozen_set.load()
        found = frozen_truth.measured(model, frozen.half(args.half == "odd") if args.half else frozen)
        text = f"{machine()}.\n\n{frozen_truth.report(found)}"
        print(text)
        if args.record:
            write_record(args.record, args.checkpoint, args.half, found)
        if args.write:
            replace_section("frozen bodies", text)
        return
    photos = [*photo_groups(model)]
    tuned, held = (rendered(model, args.rendered, odd) for odd in (False, True))
    header = ["people", "number", "fit", "looks away", f"PCK@{NEAR} held out", f"PCK@{NEAR} used"]
    rows = [row for group in [*photos, held[0]] for row in agreement_rows(group)]
    text = f"{machine()}.\n\n{table(header, rows)}\n\n"
    header = [
        "renderings",
        "number",
        "fit",
        f"PCK@{NEAR}",
        "MPJPE mm",
        "PA-MPJPE mm",
        "orientation",
        "> 90 degrees",
    ]
    rows = [
        [name, *row]
        for name, (group, truth) in (("used for tuning", tuned), ("held out", held))
        for row in truth_rows(group, *truth)
    ]
    text += f"{table(header, rows)}\n\n{seconds(held[0])}\n\n{doubts(held[0], *held[1])}"
    print(text)
    if args.write:
        replace_section("bodies", text)


def write_record(target: Path, checkpoint: Path, half: str | None, found: dict) -> None:
    """The figures of the frozen set as a record of benchmarks/records."""
    part = f" --half {half}" if half else ""
    checkpoint = Path(os.path.relpath(checkpoint, Path(__file__).parents[2])).as_posix()
    said = {
        "how": f"`python -m benchmarks bodies --checkpoint {checkpoint}{part}` on benchmarks/bodies-test.zip",
        "protocol": "bodies against the truth",
        "sample": found["sample"],
        "seed": 0,
    }
    write_whole(target, as_text(said | found).encode())


def photo_groups(model: ThreeDSL) -> Iterator[Group]:
    """openpeople: outdoor, studio, rows of five, and the front and back of the character sheets."""
    cases = {"outdoor": [], "studio": [], "group of five": []}
    for case in openpeople():
        if case.kind in cases:
            cases[case.kind].append(case.image)
    if not any(cases.values()):
        raise InputError("The openpeople package is not installed; `pip install openpeople`.")
    for kind, images in cases.items():
        yield group_of(kind, model, images, "front")
    cut_openpeople()
    for shown in ("back", "left", "right"):
        images = [load_image(record.path) for record in openpeople_records() if record.camid == shown]
        side = shown in ("left", "right")
        name = f"character sheet, {shown if not side else f'{shown} side'}"
        yield group_of(name, model, images, None if side else shown)


def group_of(name: str, model: ThreeDSL, images: list[NDArray], looks: str | None) -> Group:
    """Everybody found in the pictures, bodies as regressed."""
    people = [model.people(image, bodies=False) for image in images]
    crops = [crop.crop(image) for one, image in zip(people, images, strict=True) for crop in one.crops]
    found = np.concatenate([in_crops(one, model.input_size) for one in people])
    return Group(name, model, model(crops).bodies, found, [looks or facing(points) for points in found])


def in_crops(people: People, size: tuple[int, int]) -> NDArray:
    """(N, 17, 3) the finder's keypoints in pixels of the network's input."""
    points = [crop.to_crop(one, size) for crop, one in zip(people.crops, people.keypoints, strict=True)]
    return np.array(points).reshape(-1, 17, 3)


def rendered(model: ThreeDSL, root: Path, odd: bool) -> tuple[Group, tuple[NDArray, NDArray, NDArray]]:
    """The people with odd or even numbers of a data set, and their betas, poses and keypoints.

    Raises:
        InputError: the folder has no truth.
    """
    lists = (path for path in sorted((root / "list").glob("*.txt")) if "ATTR" not in path.name)
    records = {record.path: record for path in lists for record in read_list(path)}
    chosen: list[Record] = [records[path] for path in sorted(records) if int(records[path].pid) % 2 == odd]
    truth = read_truth(root, chosen)
    if truth is None:
        raise InputError(f"{root} has no truth.npz; make a data set with `python -m train synthesize`.")
    images = [load_image(record.path) for record in chosen]
    people = [model.people(image, bodies=False) for image in images]
    found = np.concatenate([in_crops(one, model.input_size) for one in people])
    known = read_alphapose(pose_file(root))
    height, width = model.input_size
    points = np.stack(
        [
            known[record.path.name] * [width / image.shape[1], height / image.shape[0], 1]
            for record, image in zip(chosen, images, strict=True)
        ]
    )
    looks = [view(one[:, :2]) for one in points]
    group = Group("rendered, held out", model, model(images).bodies, found, looks)
    return group, (truth.betas.numpy(), truth.pose.numpy(), points)


def agreement_rows(group: Group) -> list[list[str]]:
    """Without and with the fit."""
    found, fitted = group.found, group.model.fit(group.bodies, group.found)
    held, used = [], []
    for joint in range(BODY.start, BODY.stop):
        rest = found.copy()
        rest[:, joint, 2] = 0
        held.append(near(group.model.fit(group.bodies, rest).keypoints, found)[:, joint])
        used.append(near(group.bodies.keypoints, found)[:, joint])
    seen = found[:, BODY, 2] >= SEEN
    before, left_out = (np.stack(column, 1)[seen].mean() for column in (used, held))
    after = near(fitted.keypoints, found)[:, BODY][seen].mean()
    number = str(len(found))
    return [
        [group.name, number, "no", looks_away(group, group.bodies), percent(before), percent(before)],
        [group.name, number, "yes", looks_away(group, fitted), percent(left_out), percent(after)],
    ]


def near(points: NDArray, target: NDArray) -> NDArray[np.bool_]:
    """(N, 17): within NEAR torso lengths of the target (N, 17, 3)."""
    return np.linalg.norm(points - target[..., :2], axis=2) <= NEAR * torso_lengths(target)[:, None]


def looks_away(group: Group, bodies: Bodies) -> str:
    """How many look the opposite way of their people: front for back, left for right."""
    wrong = sum(
        OPPOSITE[view(points)] == look for points, look in zip(bodies.keypoints, group.looks, strict=True)
    )
    return f"{wrong} of {len(group.looks)}"


def truth_rows(group: Group, betas: NDArray, pose: NDArray, points: NDArray) -> list[list[str]]:
    """Errors against the truth, without and with the fit."""
    model = group.bodies.model
    with torch.inference_mode():
        joints = model(torch.tensor(betas), torch.tensor(pose)).joints.numpy()
    rows = []
    for name, bodies in (("no", group.bodies), ("yes", group.model.fit(group.bodies, group.found))):
        errors = compare_poses(bodies.joints, joints, bodies.pose[:, 0], pose[:, 0])
        mpjpe, aligned, degrees, off = errors.values()
        inside = near(bodies.keypoints, points)[:, BODY].mean()
        rows.append(
            [
                str(len(pose)),
                name,
                percent(inside),
                f"{mpjpe:.1f}",
                f"{aligned:.1f}",
                f"{degrees:.1f}",
                percent(off),
            ]
        )
    return rows


def doubts(group: Group, betas: NDArray, pose: NDArray, points: NDArray) -> str:
    """What a body's confidence says of its error."""
    with torch.inference_mode():
        joints = group.bodies.model(torch.tensor(betas), torch.tensor(pose)).joints.numpy()
    bodies = group.model.fit(group.bodies, group.found)
    apart = bodies.joints - bodies.joints[:, :1] - joints + joints[:, :1]
    error = 1000 * np.linalg.norm(apart, axis=2).mean(1)
    parts = []
    for low, high in ((0, DOUBTFUL), (DOUBTFUL, 0.9), (0.9, 1.01)):
        rows = (bodies.confidence >= low) & (bodies.confidence < high)
        text = f"{error[rows].mean():.1f} mm" if rows.any() else "no"
        parts.append(f"{low} to {min(high, 1)}: {rows.sum()} people, {text} MPJPE")
    return f"By confidence, held-out renderings: {'; '.join(parts)}."


def one_of(bodies: Bodies, row: int) -> Bodies:
    """One of several bodies."""
    names = ("betas", "pose", "camera", "displacement", "evidence")
    values = {name: getattr(bodies, name) for name in names}
    return replace(
        bodies, **{name: None if value is None else value[row : row + 1] for name, value in values.items()}
    )


def seconds(group: Group) -> str:
    """CPU time of one person's fit on one thread, without and with further starts."""
    times = {True: [], False: []}
    for row in range(len(group.found)):
        one = slice(row, row + 1)
        bodies = one_of(group.bodies, row)
        turns = view(bodies.keypoints[0]) != facing(group.found[row])
        if len(times[turns]) < TIMED:
            start = time.thread_time()
            group.model.fit(bodies, group.found[one])
            times[turns].append(1000 * (time.thread_time() - start))
    usual, turned = (np.median(times[key]) for key in (False, True))
    return (
        f"One person's fit takes {usual:.0f} ms of one thread (median of {len(times[False])}), and {turned:.0f} ms "
        f"(median of {len(times[True])}) where the body looks another way than the keypoints."
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
