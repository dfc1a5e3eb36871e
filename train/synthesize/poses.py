"""Poses of walking and standing people as SMPL local rotations.

SMPL's frame at the T-pose: x to the body's left, y up, z to the front. A leg swings forwards by a negative turn
about x, a knee bends by a positive one, the left arm goes down by a negative turn about z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threedsl.body.joints import SMPL_JOINTS

JOINT = {name: index for index, name in enumerate(SMPL_JOINTS)}
_MIRROR = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Gait:
    """One person's way of moving, in radians, the same in every picture."""

    stride: float
    bounce: float
    arm_swing: float
    arm_spread: float
    elbow: float
    twist: float
    sway: float
    stoop: float
    head: float
    toes_out: float


def rotation(axis: str, angle: float) -> np.ndarray:
    """(3,3) right-handed rotation by angle (radians) about the axis x, y or z."""
    c, s = np.cos(angle), np.sin(angle)
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def sample_gait(rng: np.random.Generator, girth: float) -> Gait:
    """A person's way of moving; girth in 0…1 keeps the arms of heavy people away from their sides."""
    return Gait(
        stride=rng.uniform(0.28, 0.55),
        bounce=rng.uniform(0.6, 1.1),
        arm_swing=rng.uniform(0.15, 0.75),
        arm_spread=0.12 + 0.22 * girth + rng.uniform(0, 0.12),
        elbow=rng.uniform(0.1, 0.6),
        twist=rng.uniform(0.02, 0.14),
        sway=rng.uniform(0.0, 0.06),
        stoop=rng.normal(0.04, 0.05),
        head=rng.normal(0.05, 0.08),
        toes_out=rng.uniform(0.0, 0.2),
    )


def place_arm(pose, side: str, spread: float, swing: float = 0.0, inward: float = 0.0, elbow: float = 0.0):
    """Sets one arm: spread from the hanging arm, swing to the front, turn inwards, bend of the elbow."""
    shoulder = rotation("x", -swing) @ rotation("z", -(np.pi / 2 - spread)) @ rotation("x", inward)
    bend = rotation("y", -elbow)
    if side == "right":
        shoulder, bend = _MIRROR @ shoulder @ _MIRROR, _MIRROR @ bend @ _MIRROR
    pose[JOINT[f"{side}_shoulder"]] = shoulder
    pose[JOINT[f"{side}_elbow"]] = bend


def place_leg(
    pose, side: str, forward: float, knee: float, out: float = 0.0, toes_out: float = 0.0, lift: float = 0.0
):
    """Sets one leg: swing to the front, bend of the knee, outwards, toes outwards, toes down."""
    hip = rotation("x", -forward) @ rotation("z", out) @ rotation("y", toes_out)
    if side == "right":
        hip = _MIRROR @ hip @ _MIRROR
    pose[JOINT[f"{side}_hip"]] = hip
    pose[JOINT[f"{side}_knee"]] = rotation("x", knee)
    pose[JOINT[f"{side}_ankle"]] = rotation("x", lift)


def place_trunk(pose, gait: Gait, rng: np.random.Generator, twist: float = 0.0, lean: float = 0.0):
    """Sets spine, neck and head: the person's stoop, a twist and a sideways lean."""
    for name, share in (("spine1", 0.35), ("spine2", 0.35), ("spine3", 0.3)):
        pose[JOINT[name]] = (
            rotation("y", twist * share) @ rotation("x", gait.stoop * share) @ rotation("z", lean * share)
        )
    pose[JOINT["neck"]] = rotation("y", rng.normal(0, 0.12)) @ rotation("x", gait.head * 0.5)
    pose[JOINT["head"]] = (
        rotation("y", rng.normal(0, 0.2)) @ rotation("x", gait.head * 0.5 + rng.normal(0, 0.07))
    ) @ rotation("z", rng.normal(0, 0.04))


def walking(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) one moment of a walk cycle."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    phase = rng.uniform(0, 2 * np.pi)
    amount = gait.stride * rng.uniform(0.75, 1.1)
    for side, shift in (("left", 0.0), ("right", np.pi)):
        angle = phase + shift
        swing = np.sin(angle)
        # The knee bends most while the leg travels forwards and stays nearly straight under load.
        knee = (
            0.08
            + gait.bounce * 1.1 * amount * max(0.0, np.cos(angle)) ** 1.5
            + 0.12 * amount * max(0.0, swing)
        )
        lift = -0.25 * amount * max(0.0, swing) + 0.35 * amount * max(0.0, -swing)
        place_leg(pose, side, amount * swing + 0.04, knee, 0.02, gait.toes_out * 0.6, lift)
        place_arm(
            pose,
            side,
            gait.arm_spread,
            -gait.arm_swing * swing * amount * 1.6,
            0.15,
            gait.elbow * (0.5 + 0.5 * max(0.0, -swing)) + 0.08,
        )
    place_trunk(pose, gait, rng, twist=gait.twist * np.sin(phase), lean=gait.sway * np.cos(phase))
    pose[0] = rotation("y", -0.5 * gait.twist * np.sin(phase)) @ rotation(
        "z", gait.sway * 0.5 * np.cos(phase)
    )
    if rng.random() < 0.3:
        _one_arm(pose, rng, gait)
    return pose


def _one_arm(pose, rng: np.random.Generator, gait: Gait) -> None:
    """Occupies one arm: a pocket, a phone, a bag, a strap, a hip."""
    side = rng.choice(["left", "right"])
    kind = rng.choice(["pocket", "phone", "ear", "bag", "strap", "hip"])
    spread = gait.arm_spread
    if kind == "pocket":
        place_arm(pose, side, spread + 0.18, -0.25, 0.35, 0.75)
    elif kind == "phone":
        place_arm(pose, side, spread * 0.8, 0.35 + rng.uniform(0, 0.3), 0.45, rng.uniform(1.5, 1.9))
        pose[JOINT["head"]] = rotation("x", rng.uniform(0.15, 0.4)) @ pose[JOINT["head"]]
    elif kind == "ear":
        place_arm(pose, side, 0.5, 0.7, 0.2, 2.25)
    elif kind == "bag":
        place_arm(pose, side, spread + 0.08, 0.05, 0.1, 0.12)
    elif kind == "strap":
        place_arm(pose, side, 0.25, 0.2, 0.35, 2.2)
    else:
        place_arm(pose, side, 0.75, -0.2, 0.75, 1.55)


def fold_arm(pose: np.ndarray, side: str, gait: Gait) -> None:
    """One of two arms crossed before the chest; the right one is higher."""
    place_arm(pose, side, 0.22 + gait.arm_spread * 0.4, 0.5 if side == "left" else 0.62, 1.05, 1.75)


def standing(rng: np.random.Generator, gait: Gait) -> np.ndarray:
    """(24,3,3) a standing pose: hanging arms, arms folded or on the hips, hands in front or behind, a gesture."""
    pose = np.tile(np.eye(3), (24, 1, 1))
    shift = rng.normal(0, 0.06)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        loose = max(0.0, sign * shift) * 3
        place_leg(
            pose, side, loose * 0.6 + rng.normal(0, 0.03), 0.05 + loose * 1.3, rng.uniform(0, 0.09) - sign * shift,
            gait.toes_out + rng.uniform(0, 0.15), -loose * 0.5,
        )  # fmt: skip
    place_trunk(pose, gait, rng, twist=rng.normal(0, 0.08), lean=-shift)
    pose[0] = rotation("z", shift * 0.8)
    spread = gait.arm_spread
    for side in ("left", "right"):
        place_arm(
            pose,
            side,
            spread + rng.uniform(0, 0.06),
            rng.normal(0, 0.08),
            0.2,
            gait.elbow * rng.uniform(0.3, 1),
        )
    kind = rng.choice(
        ["hang", "one", "folded", "front", "behind", "pockets", "gesture"],
        p=[0.3, 0.27, 0.09, 0.1, 0.07, 0.09, 0.08],
    )
    if kind == "one":
        _one_arm(pose, rng, gait)
    elif kind == "folded":
        for side in ("left", "right"):
            fold_arm(pose, side, gait)
    elif kind == "front":
        for side in ("left", "right"):
            place_arm(pose, side, spread, 0.3, 0.75, 0.95)
    elif kind == "behind":
        for side in ("left", "right"):
            place_arm(pose, side, spread + 0.05, -0.45, 0.75, 0.75)
    elif kind == "pockets":
        for side in ("left", "right"):
            place_arm(pose, side, spread + 0.18, -0.25, 0.35, 0.75)
    elif kind == "gesture":
        for side in ("left", "right"):
            place_arm(
                pose,
                side,
                spread + rng.uniform(0, 0.3),
                rng.uniform(0, 0.6),
                rng.uniform(0, 0.5),
                rng.uniform(0.6, 1.8),
            )
    return pose
