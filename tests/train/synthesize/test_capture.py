"""Framing a person and projecting keypoints, as the body's camera does."""

import numpy as np
import torch

from tests.train.synthetic import SIZE
from threedsl.body.camera import project
from train.synthesize.capture import frame_camera, project_points


def test_keypoint_projection_is_the_cameras():
    rng = np.random.default_rng(0)
    points, camera = rng.normal(0, 0.5, (20, 3)), np.array([0.8, 0.1, -0.2])
    pixels, depth = project_points(points, camera, SIZE)
    expected, away = project(torch.from_numpy(points)[None], torch.from_numpy(camera)[None], SIZE)
    assert np.allclose(pixels, expected[0], atol=1e-4) and np.allclose(depth, away[0], atol=1e-6)


def test_crops_are_framed_around_the_person():
    rng = np.random.default_rng(1)
    points = rng.uniform([-0.3, -0.9, -0.2], [0.3, 0.9, 0.2], (500, 3))
    spans, middles = [], []
    for _ in range(200):
        pixels, _ = project_points(points, frame_camera(points, SIZE, rng), SIZE)
        spans.append(np.ptp(pixels[:, 1]) / SIZE[0])
        middles.append((pixels.min(0) + pixels.max(0)) / 2 / SIZE[::-1])
    assert 0.85 < np.median(spans) < 0.97 and 0.7 < min(spans) and max(spans) < 1.16
    assert np.allclose(np.mean(middles, 0), 0.5, atol=0.03)
    assert 0.02 < np.mean(np.array(spans) > 0.99) < 0.25
