"""An opened match, and results as files."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from threedsl.comparison import HEAT, HEIGHT
from threedsl.errors import InputError
from threedsl.ui import handlers
from threedsl.ui.cards import Card
from threedsl.ui.downloads import as_csv, as_json, harmless, write_downloads
from threedsl.ui.pair_view import legend, pair_html, pair_values, signed, tables_html
from threedsl.ui.people import read_photo
from threedsl.ui.query import add
from threedsl.ui.service import Service


@pytest.fixture
def service(model, demo, tmp_path):
    return Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")


@pytest.fixture
def searched(service, demo):
    query = add(None, [read_photo(demo.records[2].path)])
    answer, _, _ = handlers.answer_query(service, None, query, "tiny", 3)
    return query, answer


def test_a_match_is_opened_with_both_bodies_in_one_file(service, demo, searched):
    query, answer = searched
    pair, mine, found = handlers.open_match(service, "tiny", query, answer.shown, "4")
    assert found.title == "carl" and mine.title == "Your photo" and found.crop.shape == (128, 64, 3)
    scene = trimesh.load(pair.glb)
    assert len(scene.geometry) == 2
    first, second = (scene.geometry[name] for name in ("body", "body-2"))
    assert first.bounds[1, 0] < second.bounds[0, 0], "side by side, the query on the left"
    assert first.bounds[0, 1] == pytest.approx(0, abs=1e-3) == second.bounds[0, 1]
    assert pair.scores["shape"] == pytest.approx(
        next(card.score for card in rows_of(service, query)["shape"] if card.index == 4), abs=1e-5
    )


def rows_of(service, query):
    return handlers.answer_query(service, None, query, "tiny", 6)[0].rows


def test_the_heat_map_is_in_one_pose_at_one_height_with_colours(service, searched):
    query, answer = searched
    pair, *_ = handlers.open_match(service, "tiny", query, answer.shown, 0)
    scene = trimesh.load(pair.heat_glb)
    colours = [mesh.visual.vertex_attributes["color"] for mesh in scene.geometry.values()]
    for mesh in scene.geometry.values():
        assert np.ptp(mesh.vertices[:, 1]) == pytest.approx(HEIGHT / 100, abs=1e-4)
    assert np.array_equal(*colours) and len(np.unique(colours[0], axis=0)) > 1
    assert pair.still.shape == (400, 480, 3) and pair.heat_still.shape == (400, 960, 3)
    itself, *_ = handlers.open_match(service, "tiny", query, answer.shown, 2)
    plain = next(iter(trimesh.load(itself.heat_glb).geometry.values())).visual.vertex_attributes["color"]
    assert len(np.unique(plain, axis=0)) == 1, "the same picture: blue all over"
    assert plain[0][2] > plain[0][0] and itself.scores["combined"] == pytest.approx(1, abs=1e-4)


def test_a_demo_body_is_predicted_once(service, searched, model, monkeypatch):
    query, answer = searched
    handlers.open_match(service, "tiny", query, answer.shown, 1)
    monkeypatch.setattr(type(model), "__call__", None)
    handlers.open_match(service, "tiny", query, answer.shown, 1)


def test_a_forgotten_search_is_a_sentence(service, searched):
    query, answer = searched
    for arguments in (
        (None, answer.shown, 1),
        (query, None, 1),
        (query, answer.shown, None),
        (query, answer.shown, "-1"),
    ):
        with pytest.raises(InputError, match="forgotten in the meantime; search again"):
            handlers.open_match(service, "tiny", *arguments)
    with pytest.raises(InputError, match="not in the gallery any more"):
        handlers.open_match(service, "tiny", query, answer.shown, 6)
    with pytest.raises(InputError, match="unknown"):
        handlers.open_match(service, "mine-1", query, answer.shown, 1)


class Measured:
    """A calibration whose numbers can be told."""

    limits = "Does not transfer."
    curves = ("appearance", "shape", "combined")

    def same(self, stream, score):
        return {"appearance": 0.5, "shape": 0.004, "combined": 0.999}[stream]

    def false_match_rate(self, stream, score):
        return 0.05

    def sentence(self, stream, score):
        return f"By {stream}: {score:.2f}."


def test_what_a_score_means_is_told_with_its_limits(service, searched):
    query, _ = searched
    service.calibration = Measured()
    answer, *_ = handlers.answer_query(service, None, query, "tiny", 2)
    assert answer.rows["shape"][0].same_share == 0.004
    opened = handlers.open_match(service, "tiny", query, answer.shown, 1)
    told = pair_html(*opened, service.calibration)
    assert "Not measured on photos like yours" in told and "100" not in told, (
        "shares stand in the table alone"
    )
    html = tables_html(opened[0], service.calibration)
    assert "Does not transfer." in html
    assert (
        "50 in 100" in html and "&lt; 1 in 100" in html and "99 in 100" in html and "100 in 100" not in html
    )


def test_without_a_calibration_the_score_stands_alone(service, searched):
    query, answer = searched
    pair, *_ = handlers.open_match(service, "tiny", query, answer.shown, 1)
    html = tables_html(pair, None)
    assert "in 100" not in html and "1.00 would be identical" in html and "Same person" not in html
    for words in ("Head", "Shoulders", "Chest", "Waist", "Hips", "Arms", "Legs", "waist girth", "170 cm"):
        assert words in html


def test_names_of_a_gallery_cannot_carry_html(service, searched):
    query, answer = searched
    pair, mine, found = handlers.open_match(service, "tiny", query, answer.shown, 1)
    html = pair_html(pair, mine, type(found)("<img src=x onerror=alert(1)>", found.crop), None)
    assert "<img src=x" not in html


def test_values_fit_the_components(service, searched):
    query, answer = searched
    values = pair_values(*handlers.open_match(service, "tiny", query, answer.shown, 1), None)
    assert len(values) == 8 and values[5].value["path"] and values[5].interactive


def test_the_legend_has_the_colours_of_the_bodies():
    html = legend()
    assert all(f"rgb{colour}" in html for _, colour in HEAT) and "170 cm" in html


def test_signs_are_kept_where_they_mean_something():
    assert [signed(value) for value in (1.26, -1.26, 0.04, -0.04)] == ["+1.3", "−1.3", "0.0", "0.0"]


def card(person: str, picture: str = "a.jpg", score: float = -0.25) -> Card:
    return Card(1, person, picture, score, None, "", 0, {"shape": 3, "combined": 2}, 0.5)


ATTACKS = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1",
    "  =1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    "%0A=1",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_spreadsheet_runs_what_a_file_is_called(text):
    rows = list(csv.DictReader(io.StringIO(as_csv({"appearance": [card(text, f"{text}.jpg")]}))))
    assert len(rows) == 1
    for cell in (rows[0]["person"], rows[0]["picture"]):
        assert cell.startswith("'") and cell[1:].rstrip(".jpg").startswith(text.rstrip(".jpg")[:2])


def test_ordinary_names_and_numbers_stay_as_they_are():
    assert (
        harmless("P001") == "P001" and harmless("") == "" and harmless("Ann-Kathrin, 2") == "Ann-Kathrin, 2"
    )
    row = next(csv.DictReader(io.StringIO(as_csv({"appearance": [card('Ann "A", 2\n')]}))))
    assert row["person"] == 'Ann "A", 2\n' and float(row["score"]) == -0.25
    assert (row["rank_by_appearance"], row["rank_by_shape"], row["rank_by_both"]) == ("1", "3", "2")
    assert row["same_person"] == "" and row["same_share"] == "0.5"


def test_files_hold_every_match_under_paths_nobody_guesses(service, searched, tmp_path):
    _, answer = searched
    table, plain = write_downloads(tmp_path, answer.rows, "tiny", 3)
    assert (Path(table).name, Path(plain).name) == ("matches.csv", "matches.json")
    assert len(Path(table).parent.name) >= 24 and Path(table).parent != Path(plain).parent
    lines = list(csv.DictReader(io.StringIO(Path(table).read_bytes().decode("utf-8-sig"), newline="")))
    found = json.loads(Path(plain).read_text())
    assert found == json.loads(as_json(answer.rows, "tiny", 3)) and found["k"] == 3
    assert [(line["ranking"], line["picture"]) for line in lines] == [
        (stream, match["picture"]) for stream, matches in found["results"].items() for match in matches
    ]
