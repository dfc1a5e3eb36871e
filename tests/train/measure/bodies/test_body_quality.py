"""Body figures on cases whose answer is known."""

import numpy as np
import pytest

from train.measure.bodies.body_quality import hard_mask, keypoint_error, mask_iou, picture_error


def upright():
    """(1, 17, 3) keypoints with a torso of 30 by 40 pixels: its diagonal is 50."""
    points = np.zeros((1, 17, 3))
    points[0, :, 2] = 1
    points[0, [5, 6, 11, 12], :2] = [[30, 0], [0, 0], [30, 40], [0, 40]]
    return points


def test_pck_is_relative_to_the_torso():
    truth = upright()
    predicted = truth[..., :2].copy()
    predicted[0, 0] += [0, 9.9]  # within 0.2 x 50
    predicted[0, 1] += [10.1, 0]  # outside it
    predicted[0, 2] += [0, 26]  # outside 0.5 x 50
    error = keypoint_error(predicted, truth)
    assert error["PCK@0.2"] == pytest.approx(15 / 17) and error["PCK@0.5"] == pytest.approx(16 / 17)
    assert error["mean px"] == pytest.approx((9.9 + 10.1 + 26) / 17)
    assert picture_error(predicted, truth)[0] == pytest.approx(error["mean px"])


def test_hidden_keypoints_are_not_judged():
    truth = upright()
    predicted = truth[..., :2].copy()
    predicted[0, 3] += 1000
    truth[0, 3, 2] = 0.55
    assert keypoint_error(predicted, truth)["PCK@0.2"] == 1
    assert picture_error(predicted, truth)[0] == 0


def test_iou_counts_pixels():
    one, two = np.zeros((1, 4, 4), bool), np.zeros((1, 4, 4), bool)
    one[0, :2], two[0, 1:3] = True, True
    assert mask_iou(one, two)[0] == pytest.approx(4 / 12)
    assert mask_iou(one & False, two & False)[0] == 0


def test_hard_mask_of_a_rectangle():
    corners = np.array([[2.0, 3.0], [12.0, 3.0], [12.0, 17.0], [2.0, 17.0]])
    mask = hard_mask(corners, np.array([[0, 1, 2], [0, 2, 3]]), (20, 16))
    expected = np.zeros((20, 16), bool)
    expected[3:17, 2:12] = True
    assert (mask == expected).all()
