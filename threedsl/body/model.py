"""An SMPL-format body run by smplx, with displacements and a coarse copy of the same shape space for silhouettes."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import smplx
import torch
from smplx.lbs import batch_rigid_transform, blend_shapes
from smplx.utils import Struct
from torch import Tensor, nn

from threedsl.body.file import EXTRA_KEYS, read_body
from threedsl.body.smoothing import smoothing_matrix
from threedsl.shipped import shipped

DEFAULT_BODY = shipped("checkpoints/body/anny_smpl.npz")
"""The shipped body, distilled from Anny by `python -m train body`."""


class BodyOutput(NamedTuple):
    """Posed bodies in metres, Y up; at the identity pose they face +Z and their left is +X."""

    vertices: Tensor  # (B, V, 3)
    joints: Tensor  # (B, 24, 3) SMPL joints
    keypoints: Tensor  # (B, 17, 3) COCO keypoints


class BodyModel(nn.Module):
    """M(beta, theta, delta) = W(T(beta) + delta, J(beta), theta) of 3DSL (docs/method.md, section 2).

    Both topologies share betas, joints and skinning weights: coarse vertices are a subset of the display vertices.
    Joints depend on beta alone, so a displacement moves the surface and never the skeleton.
    """

    def __init__(self, smpl: smplx.SMPL, extras: dict[str, np.ndarray]):
        super().__init__()
        self.smpl = smpl.requires_grad_(False)
        index = torch.from_numpy(extras["coarse_index"].astype(np.int64))
        vertex_count = smpl.get_num_verts()
        self.register_buffer("coarse_index", index, persistent=False)
        self.register_buffer("coarse_template", smpl.v_template[index], persistent=False)
        self.register_buffer("coarse_shapedirs", smpl.shapedirs[index], persistent=False)
        self.register_buffer("coarse_weights", smpl.lbs_weights[index], persistent=False)
        posedirs = smpl.posedirs.view(-1, vertex_count, 3)[:, index].reshape(-1, 3 * len(index))
        self.register_buffer("coarse_posedirs", posedirs, persistent=False)
        self.has_pose_correctives = bool(smpl.posedirs.any())
        regressor = torch.from_numpy(extras["coco_regressor"].astype(np.float32))
        self._register_keypoints(regressor)
        joint_template = smpl.J_regressor @ smpl.v_template
        joint_shapedirs = torch.einsum("jv,vdk->jdk", smpl.J_regressor, smpl.shapedirs)
        self.register_buffer("joint_template", joint_template, persistent=False)
        self.register_buffer("joint_shapedirs", joint_shapedirs, persistent=False)
        self.register_buffer(
            "upsample_index", torch.from_numpy(extras["upsample_index"].astype(np.int64)), persistent=False
        )
        self.register_buffer(
            "upsample_weight",
            torch.from_numpy(extras["upsample_weight"].astype(np.float32)),
            persistent=False,
        )
        smoothing = smoothing_matrix(
            self.coarse_template.numpy(), extras["coarse_faces"].astype(np.int64), joint_template.numpy()
        )
        self.register_buffer("smoothing", torch.from_numpy(smoothing), persistent=False)
        self.faces_display = np.asarray(smpl.faces, np.int64)
        self.faces_coarse = extras["coarse_faces"].astype(np.int64)

    def _register_keypoints(self, regressor: Tensor) -> None:
        """Fold the regression into the skinning: keypoint k is sum_j A_j (p_kj, q_kj) over the joints' transforms.

        p_kj = sum_v r_kv w_vj x_v is linear in betas, so 17 x 24 points are moved instead of thousands of vertices.
        """
        smpl = self.smpl
        mass = torch.einsum("kv,vj->kjv", regressor, smpl.lbs_weights)
        self.register_buffer("keypoint_mass", mass.sum(-1), persistent=False)
        self.register_buffer("keypoint_template", mass @ smpl.v_template, persistent=False)
        self.register_buffer(
            "keypoint_shapedirs", torch.einsum("kjv,vdb->kjdb", mass, smpl.shapedirs), persistent=False
        )
        posedirs = smpl.posedirs.view(-1, smpl.get_num_verts(), 3)
        if not self.has_pose_correctives:
            posedirs = posedirs[:0]  # the product below takes a tenth of a second
        self.register_buffer(
            "keypoint_posedirs", torch.einsum("kjv,pvd->pkjd", mass, posedirs), persistent=False
        )

    @classmethod
    def load(cls, path: str | Path = DEFAULT_BODY) -> "BodyModel":
        """Read an .npz of the SMPL format with this project's extra arrays.

        Raises:
            InputError: the file is missing, damaged, lacks an array, or an array is invalid.
        """
        arrays = read_body(Path(path))
        return cls(run_by_smplx(arrays), {key: arrays[key] for key in EXTRA_KEYS})

    @property
    def num_coarse(self) -> int:
        return len(self.coarse_index)

    @property
    def num_betas(self) -> int:
        return self.smpl.num_betas

    def joints_at_rest(self, betas: Tensor) -> Tensor:
        """(B, 10) -> (B, 24, 3) joints of the T-pose in metres; linear in betas."""
        return self.joint_template + blend_shapes(betas, self.joint_shapedirs)

    def forward(
        self, betas: Tensor, pose: Tensor, displacement: Tensor | None = None, topology: str = "coarse"
    ) -> BodyOutput:
        """Pose bodies.

        Args:
            betas: (B, 10), unit variance over the population.
            pose: (B, 24, 3, 3) rotations of each joint relative to its parent; joint 0 turns the whole body.
            displacement: (B, V_coarse, 3) metres, added to the shaped rest vertices.
            topology: "coarse" or "display".
        """
        posed_joints, transforms = self._transforms(betas, pose)
        if topology == "coarse":
            rest = self.coarse_template + blend_shapes(betas, self.coarse_shapedirs)
            rest = rest if displacement is None else rest + displacement
            vertices = self._skin(rest, pose, transforms, self.coarse_weights, self.coarse_posedirs)
        else:
            rest = self.smpl.v_template + blend_shapes(betas, self.smpl.shapedirs)
            rest = rest if displacement is None else rest + self.upsample(displacement)
            vertices = self._skin(rest, pose, transforms, self.smpl.lbs_weights, self.smpl.posedirs)
        return BodyOutput(vertices, posed_joints, self._keypoints(betas, pose, transforms))

    def skeleton(self, betas: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Joints (B, 24, 3) and COCO keypoints (B, 17, 3) in metres, as `forward` gives them, without the surface."""
        joints, transforms = self._transforms(betas, pose)
        return joints, self._keypoints(betas, pose, transforms)

    def _transforms(self, betas: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        return batch_rigid_transform(pose, self.joints_at_rest(betas), self.smpl.parents, dtype=betas.dtype)

    def _keypoints(self, betas: Tensor, pose: Tensor, transforms: Tensor) -> Tensor:
        points = self.keypoint_template + torch.einsum("bs,kjds->bkjd", betas, self.keypoint_shapedirs)
        if self.has_pose_correctives:
            points = points + torch.einsum("bp,pkjd->bkjd", pose_feature(pose), self.keypoint_posedirs)
        turned = torch.einsum("bjrc,bkjc->bkr", transforms[:, :, :3, :3], points)
        return turned + torch.einsum("kj,bjr->bkr", self.keypoint_mass, transforms[:, :, :3, 3])

    def smooth(self, displacement: Tensor) -> Tensor:
        """A displacement (B, V_coarse, 3) as people are shown it, without steps at ankles and neck
        (`threedsl.body.smoothing`)."""
        return self.smoothing @ displacement

    def upsample(self, displacement: Tensor) -> Tensor:
        """Carry a displacement (B, V_coarse, 3) to the display topology (B, V_display, 3)."""
        return (displacement[:, self.upsample_index] * self.upsample_weight[..., None]).sum(2)

    def _skin(
        self, rest: Tensor, pose: Tensor, transforms: Tensor, weights: Tensor, posedirs: Tensor
    ) -> Tensor:
        if self.has_pose_correctives:
            rest = rest + (pose_feature(pose) @ posedirs).view(len(pose), -1, 3)
        blended = (weights @ transforms[:, :, :3].flatten(2)).unflatten(2, (3, 4))
        return (blended[..., :3] @ rest[..., None])[..., 0] + blended[..., 3]


def pose_feature(pose: Tensor) -> Tensor:
    """(B, 24, 3, 3) -> (B, 207): what drives SMPL's pose-dependent correctives."""
    return (pose[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)).flatten(1)


def run_by_smplx(arrays: dict[str, np.ndarray]) -> smplx.SMPL:
    """The smplx.SMPL module over SMPL-format arrays; no pickle is involved."""
    # smplx's own table of landmarks holds only for SMPL's 6,890 vertices.
    face = dict(
        zip(("nose", "leye", "reye", "lear", "rear"), arrays["coco_regressor"][:5].argmax(1), strict=True)
    )
    with redirect_stdout(StringIO()):  # smplx prints a warning for every model with ten betas
        return smplx.SMPL(
            model_path="",
            data_struct=Struct(**arrays),
            vertex_ids=face,
            use_hands=False,
            use_feet_keypoints=False,
            create_betas=False,
            create_global_orient=False,
            create_body_pose=False,
            create_transl=False,
        )
