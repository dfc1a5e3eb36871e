"""An opened match: the query next to a picture of the gallery."""

import numpy as np
import pytest
import trimesh

from threedsl.body.comparison import HEIGHT
from threedsl.errors import InputError
from threedsl.ui.compare.view import pair_html, pair_values, tables_html
from threedsl.ui.gallery.handlers import build
from threedsl.ui.search import handlers
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add


@pytest.fixture
def searched(service, demo):
    query = add(None, [read_photo(demo.records[2].path)])
    answer, _, _ = handlers.search(service, None, query, "tiny", 3)
    return query, answer


@pytest.mark.slow
def test_a_match_is_opened_with_both_bodies_in_one_file(service, demo, searched):
    query, answer = searched
    pair, mine, found = handlers.open_match(service, "tiny", query, answer, "4")
    assert found.title == "carl" and mine.title == "Your photo" and found.crop.shape == (128, 64, 3)
    scene = trimesh.load(pair.glb)
    assert len(scene.geometry) == 2
    first, second = (scene.geometry[name] for name in ("body", "body-2"))
    assert first.bounds[1, 0] < second.bounds[0, 0], "side by side, the query on the left"
    assert first.bounds[0, 1] == pytest.approx(0, abs=1e-3) == second.bounds[0, 1]
    assert pair.scores["shape"] == pytest.approx(
        next(card.score for card in rows_of(service, query)["shape"] if card.index == 4), abs=1e-5
    )


@pytest.mark.slow
def test_a_match_in_an_own_gallery_has_the_scores_of_its_card(service, searched, demo):
    query, _ = searched
    uploads = [{"path": str(demo.records[i].path)} for i in (0, 4)]
    own = build(service, uploads, "", "anna").gallery
    service.visitors.replace("anna", own.name, own.index.weighed(0.8))
    answer, *_ = handlers.search(service, None, query, own.name, 2, session="anna")
    for row in range(2):
        pair, *_ = handlers.open_match(service, own.name, query, answer, row, "anna")
        cards = {
            name: card.score for name, cards in answer.rows.items() for card in cards if card.index == row
        }
        assert pair.scores == pytest.approx(cards, abs=1e-6)


def rows_of(service, query):
    return handlers.search(service, None, query, "tiny", 6)[0].rows


@pytest.mark.slow
def test_the_heat_map_is_in_one_pose_at_one_height_with_colours(service, searched):
    query, answer = searched
    pair, *_ = handlers.open_match(service, "tiny", query, answer, 0)
    scene = trimesh.load(pair.heat_glb)
    colours = [mesh.visual.vertex_attributes["color"] for mesh in scene.geometry.values()]
    for mesh in scene.geometry.values():
        assert np.ptp(mesh.vertices[:, 1]) == pytest.approx(HEIGHT / 100, abs=1e-4)
    assert np.array_equal(*colours) and len(np.unique(colours[0], axis=0)) > 1
    assert pair.still.shape == (400, 480, 3) and pair.heat_still.shape == (400, 960, 3)
    itself, *_ = handlers.open_match(service, "tiny", query, answer, 2)
    plain = next(iter(trimesh.load(itself.heat_glb).geometry.values())).visual.vertex_attributes["color"]
    assert len(np.unique(plain, axis=0)) == 1, "the same picture: blue all over"
    assert plain[0][2] > plain[0][0] and itself.scores["combined"] == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_a_demo_body_is_predicted_once(service, searched, model, monkeypatch):
    query, answer = searched
    handlers.open_match(service, "tiny", query, answer, 1)
    monkeypatch.setattr(type(model), "__call__", None)
    handlers.open_match(service, "tiny", query, answer, 1)


@pytest.mark.slow
def test_a_forgotten_search_is_a_sentence(service, searched):
    query, answer = searched
    for arguments in (
        (None, answer, 1),
        (query, None, 1),
        (query, answer, None),
        (query, answer, "-1"),
    ):
        with pytest.raises(InputError, match="has expired; please search again"):
            handlers.open_match(service, "tiny", *arguments)
    with pytest.raises(InputError, match="no longer in the gallery"):
        handlers.open_match(service, "tiny", query, answer, 6)
    with pytest.raises(InputError, match="unknown"):
        handlers.open_match(service, "mine-1", query, answer, 1)


class Measured:
    """A calibration whose numbers can be told."""

    limits = "Does not transfer."
    curves = ("appearance", "shape", "combined")

    def same(self, stream, score):
        return {"appearance": 0.5, "shape": 0.004, "combined": 0.999}[stream]

    same_of_two = same

    def false_match_rate(self, stream, score):
        return 0.05

    def sentence(self, stream, score):
        return f"By {stream}: {score:.2f}."


@pytest.mark.slow
def test_what_a_score_means_is_told_with_its_limits(service, searched):
    query, _ = searched
    service.calibration = Measured()
    answer, *_ = handlers.search(service, None, query, "tiny", 2)
    assert answer.rows["shape"][0].same_share == 0.004
    opened = handlers.open_match(service, "tiny", query, answer, 1)
    told = pair_html(*opened, service.calibration)
    assert "not measured on photos like yours" in told and "100" not in told, (
        "shares stand in the table alone"
    )
    html = tables_html(opened[0], service.calibration)
    assert "Does not transfer." in html
    assert (
        "50 in 100" in html and "&lt; 1 in 100" in html and "99 in 100" in html and "100 in 100" not in html
    )


@pytest.mark.slow
def test_without_a_calibration_the_score_stands_alone(service, searched):
    query, answer = searched
    pair, *_ = handlers.open_match(service, "tiny", query, answer, 1)
    html = tables_html(pair, None)
    assert "in 100" not in html and "1.00 = identical" in html and "Same person" not in html
    for words in ("Head", "Shoulders", "Chest", "Waist", "Hips", "Arms", "Legs", "waist girth", "170 cm"):
        assert words in html


@pytest.mark.slow
def test_names_of_a_gallery_cannot_carry_html(service, searched):
    query, answer = searched
    pair, mine, found = handlers.open_match(service, "tiny", query, answer, 1)
    html = pair_html(pair, mine, type(found)("<img src=x onerror=alert(1)>", found.crop), None)
    assert "<img src=x" not in html


@pytest.mark.slow
def test_values_fit_the_components(service, searched):
    query, answer = searched
    values = pair_values(*handlers.open_match(service, "tiny", query, answer, 1), None)
    assert len(values) == 8 and values[5].value["path"] and values[5].interactive
