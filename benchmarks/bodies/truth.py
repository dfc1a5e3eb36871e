"""Bodies against the truth on the frozen test set: as regressed, and after the fit to the finder's keypoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bodies.frozen import BodySet
from benchmarks.table import table
from threedsl.body.bodies import Bodies
from threedsl.body.camera import project
from threedsl.body.coco import BODY, torso_lengths
from threedsl.pipeline import ThreeDSL
from train.data.found_keypoints import found_in_crops
from train.measure.bodies.body_quality import VISIBLE, hard_mask, mask_iou
from train.measure.bodies.pose_quality import procrustes
from train.measure.bodies.shape_quality import correlation

DRAWS = 2000  # of people, for the intervals
_CHUNK = 32


@dataclass(frozen=True)
class Errors:
    """Of N bodies against the truth.

    within: (N, 17) distance of each keypoint in torso lengths, NaN where it cannot be seen; held_out: the same where
    each of the twelve keypoints from shoulders to ankles comes from a fit that has not seen it.
    """

    mpjpe: NDArray  # (N,) mm
    aligned: NDArray  # (N,) mm, after the best similarity transform
    degrees: NDArray  # (N,) of the pelvis
    within: NDArray
    held_out: NDArray
    iou: NDArray  # (N,)


def measure(model: ThreeDSL, frozen: BodySet) -> tuple[Errors, Errors, Bodies]:
    """Errors as regressed and after the fit, and the bodies as regressed."""
    regressed = model(list(frozen.pictures)).bodies
    found = found_in_crops(frozen.pictures, model.input_size)
    fitted = model.fit(regressed, found)
    scale = np.array([model.input_size[1] / 128, model.input_size[0] / 256, 1])
    truth = frozen.keypoints * scale
    held = np.full(truth.shape[:2], np.nan)
    held[:, BODY] = distances(regressed.keypoints, truth)[:, BODY]
    before = errors(regressed, frozen, truth, held)
    held = np.full_like(held, np.nan)
    for joint in range(BODY.start, BODY.stop):
        rest = found.copy()
        rest[:, joint, 2] = 0
        held[:, joint] = distances(model.fit(regressed, rest).keypoints, truth)[:, joint]
    return before, errors(fitted, frozen, truth, held), regressed


def distances(points: NDArray, truth: NDArray) -> NDArray:
    """(N, 17) from points (N, 17, 2) to the truth (N, 17, 3) in torso lengths; NaN where the truth cannot be seen."""
    apart = np.linalg.norm(points - truth[..., :2], axis=2) / torso_lengths(truth)[:, None]
    return np.where(truth[..., 2] >= VISIBLE, apart, np.nan)


def errors(bodies: Bodies, frozen: BodySet, truth: NDArray, held_out: NDArray) -> Errors:
    """Against the truth; held_out is passed on."""
    with torch.inference_mode():
        joints = bodies.model(torch.from_numpy(frozen.betas), torch.from_numpy(frozen.pose)).joints.numpy()
    apart = bodies.joints - bodies.joints[:, :1] - joints + joints[:, :1]
    pairs = zip(bodies.joints, joints, strict=True)
    aligned = np.stack([procrustes(one, other) for one, other in pairs]) - joints
    trace = np.einsum("nij,nij->n", bodies.pose[:, 0], frozen.pose[:, 0])
    return Errors(
        1000 * np.linalg.norm(apart, axis=2).mean(1),
        1000 * np.linalg.norm(aligned, axis=2).mean(1),
        np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1))),
        distances(bodies.keypoints, truth),
        held_out,
        mask_iou(silhouettes(bodies, frozen.masks.shape[1:]), frozen.masks),
    )


@torch.inference_mode()
def silhouettes(bodies: Bodies, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N, H, W) of the coarse bodies with their displacements."""
    masks = []
    for start in range(0, len(bodies), _CHUNK):
        rows = slice(start, start + _CHUNK)
        values = (bodies.betas, bodies.pose, bodies.displacement)
        posed = bodies.model(*(torch.from_numpy(np.float32(value[rows])) for value in values))
        camera = torch.from_numpy(np.float32(bodies.camera[rows]))
        pixels = project(posed.vertices, camera, size)[0].numpy()
        masks += [hard_mask(one, bodies.model.faces_coarse, size) for one in pixels]
    return np.stack(masks)


FIGURES: dict[str, Callable[[Errors, NDArray], float]] = {
    "MPJPE mm": lambda e, rows: e.mpjpe[rows].mean(),
    "PA-MPJPE mm": lambda e, rows: e.aligned[rows].mean(),
    "> 90 degrees": lambda e, rows: 100 * (e.degrees[rows] > 90).mean(),
    "PCK@0.2": lambda e, rows: _pck(e.within[rows], 0.2),
    "PCK@0.5": lambda e, rows: _pck(e.within[rows], 0.5),
    "PCK@0.2 held out": lambda e, rows: _pck(e.held_out[rows], 0.2),
    "IoU": lambda e, rows: 100 * e.iou[rows].mean(),
}


def _pck(apart: NDArray, share: float) -> float:
    """Per cent of visible keypoints within share torso lengths."""
    return 100 * (apart[np.isfinite(apart)] <= share).mean()


def interval(figure: Callable[[NDArray], float], person: NDArray, seed: int = 0) -> tuple[float, float]:
    """95 % interval of figure(rows) over draws of people with replacement."""
    rng = np.random.default_rng(seed)
    own = [np.flatnonzero(person == one) for one in np.unique(person)]
    values = [
        figure(np.concatenate([own[i] for i in rng.integers(len(own), size=len(own))])) for _ in range(DRAWS)
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


BEFORE, AFTER = "as regressed", "after the fit"
ACTIVITIES = ("walking", "standing", "arms", "running", "sitting", "bending")


def measured(model: ThreeDSL, frozen: BodySet) -> dict:
    """All figures as plain data: FIGURES and the correlations of betas with intervals by person, those of each activity
    without."""
    before, after, regressed = measure(model, frozen)
    everything = np.arange(len(frozen))
    found: dict = {"sample": {"pictures": len(frozen), "people": len(np.unique(frozen.person))}}
    for kind, one in ((BEFORE, before), (AFTER, after)):
        found[kind] = {
            name: {
                "value": float(figure(one, everything)),
                "interval": interval(lambda rows, one=one, figure=figure: figure(one, rows), frozen.person),
            }
            for name, figure in FIGURES.items()
        }
    found["activities"] = {}
    for activity in ACTIVITIES:
        own = np.flatnonzero(frozen.activity == activity)
        if len(own):
            found["activities"][activity] = {"pictures": len(own)} | {
                kind: {name: float(figure(one, own)) for name, figure in FIGURES.items()}
                for kind, one in ((BEFORE, before), (AFTER, after))
            }
    found["betas"] = {}
    for i in range(3):
        first, second = regressed.betas[:, i], frozen.betas[:, i]
        found["betas"][str(i + 1)] = {
            "value": float(correlation(first, second)),
            "interval": interval(
                lambda rows, first=first, second=second: correlation(first[rows], second[rows]), frozen.person
            ),
        }
    degrees = {kind: float(np.median(one.degrees)) for kind, one in ((BEFORE, before), (AFTER, after))}
    return found | {"median degrees": degrees}


def report(found: dict) -> str:
    """Tables of what `measured` returned: all pictures with intervals, each activity, and the correlation of betas."""
    rows = [[name, *(_cell(found[kind][name], 1) for kind in (BEFORE, AFTER))] for name in FIGURES]
    sample = found["sample"]
    text = f"{sample['pictures']} pictures of {sample['people']} people; 95 % intervals by person.\n\n"
    text += table(["all pictures", BEFORE, AFTER], rows)
    rows = []
    for activity, own in found["activities"].items():
        cells = [[f"{value:.1f}" for value in own[kind].values()] for kind in (BEFORE, AFTER)]
        rows += [
            [activity, str(own["pictures"]), "no", *cells[0]],
            [activity, str(own["pictures"]), "yes", *cells[1]],
        ]
    text += "\n\n" + table(["activity", "pictures", "fit", *FIGURES], rows)
    betas = ", ".join(_cell(figure, 2) for figure in found["betas"].values())
    before, after = found["median degrees"].values()
    return (
        f"{text}\n\nCorrelation of beta 1, 2, 3 with the truth: {betas}. Median error of the orientation: "
        f"{before:.1f} degrees as regressed, {after:.1f} after the fit."
    )


def _cell(figure: dict, places: int) -> str:
    low, high = figure["interval"]
    return f"{figure['value']:.{places}f} ({low:.{places}f} to {high:.{places}f})"
