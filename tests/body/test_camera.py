"""The camera and the rotations against their definitions."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from threedsl.body.camera import FOCAL, camera_distance, project
from threedsl.body.rotation import matrix_from_6d, matrix_from_axis_angle, sixd_from_matrix


def test_a_point_projects_as_a_pinhole_written_out():
    camera = torch.tensor([[1.1, 0.05, -0.1]])
    (x, y), depth = (value[0, 0] for value in project(torch.tensor([[[0.2, 0.7, 0.3]]]), camera, (224, 112)))
    distance = 2 * 500 / (224 * 1.1)
    assert math.isclose(depth, distance - 0.3, rel_tol=1e-5)
    assert math.isclose(x, 56 + 500 * 0.25 / (distance - 0.3), rel_tol=1e-5)
    assert math.isclose(y, 112 - 500 * 0.6 / (distance - 0.3), rel_tol=1e-5)


def test_scale_one_fills_the_crop_with_two_metres():
    edges = torch.tensor([[[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])
    pixels, depth = project(edges, torch.tensor([[1.0, 0.0, 0.0]]), (256, 128))
    assert torch.allclose(pixels[0], torch.tensor([[64.0, 0.0], [64.0, 256.0]]), atol=1e-3)
    assert torch.allclose(depth, camera_distance(torch.ones(1, 1))) and math.isclose(
        camera_distance(torch.ones(1)), 2 * FOCAL, rel_tol=1e-6
    )


def test_pixels_scale_with_the_crop():
    points = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    camera = torch.tensor([[0.9, 0.1, 0.0], [1.2, 0.0, 0.2]])
    small, large = project(points, camera, (64, 32))[0], project(points, camera, (256, 128))[0]
    assert torch.allclose(small * 4, large, atol=1e-4)


def test_axis_angle_equals_scipy():
    rotvec = np.concatenate(
        [np.random.default_rng(0).normal(size=(20, 3)), np.zeros((1, 3)), np.full((1, 3), 1e-9)]
    )
    expected = Rotation.from_rotvec(rotvec).as_matrix()
    assert np.allclose(matrix_from_axis_angle(torch.from_numpy(rotvec)).numpy(), expected, atol=1e-9)


def test_six_numbers_make_rotations_and_come_back():
    six = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    matrix = matrix_from_6d(six)
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64).expand_as(matrix), atol=1e-9)
    assert torch.allclose(torch.linalg.det(matrix), torch.ones(50, dtype=torch.float64))
    assert torch.allclose(matrix_from_6d(sixd_from_matrix(matrix)), matrix)
