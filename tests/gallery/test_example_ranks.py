"""The order of the page's examples, and what is read back of it."""

import json

import pytest

from threedsl.gallery.example_ranks import (
    FILE,
    ExampleRank,
    GalleryRanks,
    Spread,
    as_json,
    in_order,
    read_example_ranks,
)


def example(name: str, appearance: int, shape: int, combined: int) -> ExampleRank:
    return ExampleRank(name, name, {"appearance": appearance, "shape": shape, "combined": combined})


EXAMPLES = [
    example("hopeless", 14, 13, 11),
    example("hard", 1, 2, 2),
    example("easy", 1, 1, 1),
    example("shape alone", 3, 1, 2),
    example("telling", 4, 1, 1),
    example("more telling", 9, 1, 1),
]


def test_examples_in_which_shape_changes_the_answer_come_first_and_hard_ones_last():
    ordered = in_order(EXAMPLES)
    assert [one.person for one in ordered] == [
        "more telling",
        "telling",
        "shape alone",
        "easy",
        "hard",
        "hopeless",
    ]
    assert [one.person for one in ordered if one.hard] == ["hard", "hopeless"]
    assert in_order(EXAMPLES[::-1]) == ordered


def test_what_was_written_is_read_back_for_the_same_weights_alone(tmp_path):
    ranks = {"demo": GalleryRanks(7, tuple(EXAMPLES), Spread(0.7, 0.9))}
    (tmp_path / FILE).write_text(json.dumps(as_json("abc", ranks)))
    assert read_example_ranks(tmp_path, "abc") == ranks
    assert ranks["demo"].first() == {"appearance": 2, "shape": 4, "combined": 3}
    assert read_example_ranks(tmp_path, "other weights") == {}
    assert read_example_ranks(tmp_path / "nowhere", "abc") == read_example_ranks(None, "abc") == {}


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"fingerprint": "abc", "galleries": {"demo": {"pictures": 7}}}',
        '{"fingerprint": "abc", "galleries": [1]}',
    ],
)
def test_a_damaged_file_is_ignored(tmp_path, damage):
    (tmp_path / FILE).write_text(damage)
    assert read_example_ranks(tmp_path, "abc") == {}


def test_a_rank_below_one_is_damage(tmp_path):
    ranks = {"demo": GalleryRanks(7, (example("x", 0, 1, 1),), Spread(0.7, 0.9))}
    (tmp_path / FILE).write_text(json.dumps(as_json("abc", ranks)))
    assert read_example_ranks(tmp_path, "abc") == {}
