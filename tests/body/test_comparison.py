"""Two bodies side by side, at a common height."""

import numpy as np
import pytest

from tests.models import random_model
from threedsl.body import BodyModel
from threedsl.body.comparison import (
    HEAT,
    HEAT_TOP,
    HEIGHT,
    REGION_OF,
    REGIONS,
    Difference,
    Size,
    compare_bodies,
    heat_colours,
    in_a_sentence,
    standard_body,
)
from threedsl.body.joints import SMPL_JOINTS


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.load().eval()


@pytest.mark.slow
def test_figures_stand_on_the_floor_at_the_common_height_with_their_arms_down(body):
    for betas in (np.zeros(10), np.eye(10)[0] * 2, np.eye(10)[0] * -2):
        vertices = standard_body(body, betas).vertices
        assert vertices[:, 1].min() == pytest.approx(0, abs=1e-6)
        assert vertices[:, 1].max() == pytest.approx(HEIGHT, abs=1e-6)
        part = body.smpl.lbs_weights.argmax(1).numpy()
        hand = vertices[part == SMPL_JOINTS.index("left_hand")]
        shoulder = vertices[part == SMPL_JOINTS.index("left_shoulder")]
        assert hand[:, 1].mean() < shoulder[:, 1].mean() - 20, "arms hang down"
        assert hand[:, 0].mean() > shoulder[:, 0].mean() > 0, "the left is at +x"


@pytest.mark.slow
def test_a_body_does_not_differ_from_itself_whatever_its_pose(body):
    one = standard_body(body, np.linspace(-1, 1, 10))
    difference = compare_bodies(body, one, one)
    assert difference.mean == 0 and not any(difference.regions.values())
    assert all(size.difference == 0 for size in difference.sizes)
    assert "no size differs" in in_a_sentence(difference)


def test_size_alone_is_no_difference(body):
    """A surface 2 % larger all over has other centimetres, but the same figure."""
    betas, surface = np.zeros(10), body.coarse_template.numpy()
    difference = compare_bodies(body, standard_body(body, betas), standard_body(body, betas, 0.02 * surface))
    assert difference.mean < 0.5
    moved = 100 * np.linalg.norm(0.02 * surface, axis=1).mean()
    assert moved > 3 * difference.mean, "unscaled, the surfaces would lie far apart"


def test_a_belly_is_found_at_the_waist(body):
    betas, coarse = np.zeros(10), body.coarse_template.numpy()
    waist = body.joint_template[SMPL_JOINTS.index("spine1")].numpy()
    weight = np.exp(-(((coarse - waist) / [0.3, 0.07, 0.3]) ** 2).sum(1))
    bulge = (coarse - waist) * [1, 0, 1] * weight[:, None] * 0.3
    thin, thick = standard_body(body, betas), standard_body(body, betas, bulge.astype(np.float32))
    difference = compare_bodies(body, thin, thick)
    assert max(difference.regions, key=difference.regions.get) in ("waist", "hips")
    assert difference.regions["waist"] > 5 * max(
        difference.regions[name] for name in ("head", "arms", "legs")
    )
    sizes = {size.name: size for size in difference.sizes}
    assert sizes["waist girth"].difference > 3 and abs(sizes["leg length"].difference) < 0.5
    assert "girth" in in_a_sentence(difference) and "smaller" not in in_a_sentence(difference)
    back = compare_bodies(body, thick, thin)
    assert back.distance == pytest.approx(difference.distance)
    assert {size.name: -size.difference for size in back.sizes} == {
        size.name: size.difference for size in difference.sizes
    }


def test_sizes_are_those_of_people(body):
    sizes = standard_body(body, np.zeros(10)).sizes
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


@pytest.mark.slow
def test_bodies_of_a_model_can_be_compared():
    model = random_model()
    pictures = [np.full((64, 32, 3), level, np.uint8) for level in (60, 200)]
    bodies = model(pictures).bodies
    figures = [standard_body(model.body, bodies.betas[i], bodies.displacement[i]) for i in range(2)]
    answer = compare_bodies(model.body, *figures).as_json()
    assert [row["region"] for row in answer["regions"]] == list(REGIONS)
    assert answer["height_cm"] == HEIGHT and all(row["sizes"] for row in answer["regions"])
