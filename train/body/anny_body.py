"""Anny bodies under SMPL's 24 joints: the T-pose, the folded skinning weights, posing and the population.

Everything here is in Anny's frame (metres, Z up, x to the body's left, facing -Y) unless it went through
`to_smpl_frame` (Y up, facing +Z). Poses go to Anny as world bone poses, so pass
`pose_parameterization=POSE_PARAMETERIZATION` wherever they are used.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from threedsl.body.joints import SMPL_JOINTS, SMPL_PARENTS
from threedsl.locks import locked

POSE_PARAMETERIZATION = "world"

SMPL_TO_ANNY = {
    "pelvis": "root", "left_hip": "upperleg01.L", "right_hip": "upperleg01.R", "spine1": "spine04",
    "left_knee": "lowerleg01.L", "right_knee": "lowerleg01.R", "spine2": "spine02", "left_ankle": "foot.L",
    "right_ankle": "foot.R", "spine3": "spine01", "left_foot": "toe2-1.L", "right_foot": "toe2-1.R",
    "neck": "neck01", "left_collar": "clavicle.L", "right_collar": "clavicle.R", "head": "head",
    "left_shoulder": "upperarm01.L", "right_shoulder": "upperarm01.R", "left_elbow": "lowerarm01.L",
    "right_elbow": "lowerarm01.R", "left_wrist": "wrist.L", "right_wrist": "wrist.R",
    "left_hand": "finger3-1.L", "right_hand": "finger3-1.R",
}  # fmt: skip


@lru_cache(maxsize=1)
def load_anny():
    """Anny with MakeHuman's 19,158 base vertices, float32, on the CPU. Its own cache is built once (a minute)."""
    import anny
    from anny.paths import get_anny_cache_path

    folder = Path(get_anny_cache_path())
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):  # Anny reads what another process has written in part
        return anny.Anny(local_changes="none", topology="anny-full").float()


def to_smpl_frame(points):
    """(…,3) from Anny's frame (Z up, facing -Y) to SMPL's (Y up, facing +Z); tensors and arrays."""
    stack = torch.stack if isinstance(points, torch.Tensor) else np.stack
    return stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def bone_joints(model) -> np.ndarray:
    """(bones,) the SMPL joint that moves each bone: its nearest ancestor (or itself) that is a joint's bone.

    All toes go with the foot joint and all fingers but the thumb with the hand joint, although Anny hangs
    them on the foot and on the metacarpals.
    """
    label = {name: i for i, name in enumerate(model.bone_labels)}
    joint_of = {label[bone]: SMPL_JOINTS.index(joint) for joint, bone in SMPL_TO_ANNY.items()}
    for bone, i in label.items():
        side = {"L": "left", "R": "right"}.get(bone[-1])
        if bone.startswith("toe"):
            joint_of[i] = SMPL_JOINTS.index(f"{side}_foot")
        elif bone.startswith("finger") and not bone.startswith("finger1"):
            joint_of[i] = SMPL_JOINTS.index(f"{side}_hand")
    result = np.zeros(model.bone_count, np.int64)
    for i in range(model.bone_count):
        ancestor = i
        while ancestor not in joint_of:
            ancestor = int(model.bone_parents[ancestor])
        result[i] = joint_of[ancestor]
    return result


def smpl_weights(model) -> torch.Tensor:
    """(V,24) Anny's skinning weights folded onto the SMPL joints; rows sum to 1."""
    joints = torch.from_numpy(bone_joints(model))
    weights, bones = model.vertex_bone_weights, model.vertex_bone_indices.long()
    folded = torch.zeros(len(weights), 24, dtype=weights.dtype)
    folded.scatter_add_(1, joints[bones], weights)
    return folded / folded.sum(1, keepdim=True).clamp_min(1e-9)


def rest_state(model, phenotypes=None) -> dict[str, torch.Tensor]:
    """Anny's rest vertices (B,V,3) and bone poses (B,bones,4,4) for phenotypes {name: (B,)}; None: the average body."""
    if phenotypes is None:
        phenotypes = {name: torch.full((1,), 0.5, dtype=model.dtype) for name in model.phenotype_labels}
    coefficients = model.get_phenotype_blendshape_coefficients(
        **{name: value.to(model.dtype) for name, value in phenotypes.items()}
    )
    return model.get_rest_model(coefficients)


def _align(source, target):
    """(B,3,3) smallest rotation that turns directions source (B,3) into target (B,3)."""
    a = torch.nn.functional.normalize(source, dim=-1)
    b = torch.nn.functional.normalize(target, dim=-1).expand_as(a)
    v = torch.linalg.cross(a, b)
    c = (a * b).sum(-1)[:, None, None]
    zero = torch.zeros_like(v[:, 0])
    x, y, z = v.unbind(-1)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    return torch.eye(3, dtype=a.dtype) + k + k @ k / (1 + c)


def _about_x(angle):
    one, zero, c, s = torch.ones_like(angle), torch.zeros_like(angle), angle.cos(), angle.sin()
    return torch.stack([one, zero, zero, zero, c, -s, zero, s, c], -1).reshape(-1, 3, 3)


def t_pose_rotations(model, heads: torch.Tensor) -> torch.Tensor:
    """(B,bones,3,3) world rotation of every bone from Anny's rest (arms down and bent) to the T-pose.

    Thighs and shins become vertical, arms lie along the x axis with the palms down; trunk, head and feet stay.
    heads: (B,bones,3) rest bone heads.
    """
    label = {name: i for i, name in enumerate(model.bone_labels)}
    rotations = torch.eye(3, dtype=heads.dtype).expand(*heads.shape[:2], 3, 3).clone()

    def between(first, last):
        return heads[:, label[last]] - heads[:, label[first]]

    for side, sign in (("L", 1.0), ("R", -1.0)):
        down = heads.new_tensor([0.0, 0.0, -1.0])
        out = heads.new_tensor([sign, 0.0, 0.0])
        thigh = _align(between(f"upperleg01.{side}", f"lowerleg01.{side}"), down)
        shin = _align(between(f"lowerleg01.{side}", f"foot.{side}"), down)
        arm = _align(between(f"upperarm01.{side}", f"lowerarm01.{side}"), out)
        turned = (arm @ between(f"lowerarm01.{side}", f"wrist.{side}")[..., None])[..., 0]
        forearm = _align(turned, out) @ arm
        palm = (forearm @ between(f"wrist.{side}", f"finger3-1.{side}")[..., None])[..., 0]
        hand = _align(palm, out) @ forearm
        # Palms face down when the index knuckle lies straight in front of the little finger's.
        across = (
            hand @ (heads[:, label[f"finger2-1.{side}"]] - heads[:, label[f"finger5-1.{side}"]])[..., None]
        )
        roll = torch.atan2(across[:, 2, 0], -across[:, 1, 0])
        for name, i in label.items():
            if not name.endswith(side):
                continue
            if name.startswith("upperleg"):
                rotations[:, i] = thigh
            elif name.startswith("lowerleg"):
                rotations[:, i] = shin
            elif name.startswith("upperarm"):
                rotations[:, i] = arm
            elif name.startswith("lowerarm"):
                rotations[:, i] = _about_x(roll * (0.33 if "01" in name else 0.66)) @ forearm
            elif name.startswith(("wrist", "finger", "metacarpal")):
                rotations[:, i] = _about_x(roll) @ hand
    return rotations


def t_pose(model, rest: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """(B,bones,4,4) world bone poses of the T-pose of the body in `rest` (`rest_state`; the average body if None)."""
    rest = rest_state(model) if rest is None else rest
    frames, heads = rest["rest_bone_poses"], rest["rest_bone_poses"][..., :3, 3]
    rotations = t_pose_rotations(model, heads)
    positions = [heads[:, 0]]
    for i in range(1, model.bone_count):
        parent = int(model.bone_parents[i])
        offset = rotations[:, parent] @ (heads[:, i] - heads[:, parent])[..., None]
        positions.append(positions[parent] + offset[..., 0])
    poses = torch.eye(4, dtype=frames.dtype).expand_as(frames).clone()
    poses[..., :3, :3] = rotations @ frames[..., :3, :3]
    poses[..., :3, 3] = torch.stack(positions, 1)
    return poses


def t_pose_joints(model, tpose: torch.Tensor) -> torch.Tensor:
    """(B,24,3) SMPL joints of a T-pose from `t_pose`."""
    label = {name: i for i, name in enumerate(model.bone_labels)}
    return tpose[:, [label[SMPL_TO_ANNY[name]] for name in SMPL_JOINTS], :3, 3]


def joint_transforms(rotations: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
    """(B,24,4,4) what SMPL's local rotations (B,24,3,3) do to a T-posed body with joints (B,24,3).

    Both in one frame, SMPL's or Anny's. The pelvis stays where it is.
    """
    world: list[torch.Tensor] = []
    for j, parent in enumerate(SMPL_PARENTS):
        local = torch.eye(4, dtype=joints.dtype).repeat(len(rotations), 1, 1)
        local[:, :3, :3] = rotations[:, j]
        local[:, :3, 3] = joints[:, j] - (0 if parent < 0 else joints[:, parent])
        world.append(local if parent < 0 else world[parent] @ local)
    transforms = torch.stack(world, 1)
    moved = (transforms[..., :3, :3] @ joints.expand(len(rotations), 24, 3)[..., None])[..., 0]
    result = transforms.clone()
    result[..., :3, 3] = transforms[..., :3, 3] - moved
    return result


def anny_pose_from_smpl(model, rotations: torch.Tensor, tpose: torch.Tensor):
    """(B,bones,4,4) Anny's world bone poses under SMPL local rotations (B,24,3,3), given in SMPL's frame.

    Each bone moves rigidly with its joint from the T-pose (`t_pose`, of B or 1 bodies), so the result equals linear
    blend skinning of the T-posed body except where Anny blends bones that the T-pose bends.
    """
    joints = to_smpl_frame(t_pose_joints(model, tpose)).expand(len(rotations), 24, 3)
    transforms = joint_transforms(rotations.to(tpose.dtype), joints)
    change = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=tpose.dtype)
    in_anny = change.T @ transforms @ change
    return in_anny[:, torch.from_numpy(bone_joints(model))] @ tpose.expand(len(rotations), -1, 4, 4)


def sample_phenotypes(model, n: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """{name: (n,)} phenotypes of n adults of 18 to 75 years: Anny's calibrated population, near male (0) or female (1).

    The population is calibrated on WHO statistics up to adulthood; weight and muscle are drawn a little wider than
    its Beta laws, because girth distinguishes dressed adults.
    """
    from anny.shape_distribution import SimpleShapeDistribution

    seed = int(rng.integers(2**62))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ages = torch.distributions.Uniform(
            torch.tensor(18.0, dtype=model.dtype), torch.tensor(75.0, dtype=model.dtype)
        )
        years, sampled = SimpleShapeDistribution(model, morphological_age_distribution=ages).sample(n)
    female = rng.random(n) < 0.5
    gender = np.where(female, 1 - rng.beta(1.2, 12, n), rng.beta(1.2, 12, n))
    phenotypes = {name: sampled[name].to(model.dtype) for name in model.phenotype_labels}
    # The conditional laws follow the sampled gender: replacing it by its own side of 0.5 keeps them valid.
    same_side = torch.from_numpy((gender > 0.5) == (sampled["gender"].numpy() > 0.5))
    flipped = torch.from_numpy(1 - gender).to(model.dtype)
    phenotypes["gender"] = torch.where(same_side, torch.from_numpy(gender).to(model.dtype), flipped)
    # Anny's own age mapping makes everyone look over forty (its anchor of the young adult is 2/3).
    phenotypes["age"] = (0.667 + (years - 18) / 57 * 0.23).to(model.dtype)
    for name in ("weight", "muscle"):
        noise = torch.from_numpy(rng.normal(0, 0.12, n)).to(model.dtype)
        phenotypes[name] = (phenotypes[name] + noise).clamp(0.02, 0.98)
    return phenotypes
