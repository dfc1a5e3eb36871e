"""The undressed body: normals and T-pose."""

import numpy as np
import pytest

from train.synthesize.base_mesh import load_base_mesh, sample_body, vertex_normals


@pytest.fixture(scope="module")
def base():
    return load_base_mesh()


def test_normals_point_outwards():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[:3], [0, 0, 1])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[3], 0)  # used by no triangle


def test_bodies_come_with_their_t_pose_in_smpls_frame(base):
    body = sample_body(base, np.random.default_rng(2))
    assert 1.35 < body.height < 2.15
    assert body.joints[16, 0] > 0.1 > -0.1 > body.joints[17, 0]  # the left shoulder at +x
    assert abs(np.ptp(body.tposed[:13380, 1]) - body.height) < 0.06
    assert np.ptp(body.tposed[:13380, 0]) > 0.85 * body.height  # arms outstretched
