"""Two people side by side: merged descriptors, similarities, and bodies at a common height."""

import numpy as np
import pytest

from tests.models import random_model
from threedsl.body import BodyModel
from threedsl.body.joints import SMPL_JOINTS
from threedsl.comparison import (
    HEAT,
    HEAT_TOP,
    HEIGHT,
    REGION_OF,
    REGIONS,
    Difference,
    Size,
    compare_figures,
    figure,
    heat_colours,
    in_a_sentence,
    merge,
    one_by_one,
    similarities,
)
from threedsl.errors import InputError
from threedsl.pipeline import Output, combine


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.load().eval()


def unit(random: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = random.normal(size=(rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def output(rows: int, seed: int = 0, fingerprint: str = "model", shape: int = 5) -> Output:
    random = np.random.default_rng(seed)
    appearance = unit(random, rows, 7)
    descriptors = unit(random, rows, shape) if shape else np.zeros((rows, 0), np.float32)
    return Output(appearance, descriptors, combine(appearance, descriptors), None, fingerprint)


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
    assert merged.combined.shape == (1, 12) and merged.fingerprint == "model" and merged.bodies is None


def test_a_single_photo_stays_as_it_is_and_opposite_ones_do_not_break():
    one = output(1)
    assert np.array_equal(merge([one]).combined, one.combined)
    opposite = Output(-one.appearance, -one.shape, -one.combined, None, "model")
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
    scores = similarities(first, second)
    for stream in ("appearance", "shape"):
        assert scores[stream] == pytest.approx(
            float((getattr(first, stream) * getattr(second, stream)).sum()), abs=1e-6
        )
    assert scores["combined"] == pytest.approx((scores["appearance"] + scores["shape"]) / 2, abs=1e-6)
    assert similarities(first, first)["combined"] == pytest.approx(1, abs=1e-6) and max(scores.values()) <= 1
    assert list(similarities(output(1, shape=0), output(1, shape=0))) == ["appearance"]


def test_one_by_one_takes_rows_apart():
    whole = output(3)
    parts = one_by_one(whole)
    assert np.array_equal(np.concatenate([part.combined for part in parts]), whole.combined)
    assert all(part.fingerprint == "model" and len(part.shape) == 1 for part in parts)


def test_figures_stand_on_the_floor_at_the_common_height_with_their_arms_down(body):
    for betas in (np.zeros(10), np.eye(10)[0] * 2, np.eye(10)[0] * -2):
        vertices = figure(body, betas).vertices
        assert vertices[:, 1].min() == pytest.approx(0, abs=1e-6)
        assert vertices[:, 1].max() == pytest.approx(HEIGHT, abs=1e-6)
        part = body.smpl.lbs_weights.argmax(1).numpy()
        hand = vertices[part == SMPL_JOINTS.index("left_hand")]
        shoulder = vertices[part == SMPL_JOINTS.index("left_shoulder")]
        assert hand[:, 1].mean() < shoulder[:, 1].mean() - 20, "arms hang down"
        assert hand[:, 0].mean() > shoulder[:, 0].mean() > 0, "the left is at +x"


def test_a_body_does_not_differ_from_itself_whatever_its_pose(body):
    one = figure(body, np.linspace(-1, 1, 10))
    difference = compare_figures(body, one, one)
    assert difference.mean == 0 and not any(difference.regions.values())
    assert all(size.difference == 0 for size in difference.sizes)
    assert "no size differs" in in_a_sentence(difference)


def test_size_alone_is_no_difference(body):
    """A surface 2 % larger all over has other centimetres, but the same figure."""
    betas, surface = np.zeros(10), body.coarse_template.numpy()
    difference = compare_figures(body, figure(body, betas), figure(body, betas, 0.02 * surface))
    assert difference.mean < 0.5
    moved = 100 * np.linalg.norm(0.02 * surface, axis=1).mean()
    assert moved > 3 * difference.mean, "unscaled, the surfaces would lie far apart"


def test_a_belly_is_found_at_the_waist(body):
    betas, coarse = np.zeros(10), body.coarse_template.numpy()
    waist = body.joint_template[SMPL_JOINTS.index("spine1")].numpy()
    weight = np.exp(-(((coarse - waist) / [0.3, 0.07, 0.3]) ** 2).sum(1))
    bulge = (coarse - waist) * [1, 0, 1] * weight[:, None] * 0.3
    thin, thick = figure(body, betas), figure(body, betas, bulge.astype(np.float32))
    difference = compare_figures(body, thin, thick)
    assert max(difference.regions, key=difference.regions.get) in ("waist", "hips")
    assert difference.regions["waist"] > 5 * max(
        difference.regions[name] for name in ("head", "arms", "legs")
    )
    sizes = {size.name: size for size in difference.sizes}
    assert sizes["waist girth"].difference > 3 and abs(sizes["leg length"].difference) < 0.5
    assert "girth" in in_a_sentence(difference) and "smaller" not in in_a_sentence(difference)
    back = compare_figures(body, thick, thin)
    assert back.distance == pytest.approx(difference.distance)
    assert {size.name: -size.difference for size in back.sizes} == {
        size.name: size.difference for size in difference.sizes
    }


def test_sizes_are_those_of_people(body):
    sizes = figure(body, np.zeros(10)).sizes
    assert list(sizes) == list(REGION_OF) and set(REGION_OF.values()) == set(REGIONS)
    for name, low, high in (
        ("head and neck height", 20, 35),
        ("shoulder width", 28, 48),
        ("trunk length", 40, 65),
        ("upper arm girth", 20, 45),
        ("thigh girth", 38, 80),
        ("leg length", 75, 100),
    ):
        assert low < sizes[name] < high, name


def test_every_vertex_belongs_to_one_region():
    joints = [joint for names in REGIONS.values() for joint in names]
    assert sorted(joints) == sorted(SMPL_JOINTS)


def test_colours_run_from_blue_to_red_and_stop_there():
    colours = heat_colours(np.array([0, HEAT_TOP / 2, HEAT_TOP, 99]))
    assert colours.dtype == np.uint8 and colours.shape == (4, 3)
    assert tuple(colours[0]) == HEAT[0][1] and tuple(colours[2]) == tuple(colours[3]) == HEAT[-1][1]
    assert colours[0, 2] > colours[0, 0] and colours[3, 0] > colours[3, 2]


def test_the_sentence_names_the_sizes_that_differ_most_for_their_size():
    sizes = (
        Size("leg length", "legs", 90, 91.5),
        Size("waist girth", "waist", 90, 80),
        Size("head and neck height", "head", 25, 29),
    )
    difference = Difference(np.array([1.0, 3.0]), {"waist": 2.0}, sizes)
    sentence = in_a_sentence(difference)
    assert "head and neck height 4.0 cm larger and waist girth 10.0 cm smaller" in sentence
    assert "2.0 cm apart" in sentence and "leg length" not in sentence


def test_bodies_of_a_model_can_be_compared():
    model = random_model()
    pictures = [np.full((64, 32, 3), level, np.uint8) for level in (60, 200)]
    bodies = model(pictures).bodies
    figures = [figure(model.body, bodies.betas[i], bodies.displacement[i]) for i in range(2)]
    answer = compare_figures(model.body, *figures).as_json()
    assert [row["region"] for row in answer["regions"]] == list(REGIONS)
    assert answer["height_cm"] == HEIGHT and all(row["sizes"] for row in answer["regions"])
