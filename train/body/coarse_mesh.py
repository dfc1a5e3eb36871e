"""Coarse meshes: the vertices of a mesh that are kept, and the weights by which the others follow them."""

import numpy as np
import torch


def distinct_nearest(points: torch.Tensor, candidates: torch.Tensor) -> np.ndarray:
    """(N,) a different candidate for each point: the nearest one, or the nearest still free."""
    near = torch.cdist(points, candidates).topk(min(32, len(candidates)), largest=False)
    taken, result = set(), np.zeros(len(points), np.int64)
    for i in torch.argsort(near.values[:, 0]).tolist():
        result[i] = next(c for c in near.indices[i].tolist() if c not in taken)
        taken.add(int(result[i]))
    return result


def upsampling(
    template: np.ndarray, coarse_index: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Three coarse vertices and weights for each vertex: barycentric on the closest coarse face of the T-pose."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(template[coarse_index].astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    closest = scene.compute_closest_points(o3d.core.Tensor(template.astype(np.float32)))
    uv = closest["primitive_uvs"].numpy()
    weight = np.concatenate([1 - uv.sum(1, keepdims=True), uv], axis=1)
    return faces[closest["primitive_ids"].numpy()].astype(np.int32), weight.astype(np.float32)
