"""A gallery as one zip keeps the weights it was searched with."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.zips import crop
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.gallery.archive import open_archive
from threedsl.gallery.exchange import read_exported, write_exported

SHARE, MODELS = 0.8, 0.3


@pytest.fixture
def exported(tmp_path) -> Path:
    """A zip of four pictures with random descriptors of widths 8 and 6, whose shape stream has SHARE."""
    rng = np.random.default_rng(3)
    streams = [rng.normal(size=(4, width)).astype(np.float32) for width in (8, 6)]
    streams = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in streams]
    records = [Record(Path(f"{number}.png"), "anna") for number in range(4)]
    path = tmp_path / "exported.zip"
    write_exported(
        path,
        "Holiday",
        Gallery(records, *streams, "f" * 64, shape_share=SHARE),
        [crop(number) for number in range(4)],
    )
    return path


def with_header(path: Path, change) -> Path:
    """The zip with its header changed."""
    with zipfile.ZipFile(path) as found:
        files = {name: found.read(name) for name in found.namelist()}
    header = json.loads(files["records.json"])
    change(header)
    with zipfile.ZipFile(path, "w") as fresh:
        for name, data in (files | {"records.json": json.dumps(header).encode()}).items():
            fresh.writestr(name, data)
    return path


def imported(path: Path) -> Gallery:
    with open_archive(path, path.name) as found:
        return read_exported(found, "f" * 64, (8, 6), 500, MODELS).gallery


def test_the_shape_streams_weight_is_kept(exported, tmp_path):
    assert imported(exported).shape_share == SHARE
    with zipfile.ZipFile(exported) as found:
        found.extractall(tmp_path / "index")
    assert Gallery.load(tmp_path / "index").shape_share == SHARE


def test_an_earlier_export_has_the_models_weight(exported):
    assert imported(with_header(exported, lambda header: header.pop("shape_share"))).shape_share == MODELS


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan"), 10**30, True, "0.5", None, [0.5]])
def test_a_weight_that_is_none_is_refused(exported, share):
    with pytest.raises(
        InputError, match=r"^exported\.zip is damaged \(shape_share is no number between 0 and 1"
    ):
        imported(with_header(exported, lambda header: header.update(shape_share=share)))
