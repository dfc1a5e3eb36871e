"""What people do in photos besides walking and standing: run, sit, bend, and use their arms.

Signs are those of `train.synthesize.poses`.
"""

from __future__ import annotations

import numpy as np

from train.synthesize.poses import (
    JOINT,
    Gait,
    fold_arm,
    place_arm,
    place_leg,
    place_trunk,
    rotation,
    standing,
    walking,
)

SHARES = {"walking": 0.36, "standing": 0.24, "running": 0.08, "sitting": 0.11, "arms": 0.15, "bending": 0.06}
"""How often each kind is drawn where poses are broad."""


def sample_activity(rng: np.random.Generator, gait: Gait, broad: bool) -> tuple[str, np.ndarray]:
    """(kind, pose (24,3,3)); only walking (three of five) and standing where not broad."""
    if not broad:
        kind = "walking" if rng.random() < 0.6 else "standing"
    else:
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    return kind, _POSES[kind](rng, gait)


def running(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) one moment of a run: long strides, a leg drawn up behind, bent elbows, the trunk leaning forwards."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    phase, amount = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.85)
    lean, bend = rng.uniform(0.03, 0.2), rng.uniform(1.15, 1.75)
    for side, shift in (("left", 0.0), ("right", np.pi)):
        swing, travel = np.sin(phase + shift), max(0.0, np.cos(phase + shift))
        knee = 0.3 + 1.7 * amount * travel**1.3 + 0.5 * amount * max(0.0, swing) * travel
        place_leg(pose, side, amount * swing + 0.2 + lean, knee, 0.02, 0.0, 0.3 * max(0.0, -swing))
        place_arm(pose, side, gait.arm_spread + 0.06, -0.75 * amount * swing - 0.1, 0.3, bend)
    place_trunk(pose, gait, rng, twist=0.12 * np.sin(phase))
    pose[0] = rotation("y", -0.12 * np.sin(phase)) @ rotation("x", lean)
    return pose


def sitting(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) on a seat of knee height, with flat feet: hands on the thighs, on the seat or busy; legs open or not."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    lean = rng.normal(0.0, 0.14)
    thigh = rng.uniform(1.38, 1.62)
    heavy = max(0.0, gait.arm_spread - 0.18)
    apart = rng.uniform(0.02, 0.3) + heavy
    shins = rng.uniform(-0.35, 0.3) + rng.normal(0, 0.08, 2)
    crossed = rng.random() < 0.12 and heavy < 0.08
    for side, shin in zip(("left", "right"), shins, strict=True):
        place_leg(pose, side, thigh + lean, thigh + shin, apart, rng.uniform(0, 0.15), -shin)
    if crossed:
        over, under = rng.permutation(["left", "right"])
        place_leg(pose, under, thigh + lean, thigh + 0.05, -0.06, 0.0, -0.05)
        place_leg(pose, over, thigh + lean + 0.3, thigh - 0.1, -0.2, 0.0, 0.35)
    place_trunk(pose, gait, rng, twist=rng.normal(0, 0.1), lean=rng.normal(0, 0.04))
    pose[0] = rotation("x", lean)
    kind = rng.choice(["thighs", "seat", "phone", "folded", "free"], p=[0.42, 0.16, 0.16, 0.1, 0.16])
    for side in ("left", "right"):
        if kind == "thighs":
            place_arm(
                pose, side, gait.arm_spread + 0.02, rng.uniform(0.35, 0.6) - lean, rng.uniform(0.1, 0.35),
                rng.uniform(0.6, 1.0),
            )  # fmt: skip
        elif kind == "seat":
            place_arm(pose, side, gait.arm_spread + 0.22, rng.uniform(-0.3, 0.05) - lean, 0.0, 0.15)
        elif kind == "phone":
            place_arm(pose, side, gait.arm_spread, 0.45, 0.5, rng.uniform(1.3, 1.7))
        elif kind == "folded":
            fold_arm(pose, side, gait)
        else:
            place_arm(
                pose, side, gait.arm_spread + rng.uniform(0.1, 0.5), rng.uniform(0, 0.8), rng.uniform(-0.2, 0.5),
                rng.uniform(0.4, 1.7),
            )  # fmt: skip
    return pose


def bending(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) bent forwards with hands hanging or on the knees, or crouching."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    crouch = rng.random() < 0.3
    pitch = rng.uniform(0.25, 0.55) if crouch else rng.uniform(0.35, 0.85)
    thigh = rng.uniform(1.5, 1.9) if crouch else rng.uniform(0.05, 0.45)
    knee = thigh + (rng.uniform(0.3, 0.6) if crouch else thigh * rng.uniform(0.5, 1.0))
    apart = rng.uniform(0.1, 0.25) + (0.2 if crouch else 0.0) + max(0.0, gait.arm_spread - 0.18)
    for side in ("left", "right"):
        turn = rng.normal(0, 0.06)
        bend = max(0.0, knee + turn)
        place_leg(pose, side, thigh + pitch + turn, bend, apart, apart * 0.6, thigh + turn - bend)
    place_trunk(pose, gait, rng)
    curve = rng.uniform(0.1, 0.5)
    for name in ("spine1", "spine2", "spine3"):
        pose[JOINT[name]] = rotation("x", curve / 3) @ pose[JOINT[name]]
    pose[JOINT["neck"]] = rotation("x", -rng.uniform(0.0, 0.5) * pitch) @ pose[JOINT["neck"]]
    pose[0] = rotation("x", pitch)
    hang = pitch + curve
    for side in ("left", "right"):
        swing = (0.55 if crouch else hang) + rng.normal(0, 0.12)
        place_arm(pose, side, gait.arm_spread + 0.05, swing, rng.uniform(0, 0.3), rng.uniform(0.1, 0.6))
    return pose


def arms(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) standing or walking with arms spread, raised, crossed, on the hips, behind the head, or at a phone."""
    pose = walking(rng, gait) if rng.random() < 0.3 else standing(rng, gait)
    kind = rng.choice(
        ["spread", "raised", "wave", "point", "folded", "hips", "head", "selfie", "picture", "call"],
        p=[0.16, 0.12, 0.12, 0.08, 0.12, 0.12, 0.06, 0.1, 0.06, 0.06],
    )
    one = str(rng.choice(["left", "right"]))
    for side in ("left", "right"):
        if kind == "spread":
            _raise(pose, side, rng.uniform(0.9, 1.75), rng.normal(0.1, 0.2), 0.0, rng.uniform(0.02, 0.4))
        elif kind == "raised":
            _raise(pose, side, rng.uniform(2.2, 2.85), rng.normal(0.0, 0.15), -0.3, rng.uniform(0.05, 0.5))
        elif kind == "folded":
            fold_arm(pose, side, gait)
        elif kind == "hips":
            place_arm(pose, side, 0.75, -0.2, 0.75, 1.55)
        elif kind == "head":
            _raise(pose, side, 1.75, 0.15, -1.2, 2.2)
        elif kind == "picture":
            place_arm(pose, side, 0.45, 0.85, 0.25, 1.45)
    if kind == "wave":
        _raise(pose, one, rng.uniform(1.3, 2.1), 0.15, -1.5, rng.uniform(0.6, 1.5))
    elif kind == "point":
        place_arm(pose, one, rng.uniform(0.2, 1.0), rng.uniform(1.1, 1.6), 0.0, rng.uniform(0.0, 0.3))
    elif kind == "selfie":
        place_arm(pose, one, rng.uniform(0.3, 0.7), rng.uniform(1.3, 1.75), -0.3, rng.uniform(0.1, 0.6))
    elif kind == "call":
        place_arm(pose, one, 0.5, 0.7, 0.2, 2.25)
    return pose


def _raise(pose: np.ndarray, side: str, spread: float, swing: float, inward: float, elbow: float) -> None:
    """An arm raised by spread radians from hanging; the collar takes a part of what is above the shoulder."""
    lift = 0.25 * max(0.0, spread - 1.2)
    place_arm(pose, side, spread - lift, swing, inward, elbow)
    pose[JOINT[f"{side}_collar"]] = rotation("z", lift if side == "left" else -lift)


_POSES = {
    "walking": walking, "standing": standing, "running": running, "sitting": sitting, "arms": arms,
    "bending": bending,
}  # fmt: skip
