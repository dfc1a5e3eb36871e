"""A file like the official SMPL pickle: read without chumpy, never executed, run like the shipped body."""

import io
import pickle
import sys
import types

import numpy as np
import pytest
import smplx
import torch
from scipy import sparse
from smplx.utils import Struct

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.body.rotation import matrix_from_axis_angle
from threedsl.errors import InputError
from train.__main__ import main
from train.body.licensed_smpl import read_smpl


@pytest.fixture(scope="module")
def official():
    """SMPL-like contents: 6,890 vertices, 10 betas, pose correctives, a sparse regressor."""
    import trimesh

    rng = np.random.default_rng(0)
    mesh = trimesh.creation.capsule(height=1.4, radius=0.2, count=[82, 84])
    vertices, faces = np.array(mesh.vertices)[:, [0, 2, 1]], np.array(mesh.faces)[:, ::-1]
    count = 6890
    assert len(vertices) <= count
    vertices = np.concatenate([vertices, vertices[: count - len(vertices)] * 0.99])
    regressor = np.zeros((24, count))
    regressor[np.arange(24).repeat(8), rng.integers(0, count, 192)] = rng.random(192)
    weights = rng.random((count, 24)) ** 8
    return {
        "v_template": vertices,
        "shapedirs": rng.normal(0, 0.01, (count, 3, 10)),
        "posedirs": rng.normal(0, 0.001, (count, 3, 207)),
        "J_regressor": sparse.csc_matrix(regressor / regressor.sum(1, keepdims=True)),
        "kintree_table": np.array(
            [
                [4294967295, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21],
                range(24),
            ]
        ),
        "weights": weights / weights.sum(1, keepdims=True),
        "f": faces.astype(np.uint32),
        "bs_type": "lrotmin",
    }


@pytest.fixture()
def chumpy(monkeypatch):
    """A module named chumpy while the file is written; it is gone when the file is read."""

    class Ch:
        def __init__(self, x):
            self.x = x

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", package)
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


@pytest.mark.slow
@pytest.mark.parametrize("protocol", range(6))
def test_official_pickle_becomes_a_body(official, chumpy, tmp_path, monkeypatch, protocol):
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    contents = official | {
        "shapedirs": chumpy(official["shapedirs"]),
        "v_template": chumpy(official["v_template"]),
    }
    path.write_bytes(pickle.dumps(contents, protocol=protocol))
    monkeypatch.delitem(sys.modules, "chumpy")
    monkeypatch.delitem(sys.modules, "chumpy.ch")
    assert main(["body", "--smpl", str(path), "--out", str(tmp_path / "body.npz")]) == 0
    body = BodyModel.load(tmp_path / "body.npz")
    plain = official | {"J_regressor": official["J_regressor"].toarray()}
    expected = smplx.SMPL("", data_struct=Struct(**plain))
    betas = torch.randn(2, 10, generator=torch.Generator().manual_seed(0))
    rotvec = 0.3 * torch.randn(2, 24, 3, generator=torch.Generator().manual_seed(1))
    truth = expected(betas=betas, global_orient=rotvec[:, 0], body_pose=rotvec[:, 1:].flatten(1))
    ours = body(betas, matrix_from_axis_angle(rotvec), topology="display")
    assert torch.allclose(ours.vertices, truth.vertices, atol=1e-4)
    assert torch.allclose(ours.joints, truth.joints[:, :24], atol=1e-4)
    assert torch.allclose(ours.keypoints[:, 5], truth.joints[:, 16], atol=0.2)  # left shoulder
    assert 300 < body.num_coarse < 1000


class Evil:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("what", ["evil", "truncated", "text", "lacks", "missing"])
def test_unknown_files_are_refused_in_a_sentence(official, tmp_path, capsys, what):
    path = tmp_path / "smpl.pkl"
    good = pickle.dumps(official)
    contents = {
        "evil": pickle.dumps(official | {"bs_type": Evil()}),
        "truncated": good[: len(good) // 2],
        "text": b"not a pickle",
        "lacks": pickle.dumps({"v_template": official["v_template"]}),
    }
    if what in contents:
        path.write_bytes(contents[what])
    with pytest.raises(InputError, match=r"smpl\.pkl") as caught:
        read_smpl(path)
    assert "\n" not in str(caught.value) and "executed" not in capsys.readouterr().out


def test_npz_of_the_same_names_works_too(tmp_path):
    arrays = read_smpl(DEFAULT_BODY)
    assert arrays["shapedirs"].shape[2] == 10 and arrays["weights"].shape[1] == 24
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in arrays.items() if key != "weights"})
    (tmp_path / "body.npz").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="lacks weights"):
        read_smpl(tmp_path / "body.npz")


def test_the_licensed_file_itself_is_not_replaced(official, tmp_path, capsys):
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(path, **official | {"J_regressor": official["J_regressor"].toarray()})
    before = path.read_bytes()
    for source in (path, tmp_path):
        assert main(["body", "--smpl", str(source), "--out", str(path)]) == 2
        assert "is the licensed file itself, which would be replaced" in capsys.readouterr().err
    assert path.read_bytes() == before
