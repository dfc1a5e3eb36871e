"""Photos to click: of which people, how large, and known by their files."""

import cv2
import numpy as np

from threedsl.ui.demo_galleries import Shelf
from threedsl.ui.examples.choice import digest, make_examples, make_pairs


def test_examples_are_people_in_other_clothes(demo, tmp_path):
    examples = make_examples(demo, tmp_path / "examples")
    assert [example.photo.name for example in examples] == ["other.jpg"]


def test_large_examples_are_shown_reduced_and_still_known(demo, tmp_path, model):
    large = np.random.default_rng(0).integers(0, 255, (1500, 800, 3), dtype=np.uint8)
    cv2.imwrite(str(demo.examples[0].path), large)
    shelf = Shelf(model, {"tiny": demo}, tmp_path / "cache")
    photo = shelf.examples()[0].photo
    assert photo.parent == tmp_path / "cache" / "examples" and cv2.imread(str(photo)).shape == (1000, 533, 3)
    known = shelf.get("tiny").known
    assert known[digest(photo)] == known[digest(demo.examples[0].path)] == demo.examples[0]


def test_pairs_to_click_show_one_person_in_other_clothes_and_two_people(demo, tmp_path):
    assert make_pairs(demo, tmp_path) == []
    demo.list_portraits = lambda: demo.records
    one, two = make_pairs(demo, tmp_path)
    assert [path.name for path in one] == ["other.jpg", "anna1.jpg"]
    assert [path.name for path in two] == ["anna1.jpg", "ben1.jpg"]
