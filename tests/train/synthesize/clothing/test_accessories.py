"""Beards, bags and caps: where they are, and who changes them."""

import numpy as np
import pytest

from train.synthesize.base_mesh import BODY_VERTICES, load_base_mesh, sample_body
from train.synthesize.clothing.accessories import Beard, Brim, Strap, sample_bag, sample_headwear
from train.synthesize.clothing.garments import bind
from train.synthesize.clothing.looks import restyled, sample_looks
from train.synthesize.clothing.wardrobe import Wardrobe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base():
    return load_base_mesh()


@pytest.fixture(scope="module")
def wardrobe(base):
    return Wardrobe(base, None)


@pytest.mark.parametrize("kind", ["full", "goatee", "moustache"])
def test_beards_are_on_the_chin_or_lip_and_leave_eyes_forehead_and_mouth_free(base, kind):
    beard = Beard(kind, np.zeros(3), 1.0)
    eyes = base.canonical[np.unique(base.groups["l-eye"])]
    body = base.canonical[:BODY_VERTICES]
    cover = beard.cover(body)
    assert (beard.cover(eyes) == 0).all() and (cover[body[:, 2] > 1.5] == 0).all()
    assert (cover[body[:, 2] < 1.36] == 0).all() and (cover > 0.5).sum() > 20
    lips = np.array([[0, -0.15, 1.449, 0]])
    assert beard.cover(lips)[0] == 0


def test_bags_are_behind_or_beside_and_straps_cross_the_shoulder(wardrobe):
    rng = np.random.default_rng(0)
    body = sample_body(wardrobe.base, rng)
    kinds = set()
    for _ in range(20):
        straps, bag = sample_bag(wardrobe, rng)
        centre = bind(bag.piece, body.vertices).mean(0) - body.vertices[:BODY_VERTICES].mean(0)
        behind = centre[1] > 0.1
        kinds.add("back" if behind else "hip")
        assert behind or abs(centre[0]) > 0.12
        assert straps.piece.canonical[:, 2].max() > 1.38  # over the shoulder
    assert kinds == {"back", "hip"}


def test_straps_and_brims_cover_what_they_say():
    coords = np.array(
        [[0.085, -0.1, 1.3, 0], [0.0, -0.1, 1.3, 0], [0.085, -0.1, 1.3, 1], [-0.085, 0.1, 1.3, 0]]
    )
    assert Strap(0, 0.02).keeps(coords).tolist() == [True, False, False, True]
    assert Strap(1, 0.02).keeps(np.array([[0.095, 0, 1.40, 0], [-0.15, 0, 0.97, 0], [0.15, 0, 0.97, 0]])).tolist() == [
        True, True, False,
    ]  # fmt: skip
    assert Brim(1.57, 1.48).keeps(np.array([[0, -0.14, 1.56, 0], [0, 0.05, 1.5, 0]])).tolist() == [
        False,
        True,
    ]


def test_headwear_sits_on_the_head(wardrobe):
    rng = np.random.default_rng(1)
    for _ in range(6):
        for item in sample_headwear(wardrobe, rng):
            assert item.piece.slot == "hat" and item.piece.canonical[:, 2].min() > 1.42


def test_a_restyled_person_keeps_skin_and_eyes_and_changes_the_rest(wardrobe):
    rng = np.random.default_rng(2)
    for female in (False, True):
        body = next(
            body for body in iter(lambda: sample_body(wardrobe.base, rng), None) if body.female == female
        )
        looks = sample_looks(wardrobe, body, rng)
        changed = [restyled(looks, wardrobe, body, rng) for _ in range(40)]
        assert all(one.skin is looks.skin and one.eyes is looks.eyes for one in changed)
        for part in ("bag", "headwear"):
            assert 1 <= sum(bool(getattr(one, part)) for one in changed) <= 30
        beards = sum(one.beard is not None for one in changed)
        assert beards == 0 if female else 5 <= beards <= 32
        assert len({tuple(one.hair_colour) for one in changed}) > 3
