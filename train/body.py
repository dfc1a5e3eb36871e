"""`python -m train body`: distil Anny into an SMPL-format file, or give a licensed SMPL file the arrays it lacks."""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from threedsl.arguments import seed
from threedsl.body import DEFAULT_BODY
from threedsl.body.joints import COCO_KEYPOINTS, SMPL_PARENTS
from threedsl.errors import InputError
from train.shape_space import betas_of, fit_regressor, principal_shapes, reconstruction_error

CARD = """# A body in SMPL's format, distilled from Anny

`python -m train body` made this file: 24 SMPL joints, 10 betas of unit variance (principal components of the T-posed
shapes of Anny's calibrated adult population), Anny's skinning weights folded onto the 24 joints, a COCO-17 regressor,
and a coarse topology (615 vertices, 1,226 faces) whose vertices are a subset of the 12,272 vertices shown. It holds no
pose-dependent correctives (`posedirs` is zero). Anny: NAVER, code Apache-2.0, data CC0.

Measured on {measured}

The betas are not those of the licensed SMPL model, and a mesh has other vertices.
"""

DISPLAY_TOPOLOGY, COARSE_TOPOLOGY = "notoes", "notoes_collapse5pc"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="file to write (default: the shipped body, and none with --smpl)"
    )
    parser.add_argument(
        "--bodies", type=int, default=2000, help="adults whose shapes are analysed (default: %(default)s)"
    )
    parser.add_argument("--held-out", type=int, default=300, help="adults the errors are measured on")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument(
        "--smpl", type=Path, help="a licensed SMPL .npz or .pkl to complete instead of distilling Anny"
    )


def main(args: argparse.Namespace) -> None:
    if args.smpl and not args.out:
        raise InputError(
            "--smpl needs --out: the licensed body must not replace the shipped one by accident."
        )
    args.out = args.out or DEFAULT_BODY
    if args.smpl:
        from train.licensed_smpl import complete_smpl

        write_body(args.out, complete_smpl(args.smpl))
        return
    if args.bodies < 20 or args.held_out < 2:
        raise InputError("--bodies must be at least 20 and --held-out at least 2.")
    arrays, report = distil(args.bodies, args.held_out, args.seed)
    write_body(args.out, arrays)
    card = args.out.with_suffix(".md")
    card.write_text(CARD.format(measured="\n".join(report)), encoding="utf-8")
    print("\n".join(report))
    print(f"wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB) and {card}")


def write_body(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    os.close(handle)
    try:
        np.savez_compressed(temporary, **arrays)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def distil(bodies: int, held_out: int, seed: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of the body file and lines that state its measured errors on held-out bodies."""
    import anny

    from train.anny_body import load_anny, smpl_weights

    full = load_anny()
    display, coarse = (anny.Anny(topology=name) for name in (DISPLAY_TOPOLOGY, COARSE_TOPOLOGY))
    template = full.template_vertices[: int(full.faces.max()) + 1].float()
    base_index = distinct_nearest(display.template_vertices.float(), template)
    coarse_index = distinct_nearest(coarse.template_vertices.float(), display.template_vertices.float())

    rng = np.random.default_rng(seed)
    vertices, joints, keypoints = t_posed_population(full, base_index, bodies + held_out, rng)
    mean, directions, deviations = principal_shapes(vertices[:bodies], components=10)
    directions *= np.where(heights(mean + directions, mean) < 0, -1, 1)[:, None, None]
    joint_regressor = fit_regressor(vertices[:bodies], joints[:bodies], mean)
    coco_regressor = coco_from_anny(full, base_index)
    for k in np.flatnonzero(coco_regressor.sum(1) < 0.999):
        coco_regressor[k] = fit_regressor(vertices[:bodies], keypoints[:bodies, k : k + 1], mean)[0]
    coarse_faces = coarse.faces.numpy()
    upsample_index, upsample_weight = upsampling(mean, coarse_index, coarse_faces)
    arrays = {
        "v_template": mean.astype(np.float32),
        "shapedirs": np.moveaxis(directions, 0, -1).astype(np.float32),
        "posedirs": np.zeros((*mean.shape, 207), np.float32),
        "J_regressor": joint_regressor.astype(np.float32),
        "kintree_table": np.array([[0, *SMPL_PARENTS[1:]], range(24)], np.int64),
        "weights": smpl_weights(full)[base_index].numpy().astype(np.float32),
        "f": display.faces.numpy().astype(np.int32),
        "coco_regressor": coco_regressor.astype(np.float32),
        "coarse_index": coarse_index.astype(np.int32),
        "coarse_faces": coarse_faces.astype(np.int32),
        "upsample_index": upsample_index,
        "upsample_weight": upsample_weight,
        "base_index": base_index.astype(np.int32),
        "population_betas": betas_of(vertices[:bodies], mean, directions).astype(np.float32),
    }
    test = slice(bodies, None)
    report = [f"{held_out} held-out Anny adults, T-pose, {bodies} for the analysis, seed {seed}:", ""]
    for count, error in reconstruction_error(vertices[test], mean, directions, deviations).items():
        report.append(
            f"- vertices with {count} betas: mean {error.mean():.2f} mm, worst body {error.max():.2f} mm"
        )
    for name, regressor, truth in (
        ("SMPL joints", joint_regressor, joints),
        ("COCO keypoints", coco_regressor, keypoints),
    ):
        error = 1000 * np.linalg.norm(regressor @ vertices[test] - truth[test], axis=-1)
        report.append(f"- {name} by regression: mean {error.mean():.2f} mm, worst {error.max():.2f} mm")
    tall = np.ptp(vertices[test, :, 1], axis=1)
    report.append(f"- heights: {tall.min():.2f} to {tall.max():.2f} m, mean {tall.mean():.2f} m")
    return arrays, report


def t_posed_population(full, base_index, count: int, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T-posed adults in SMPL's frame with the pelvis at the origin: vertices, 24 joints, 17 keypoints, metres."""
    from anny.keypoints import KeypointsRegressor

    from train.anny_body import (
        POSE_PARAMETERIZATION,
        rest_state,
        sample_phenotypes,
        t_pose,
        t_pose_joints,
        to_smpl_frame,
    )

    coco = KeypointsRegressor.coco(full, list(COCO_KEYPOINTS))
    phenotypes = sample_phenotypes(full, count, rng)
    vertices, joints, keypoints = [], [], []
    with torch.inference_mode():
        for start in tqdm(range(0, count, 25), desc="bodies", unit="batch"):
            batch = {name: value[start : start + 25] for name, value in phenotypes.items()}
            tpose = t_pose(full, rest_state(full, batch))
            out = full(tpose, batch, pose_parameterization=POSE_PARAMETERIZATION)
            at = to_smpl_frame(t_pose_joints(full, tpose))
            pelvis = at[:, :1]
            joints.append(at - pelvis)
            vertices.append(to_smpl_frame(out["vertices"][:, base_index]) - pelvis)
            keypoints.append(to_smpl_frame(coco(out)) - pelvis)
    return tuple(torch.cat(parts).numpy().astype(np.float32) for parts in (vertices, joints, keypoints))


def coco_from_anny(full, base_index: np.ndarray) -> np.ndarray:
    """(17, V) Anny's keypoint weights on our vertices; a row sums to less than 1 where its support is not ours."""
    from anny.keypoints import _load_keypoint_data
    from anny.paths import get_anny_root_dir

    weights, _ = _load_keypoint_data(
        full, get_anny_root_dir() / "data" / "keypoints" / "coco.pth", list(COCO_KEYPOINTS)
    )
    return weights[:, base_index].double().numpy()


def heights(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """By how much each of (K, V, 3) shapes is taller than the mean, metres."""
    return np.ptp(shapes[..., 1], axis=-1) - np.ptp(mean[:, 1])


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
