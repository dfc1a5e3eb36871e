"""The looping picture of a body, as Pillow reads it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from threedsl.render.still import TURNTABLE, VIEWS
from threedsl.ui.bodies.turntable import MILLISECONDS, looping, write_turntable
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
