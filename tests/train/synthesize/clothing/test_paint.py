"""Colours and patterns of garments."""

import numpy as np

from train.synthesize.clothing.paint import Paint, apply_paint


def test_paint_follows_its_pattern_and_the_textures_folds():
    colours = np.array([[200.0, 0, 0], [0, 200.0, 0], [0, 0, 200.0]])
    coords = np.zeros((4, 4))
    coords[:, 2] = [1.001, 1.051, 1.101, 1.151]  # 5 cm stripes
    grey = np.full((4, 3), 100.0)
    stripes = apply_paint(Paint("stripes", colours, scale=0.1), coords, grey, 100.0)
    assert np.allclose(stripes, colours[[0, 1, 0, 1]])
    folds = apply_paint(Paint("plain", colours, contrast=0.5), coords, grey * [[1], [0.8], [1.2], [0]], 100.0)
    assert np.allclose(folds[:, 0], [200, 180, 220, 100]) and (folds[:, 1:] == 0).all()
    texels = np.random.default_rng(0).uniform(0, 255, (4, 3))
    assert np.array_equal(apply_paint(Paint("original", colours), coords, texels, 100.0), texels)
