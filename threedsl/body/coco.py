"""What 17 COCO keypoints say of somebody: the trunk's length, which way they look, whether a body agrees with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SEEN = 0.25  # confidence from which a keypoint counts as seen
TURNED = 0.3  # |shoulder or hip width| over trunk length below which somebody is seen from the side
NEAR = 0.2  # torso lengths from a found keypoint within which a body agrees with it
BODY = slice(5, 17)  # shoulders to ankles, the keypoints that decide a body's confidence
DOUBTFUL = 0.6  # a confidence below which a body is a guess
FACE = slice(0, 5)  # nose, eyes and ears
HIDDEN_FACE = 0.55  # mean confidence of the face's keypoints below which it may be the back of a head
OPPOSITE = {"front": "back", "back": "front", "left": "right", "right": "left"}


def trunk_length(points: NDArray) -> float:
    """Pixels from the shoulders' middle to the hips'; from the shoulders' width or the head where those are unseen."""
    seen = points[:, 2] >= SEEN
    shoulders, hips = points[5:7, :2], points[11:13, :2]
    if seen[5:7].any() and seen[11:13].any():
        return float(np.linalg.norm(shoulders[seen[5:7]].mean(0) - hips[seen[11:13]].mean(0)))
    if seen[5:7].all():
        return 1.4 * float(np.linalg.norm(shoulders[0] - shoulders[1]))
    found = points[seen]
    return 0.3 * float(np.ptp(found[:, 1])) if len(found) else 0.0


def facing(points: NDArray) -> str:
    """Which way somebody looks, from 17 COCO keypoints (17, 3): "front", "back", "left" or "right" in the picture.

    Somebody who faces the camera has their left shoulder and hip further to the right in the picture. Where both
    sides nearly cover each other, the nose against the ears tells; without them, which side of the body is seen.
    """
    trunk = max(trunk_length(points), 1e-6)
    pairs = [(left, left + 1) for left in (5, 11) if min(points[left, 2], points[left + 1, 2]) >= SEEN]
    across = np.mean([points[left, 0] - points[right, 0] for left, right in pairs]) if pairs else 0.0
    if abs(across) >= TURNED * trunk:
        return "front" if across > 0 else "back"
    ears = points[3:5][points[3:5, 2] >= SEEN]
    if points[0, 2] >= SEEN and len(ears):
        ahead = points[0, 0] - ears[:, 0].mean()
        if len(ears) == 1 or abs(ahead) > 0.08 * trunk:
            return "right" if ahead > 0 else "left"
    left, right = points[[1, 3, 5, 7, 9, 11], 2].sum(), points[[2, 4, 6, 8, 10, 12], 2].sum()
    if abs(across) >= 0.15 * trunk:
        return "front" if across > 0 else "back"
    return "left" if left > right else "right"


def torso_lengths(found: NDArray) -> NDArray[np.float64]:
    """(N, 17, 3) keypoints -> (N,) pixels of a torso, a fifth of the seen keypoints' extent or more (for people who
    bend towards the camera) and one pixel or more."""
    lengths = []
    for points in found:
        seen = points[points[:, 2] >= SEEN, :2]
        extent = np.ptp(seen, axis=0).max() if len(seen) else 0.0
        lengths.append(max(trunk_length(points), 0.2 * extent, 1.0))
    return np.array(lengths)


def agreement(projected: NDArray, found: NDArray) -> NDArray[np.float32]:
    """(N,) confidence of bodies in [0, 1]: the share of the twelve keypoints from shoulders to ankles that were seen
    and lie within NEAR torso lengths of the body's; half of it where the body looks the opposite way. NaN where
    nothing was seen.

    Args:
        projected: (N, 17, 2) the bodies' keypoints. found: (N, 17, 3) x, y, confidence, in the same pixels.
    """
    apart = np.linalg.norm(projected - found[..., :2], axis=2) / torso_lengths(found)[:, None]
    seen = found[..., 2] >= SEEN
    share = (seen & (apart <= NEAR))[:, BODY].mean(1)
    share[seen.any(1) & confused(projected, found)] /= 2
    return np.where(seen.any(1), share, np.nan).astype(np.float32)


def may_be_back(points: NDArray) -> bool:
    """Whether keypoints (17, 3) that say front show so little of a face that they may be those of somebody's back.

    MoveNet takes a back for a front now and then, hardly ever a front for a back.
    """
    return facing(points) == "front" and float(points[FACE, 2].mean()) < HIDDEN_FACE


def confused(projected: NDArray, found: NDArray) -> NDArray[np.bool_]:
    """(N,) whether bodies look the opposite way of what their found keypoints say.

    Args:
        projected: (N, 17, 2) the bodies' keypoints. found: (N, 17, 3), both x, y in any unit.
    """
    pairs = zip(projected, found, strict=True)
    return np.array([OPPOSITE[view(body)] == facing(points) for body, points in pairs], bool)


def are_backs(projected: NDArray, found: NDArray) -> NDArray[np.bool_]:
    """(N,) which people's backs were taken for fronts, by bodies that know the picture as well as the keypoints: they
    look the opposite way, and the keypoints show no face. Arguments as of `confused`."""
    found = np.nan_to_num(np.asarray(found, float))
    return confused(projected, found) & np.array([may_be_back(points) for points in found], bool)


def view(projected: NDArray) -> str:
    """`facing` of a body's own keypoints (17, 2), all of which are known."""
    return facing(np.concatenate([projected, np.ones((len(projected), 1))], 1))
