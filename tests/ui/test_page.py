"""The page as a whole: its endpoints and limits, and what it cannot start without."""

import json
import shutil

import pytest

import app
from tests.models import random_checkpoint, random_model
from threedsl.errors import InputError
from threedsl.ui.page import build_demo, build_service, launch_options
from threedsl.ui.security.limits import ANSWERS_AT_ONCE, BUILDS_AT_ONCE, READS_AT_ONCE


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
        "/search": ["photo", "gallery", "k", "box", "photos", "whole"],
        "/compare": ["photo", "other", "box", "other_box", "whole"],
        "/reconstruct": ["photo", "box", "whole"],
        "/build_gallery": ["files", "title"],
        "/galleries": [],
    }


@pytest.mark.slow
def test_nothing_runs_without_a_limit(page):
    limits = {"answers": ANSWERS_AT_ONCE, "reads": READS_AT_ONCE, "builds": BUILDS_AT_ONCE}
    heavy = [fn for fn in page.fns.values() if fn.concurrency_id in limits]
    assert len(heavy) >= 12 and {fn.concurrency_id for fn in heavy} == set(limits)
    assert all(fn.concurrency_limit == limits[fn.concurrency_id] for fn in heavy)
    others = [fn for fn in page.fns.values() if fn.concurrency_id not in limits and fn.fn is not None]
    assert all(fn.concurrency_limit is not None or not fn.queue for fn in others)
    assert max(page.delete_cache) <= 3600
    assert launch_options()["max_file_size"] <= 100 * 2**20


def test_fonts_come_from_the_visitors_machine():
    assert launch_options()["theme"]._get_theme_css() and not any(launch_options()["theme"]._stylesheets)


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_what_is_done_at_once_comes_before_a_gallery_is_built(page):
    """A browser runs the events of one click one after the other, each to its end."""
    (build,) = (number for number, block in page.blocks.items() if block.elem_id == "gallery-build")
    events = [fn for fn in page.fns.values() if (build, "click") in fn.targets]
    assert [fn.fn is None for fn in events] == [True, True, False]


def test_a_search_that_fails_leaves_no_other_matches(page):
    (rows,) = (number for number, block in page.blocks.items() if block.elem_id == "rows")
    searches = [
        number
        for number, fn in page.fns.items()
        if fn.name == "show_search" and fn.concurrency_id == "answers"
    ]
    emptied = {
        fn.trigger_after
        for fn in page.fns.values()
        if fn.trigger_only_on_failure and rows in [block._id for block in fn.outputs]
    }
    assert len(searches) >= 10 and set(searches) <= emptied
