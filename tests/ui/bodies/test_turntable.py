"""The looping picture of a body, as Pillow reads it."""

from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from threedsl.render.still import TURNTABLE, VIEWS
from threedsl.ui.bodies import turntable
from threedsl.ui.bodies.turntable import MILLISECONDS, looping, write_turntable
from threedsl.ui.newest import Newest
from threedsl.ui.page import build_demo
from threedsl.ui.prediction import predict


def test_a_loop_shows_every_picture_for_a_while_and_begins_again(tmp_path):
    greys = [np.full((40, 20, 3), 25 * i, np.uint8) for i in range(8)]
    (tmp_path / "loop.webp").write_bytes(looping(greys))
    with Image.open(tmp_path / "loop.webp") as file:
        assert (file.n_frames, file.size, file.info["loop"]) == (8, (20, 40), 0)
        for i in range(8):
            file.seek(i)
            file.load()
            assert file.info["duration"] == MILLISECONDS
            assert np.asarray(file.convert("RGB")).mean() == pytest.approx(25 * i, abs=6)


@pytest.mark.slow
def test_a_body_turns_once_around(model, tmp_path):
    crop = np.random.default_rng(0).integers(0, 256, (256, 128, 3), np.uint8)
    path = Path(write_turntable(predict(model, [crop])[0], tmp_path))
    assert path.name == "body-turning.webp" and path.stat().st_size < 400_000
    with Image.open(path) as file:
        assert file.n_frames == VIEWS and file.size == TURNTABLE[::-1]


def test_an_earlier_body_does_not_turn_in_place_of_the_next(service, monkeypatch):
    turn = next(fn.fn for fn in build_demo(service).fns.values() if fn.name == "turn")
    searches, answer = Newest(), SimpleNamespace(body=SimpleNamespace(prediction=None), turntable="")
    monkeypatch.setattr(turntable, "write_turntable", lambda *_: "turning.webp")
    assert turn(turntable.TURN, answer, searches)[0] == "turning.webp"
    monkeypatch.setattr(turntable, "write_turntable", lambda *_: searches.run(lambda: "turning.webp"))
    assert turn(turntable.TURN, answer, searches) == [gr.skip()] * 2
