"""Descriptors: combined, merged, compared, taken apart; and their module needs NumPy alone."""

import subprocess
import sys

import numpy as np
import pytest

from threedsl.descriptors import STREAMS, Descriptors, merge, one_by_one, similarity
from threedsl.errors import InputError


def unit(random: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = random.normal(size=(rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def output(rows: int, seed: int = 0, fingerprint: str = "model", shape: int = 5) -> Descriptors:
    random = np.random.default_rng(seed)
    appearance = unit(random, rows, 7)
    descriptors = unit(random, rows, shape) if shape else np.zeros((rows, 0), np.float32)
    return Descriptors(appearance, descriptors, fingerprint)


def test_merged_photos_are_the_normalised_mean_of_each_stream():
    one, two = output(2, 1), output(1, 2)
    merged = merge([one, two])
    for stream in ("appearance", "shape"):
        rows = np.concatenate([getattr(one, stream), getattr(two, stream)]).astype(np.float64)
        summed = rows[0] + rows[1] + rows[2]
        expected = summed / np.sqrt((summed**2).sum())
        assert getattr(merged, stream) == pytest.approx(expected[None], abs=1e-6)
    # The mean direction has the largest mean similarity to its parts: no part and no other direction beats it.
    parts = np.concatenate([one.shape, two.shape])
    assert (parts @ merged.shape[0]).mean() > max((parts @ part).mean() for part in parts)
    assert np.linalg.norm(merged.combined) == pytest.approx(1, abs=1e-6)
    assert merged.combined.shape == (1, 12) and merged.fingerprint == "model"


def test_a_single_photo_stays_as_it_is_and_opposite_ones_do_not_break():
    one = output(1)
    assert np.array_equal(merge([one]).combined, one.combined)
    opposite = Descriptors(-one.appearance, -one.shape, "model")
    assert np.isfinite(merge([one, opposite]).combined).all()


def test_what_cannot_be_merged_is_a_sentence():
    with pytest.raises(InputError, match="at least one photo"):
        merge([])
    with pytest.raises(InputError, match="at least one photo"):
        merge([output(0)])
    with pytest.raises(InputError, match="different models"):
        merge([output(1), output(1, fingerprint="another")])


def test_similarities_are_dot_products_of_what_the_model_has():
    first, second = output(1, 3), output(1, 4)
    scores = similarity(first, second)
    for stream in ("appearance", "shape"):
        assert scores[stream] == pytest.approx(
            float((getattr(first, stream) * getattr(second, stream)).sum()), abs=1e-6
        )
    assert scores["combined"] == pytest.approx((scores["appearance"] + scores["shape"]) / 2, abs=1e-6)
    assert similarity(first, first)["combined"] == pytest.approx(1, abs=1e-6) and max(scores.values()) <= 1
    assert list(similarity(output(1, shape=0), output(1, shape=0))) == ["appearance"]


def test_one_by_one_takes_rows_apart():
    whole = output(3)
    parts = one_by_one(whole)
    assert np.array_equal(np.concatenate([part.combined for part in parts]), whole.combined)
    assert all(part.fingerprint == "model" and len(part.shape) == 1 for part in parts)


def test_streams_are_named_and_others_refused():
    both, alone = output(2), output(2, shape=0)
    assert both.streams == STREAMS and alone.streams == ("appearance",)
    assert both.stream("combined").shape == (2, 12)
    assert np.array_equal(alone.stream("combined"), alone.appearance)
    with pytest.raises(InputError, match="no shape stream"):
        alone.stream("shape")
    with pytest.raises(InputError, match="stream 'gait' is unknown"):
        both.stream("gait")


def test_combined_scores_are_the_weighted_means_of_the_streams():
    random = np.random.default_rng(5)
    found = Descriptors(unit(random, 3, 7), unit(random, 3, 5), shape_share=0.3)
    expected = 0.7 * found.appearance @ found.appearance.T + 0.3 * found.shape @ found.shape.T
    assert found.combined @ found.combined.T == pytest.approx(expected, abs=1e-6)


def test_naming_the_streams_does_not_wait_for_pytorch():
    code = "import sys, threedsl.descriptors; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
