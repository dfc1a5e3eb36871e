"""The shipped body: the same as smplx computes, differentiable, human."""

import zipfile

import numpy as np
import pytest
import smplx
import torch
import trimesh
from smplx.lbs import lbs
from smplx.utils import Struct

import threedsl.arrays
from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.body.joints import COCO_KEYPOINTS, SMPL_JOINTS, SMPL_PARENTS
from threedsl.body.rotation import matrix_from_axis_angle
from threedsl.errors import InputError


@pytest.fixture(scope="module")
def body():
    return BodyModel.load()


@pytest.fixture(scope="module")
def arrays():
    with np.load(DEFAULT_BODY) as file:
        return {key: file[key] for key in file.files}


def random_bodies(count, seed=0, angle=0.4):
    generator = torch.Generator().manual_seed(seed)
    betas = torch.randn(count, 10, generator=generator)
    return betas, angle * torch.randn(count, 24, 3, generator=generator)


def plain_smplx(arrays):
    face = dict(zip(("nose", "leye", "reye", "lear", "rear"), range(5), strict=True))
    return smplx.SMPL(
        "", data_struct=Struct(**arrays), vertex_ids=face, use_hands=False, use_feet_keypoints=False
    )


def with_pose_correctives(arrays, seed=3):
    """A file like a licensed SMPL: its pose-dependent correctives are not zero."""
    noise = np.random.default_rng(seed).normal(0, 1e-3, arrays["posedirs"].shape).astype(np.float32)
    return arrays | {"posedirs": noise}


@pytest.mark.parametrize("correctives", [False, True])
@pytest.mark.slow
def test_equals_smplx(arrays, correctives, tmp_path):
    arrays = with_pose_correctives(arrays) if correctives else arrays
    np.savez(tmp_path / "body.npz", **arrays)
    body = BodyModel.load(tmp_path / "body.npz")
    betas, rotvec = random_bodies(3)
    expected = plain_smplx(arrays)(
        betas=betas, global_orient=rotvec[:, 0], body_pose=rotvec[:, 1:].flatten(1)
    )
    pose = matrix_from_axis_angle(rotvec)
    display, coarse = body(betas, pose, topology="display"), body(betas, pose)
    assert torch.allclose(display.vertices, expected.vertices, atol=2e-5)
    assert torch.allclose(display.joints, expected.joints[:, :24], atol=2e-5)
    assert torch.allclose(coarse.vertices, expected.vertices[:, body.coarse_index], atol=2e-5)
    keypoints = torch.einsum("kv,bvd->bkd", torch.from_numpy(arrays["coco_regressor"]), expected.vertices)
    assert torch.allclose(coarse.keypoints, keypoints, atol=2e-5)


@pytest.mark.slow
def test_gradients_in_float64(arrays):
    """Central differences against autograd, through betas, pose and displacement."""
    body = BodyModel.load().double()
    betas, rotvec = (value.double() for value in random_bodies(1, seed=1))
    delta = 0.01 * torch.randn(
        1, body.num_coarse, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    )
    rows = torch.arange(0, body.num_coarse, 97)

    def some_outputs(betas, rotvec, delta):
        out = body(betas, matrix_from_axis_angle(rotvec), delta)
        return out.vertices[:, rows], out.joints, out.keypoints

    betas.requires_grad_()
    rotvec.requires_grad_()
    assert torch.autograd.gradcheck(lambda b, r: some_outputs(b, r, delta), (betas, rotvec), atol=1e-6)
    delta.requires_grad_()
    direction = torch.zeros_like(delta)
    direction[:, rows] = 1.0
    step = 1e-5
    numeric = (
        some_outputs(betas, rotvec, delta + step * direction)[0]
        - some_outputs(betas, rotvec, delta - step * direction)[0]
    ).sum() / (2 * step)
    analytic = (torch.autograd.grad(some_outputs(betas, rotvec, delta)[0].sum(), delta)[0] * direction).sum()
    assert torch.allclose(numeric, analytic, rtol=1e-6)


@pytest.mark.slow
def test_displacement_moves_the_surface_and_not_the_skeleton(body):
    betas, rotvec = random_bodies(2, seed=4)
    rotvec[:, 1:] = 0  # bent joints blend rotations, which shortens displacements a little
    pose = matrix_from_axis_angle(rotvec)
    delta = torch.full((2, body.num_coarse, 3), 0.02)
    moved, still = body(betas, pose, delta), body(betas, pose)
    assert torch.equal(moved.joints, still.joints)
    assert torch.allclose(
        (moved.vertices - still.vertices).norm(dim=-1), torch.tensor(0.02 * 3**0.5), atol=1e-5
    )
    fine = body(betas, pose, delta, "display").vertices - body(betas, pose, topology="display").vertices
    assert torch.allclose(fine.norm(dim=-1), torch.tensor(0.02 * 3**0.5), atol=1e-5)


def test_skeleton_is_smpl(arrays):
    assert len(SMPL_JOINTS) == 24 and len(COCO_KEYPOINTS) == 17
    assert arrays["kintree_table"][0, 1:].tolist() == list(SMPL_PARENTS[1:])
    for name in ("J_regressor", "coco_regressor", "weights"):
        assert np.allclose(arrays[name].sum(1), 1, atol=1e-3), name
    assert (arrays["weights"] >= 0).all()


def test_left_is_left_and_up_is_up(body):
    rest = body(torch.zeros(1, 10), torch.eye(3).expand(1, 24, 3, 3))
    joints = dict(zip(SMPL_JOINTS, rest.joints[0], strict=True))
    keypoints = dict(zip(COCO_KEYPOINTS, rest.keypoints[0], strict=True))
    for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        assert joints[f"left_{name}"][0] > 0.05 and joints[f"right_{name}"][0] < -0.05
        assert (joints[f"left_{name}"] - keypoints[f"left_{name}"]).norm() < 0.12, name
    assert keypoints["left_eye"][0] > 0 > keypoints["right_eye"][0]
    assert keypoints["nose"][2] > joints["head"][2] + 0.05  # faces +Z
    assert joints["head"][1] > joints["pelvis"][1] > joints["left_knee"][1] > joints["left_ankle"][1]
    arm = joints["left_wrist"] - joints["left_shoulder"]
    assert arm[0] > 0.95 * arm.norm()  # T-pose


def test_meshes_are_closed_and_of_human_size(arrays, body):
    fine = trimesh.Trimesh(arrays["v_template"], arrays["f"], process=False)
    coarse = trimesh.Trimesh(
        arrays["v_template"][arrays["coarse_index"]], arrays["coarse_faces"], process=False
    )
    assert fine.is_watertight and coarse.is_watertight
    assert 0.04 < coarse.volume < fine.volume < 0.12  # cubic metres, outward faces
    betas = torch.from_numpy(arrays["population_betas"][:300])
    pose = torch.eye(3).expand(300, 24, 3, 3)
    heights = np.ptp(body(betas, pose).vertices[..., 1].numpy(), axis=1)
    assert 1.35 < heights.min() and heights.max() < 2.15 and 1.55 < heights.mean() < 1.8


def test_betas_have_unit_variance_over_the_population(arrays):
    betas = arrays["population_betas"]
    assert np.allclose(betas.mean(0), 0, atol=0.02)
    assert np.allclose(betas.std(0), 1, atol=0.02)
    assert np.allclose(np.corrcoef(betas.T), np.eye(10), atol=0.02)


def test_lbs_of_smplx_is_what_skins(arrays, body):
    """The functional form of smplx, with the displacement given as the template."""
    betas, rotvec = random_bodies(1, seed=8)
    index = body.coarse_index
    vertices, _ = lbs(
        betas, matrix_from_axis_angle(rotvec), body.smpl.v_template, body.smpl.shapedirs, body.smpl.posedirs,
        body.smpl.J_regressor, body.smpl.parents, body.smpl.lbs_weights, pose2rot=False,
    )  # fmt: skip
    assert torch.allclose(body(betas, matrix_from_axis_angle(rotvec)).vertices, vertices[:, index], atol=2e-5)


@pytest.mark.parametrize("damage", ["missing", "not a zip", "truncated", "without weights"])
def test_bad_body_files_give_a_sentence(arrays, tmp_path, damage):
    path = tmp_path / "body.npz"
    if damage == "not a zip":
        path.write_bytes(b"no body")
    elif damage == "truncated":
        path.write_bytes(DEFAULT_BODY.read_bytes()[:1000])
    elif damage == "without weights":
        np.savez(path, **{key: value for key, value in arrays.items() if key != "weights"})
    with pytest.raises(InputError, match=r"body\.npz.*train body") as caught:
        BodyModel.load(path)
    assert "\n" not in str(caught.value)


def test_arrays_of_a_wrong_shape_are_named(tmp_path, arrays):
    path = tmp_path / "body.npz"
    np.savez(path, **(arrays | {"weights": arrays["weights"][:, :5]}))
    with pytest.raises(InputError, match=r"body\.npz: weights has shape"):
        BodyModel.load(path)


def test_pickled_arrays_are_refused(tmp_path, arrays):
    path = tmp_path / "body.npz"
    np.savez(path, **(arrays | {"weights": np.array([{"a": 1}], dtype=object)}))
    with pytest.raises(InputError):
        BodyModel.load(path)


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        ("f", lambda array: array + 1, "f contains values that are not indices below"),
        ("f", lambda array: array.astype(np.float32), "f contains values that are not indices"),
        ("coarse_index", lambda array: -array, "coarse_index contains values that are not indices"),
        (
            "coarse_faces",
            lambda array: array + len(array),
            "coarse_faces contains values that are not indices",
        ),
        (
            "upsample_index",
            lambda array: array + 10**6,
            "upsample_index contains values that are not indices below 615",
        ),
        ("upsample_weight", lambda array: array[:, :2], "upsample_weight has shape"),
        ("upsample_index", lambda array: array[:, 0], "upsample_index has shape"),
        ("kintree_table", lambda array: array[::-1], "parents that do not come before their joints"),
        ("kintree_table", lambda array: array[:, :5], "kintree_table has shape"),
        (
            "shapedirs",
            lambda array: array * np.float32(np.inf),
            "shapedirs contains values that are not finite numbers",
        ),
        (
            "population_betas",
            lambda array: array.astype(str),
            "population_betas contains values that are not finite",
        ),
        ("coarse_index", lambda array: array[:0], "coarse_index has shape"),
        (
            "coarse_index",  # its smoothing would take hours and 20 GB
            lambda array: np.resize(array, 30_000),
            "coarse_index has more than 3,000 vertices",
        ),
        ("v_template", lambda array: np.float32(3), "v_template has shape"),
    ],
)
def test_arrays_that_cannot_be_right_are_named(tmp_path, arrays, key, change, words):
    path = tmp_path / "body.npz"
    np.savez(path, **(arrays | {key: change(arrays[key])}))
    with pytest.raises(InputError) as caught:
        BodyModel.load(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def promising(path, arrays, shape):
    """A body file one of whose arrays claims a shape that its bytes do not have."""
    np.savez(path, **{key: value for key, value in arrays.items() if key != "weights"})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        header = header.ljust(117) + "\n"
        data = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode()
        archive.writestr("weights.npy", data + bytes(4000))


@pytest.mark.parametrize("shape", [(10**12, 24), (10**30,), (-5, 24), (12272, 24)])
def test_an_array_that_promises_more_than_it_holds_is_refused(tmp_path, arrays, shape):
    promising(tmp_path / "body.npz", arrays, shape)
    with pytest.raises(InputError, match=r"body\.npz is damaged \(weights\.npy"):
        BodyModel.load(tmp_path / "body.npz")


def test_a_body_that_unpacks_to_gigabytes_is_refused(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr(threedsl.arrays, "MOST_UNPACKED", 2**20)
    np.savez_compressed(tmp_path / "body.npz", **arrays)
    with pytest.raises(InputError, match="it unpacks to more than"):
        BodyModel.load(tmp_path / "body.npz")
