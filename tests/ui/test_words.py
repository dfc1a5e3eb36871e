"""HTML of rows and measures, errors as sentences, and what the page asks of Gradio."""

import json
import shutil

import gradio as gr
import pytest

import app
from tests.models import random_checkpoint, random_model
from threedsl.errors import InputError
from threedsl.ui.cards import Card, empty_rows, measures_table, ranked_rows
from threedsl.ui.page import build_demo, build_service, launch_options
from threedsl.ui.words import in_words


def card(rank: int, same: bool | None, person: str = "P001") -> Card:
    return Card(rank, person, "a.jpg", 0.5, same, "data:image/jpeg;base64,AA")


def test_frames_tell_the_same_person_without_their_colour():
    html = ranked_rows({"shape": [card(1, False), card(2, True), card(3, None)]}, "people")
    assert html.count('class="card other"') == html.count('class="card same"') == 1
    assert "✗ P001" in html and "✓ P001" in html and html.count('class="card unknown"') == 1
    assert "✓ first found at rank 2" in html


def test_a_row_says_when_the_person_is_not_in_it():
    assert "✗ not in the first 2" in ranked_rows({"shape": [card(1, False), card(2, False)]}, "people")
    unknown = ranked_rows({"shape": [card(1, None)]}, "people")
    assert "✗" not in unknown and "✓" not in unknown


def test_names_cannot_carry_html():
    html = ranked_rows({"combined": [card(1, None, "<img src=x onerror=alert(1)>")]}, "<b>")
    assert "<img src=x" not in html and "<b>" not in html.replace("<b>1</b>", "")
    assert "<script" not in measures_table({"<script>": 0.5})


def test_rows_keep_their_places_before_the_first_answer():
    html = empty_rows()
    for title in ("By appearance", "By 3D body shape", "By both"):
        assert title in html
    assert "img" not in html


def test_measures_show_numbers_and_names():
    html = measures_table({"leg_length": 0.478, "hips": 0.2})
    assert "leg length" in html and "0.48" in html and "width:100%" in html


def test_input_errors_become_the_same_sentence():
    @in_words
    def refuse():
        raise InputError("The photo is empty.")

    with pytest.raises(gr.Error) as error:
        refuse()
    assert error.value.message == "The photo is empty." and not error.value.print_exception


def test_defects_show_nothing_of_the_inside(caplog):
    @in_words
    def fail():
        raise KeyError("/secret/path")

    with pytest.raises(gr.Error) as error:
        fail()
    assert "secret" not in error.value.message and "try another photo" in error.value.message
    assert "/secret/path" in caplog.text


@pytest.fixture
def page(model, demo, tmp_path):
    return build_demo(build_service(model, {"tiny": demo}, tmp_path))


def test_only_the_documented_endpoints_are_public(page):
    assert set(page.get_api_info()["named_endpoints"]) == {
        "/search",
        "/compare",
        "/reconstruct",
        "/build_gallery",
        "/galleries",
    }
    assert not page.get_api_info()["unnamed_endpoints"]


def test_parameters_of_the_api_keep_their_names(page):
    endpoints = page.get_api_info()["named_endpoints"]
    names = {name: [p["parameter_name"] for p in end["parameters"]] for name, end in endpoints.items()}
    assert names == {
        "/search": ["photo", "gallery", "k", "box", "photos"],
        "/compare": ["photo", "other", "box", "other_box"],
        "/reconstruct": ["photo", "box"],
        "/build_gallery": ["files", "title"],
        "/galleries": [],
    }


def test_nothing_runs_without_a_limit(page):
    heavy = [fn for fn in page.fns.values() if fn.concurrency_id == "model"]
    assert len(heavy) >= 8 and all(fn.concurrency_limit == 2 for fn in heavy)
    assert max(page.delete_cache) <= 3600
    assert launch_options()["max_file_size"] <= 100 * 2**20


def test_fonts_come_from_the_visitors_machine():
    assert launch_options()["theme"]._get_theme_css() and not any(launch_options()["theme"]._stylesheets)


def test_the_page_needs_a_shape_stream():
    with pytest.raises(InputError, match="no shape stream"):
        build_service(random_model(shape_stream=False), {})


def test_the_page_needs_a_gallery(model):
    with pytest.raises(InputError, match="openpeople"):
        build_service(model, {})


def damaged(folder):
    shard = next(folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:5000])


def of_another_configuration(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"descriptor": 128}))


def missing(folder):
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, "does not exist; give a folder"),
        (damaged, "is damaged"),
        (of_another_configuration, "do not fit its config.json"),
    ],
)
def test_starting_with_a_bad_checkpoint_is_one_sentence_and_exit_code_2(spoil, words, tmp_path, capsys):
    spoil(random_checkpoint(tmp_path / "checkpoint"))
    with pytest.raises(SystemExit) as stop:
        app.main(["--checkpoint", str(tmp_path / "checkpoint"), "--device", "cpu"])
    assert stop.value.code == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith("app.py: ") and error.count("\n") == 1
    assert words in error and str(tmp_path / "checkpoint") in error
