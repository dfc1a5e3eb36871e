"""`embed`: killed, resumed and shared, it writes the same bytes."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.models import random_model
from threedsl import ThreeDSL
from threedsl.cli import main
from threedsl.cli.embed import own_share, write_npz
from threedsl.data.listfile import Record, records_from
from threedsl.embedding import blocks
from threedsl.embedding.stored import columns
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import DescriptorCache
from threedsl.gallery import Filter, Gallery

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURES, BLOCK = 22, 4
SMALL_BLOCKS = (
    f"import sys, threedsl.embedding.blocks as e; e.BLOCK, e.BATCH = {BLOCK}, 3\n"
    "from threedsl.cli import main; sys.exit(main(sys.argv[1:]))"
)
# From within: outside, the moment between two blocks cannot be seen.
KILLED = f"""
import os, signal
from threedsl.embedding import blocks
write = blocks._write_block
def write_two(job, number, *rest):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    write(job, number, *rest)
blocks._write_block = write_two
{SMALL_BLOCKS}
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """22 noisy crops, one of them twice and one of them no picture, in one folder per person."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(8)
    for number in range(PICTURES - 2):
        path = folder / f"p{number % 5}" / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (96, 48, 3), np.uint8)).save(path)
    (folder / "p0" / "again.png").write_bytes((folder / "p4" / "04.png").read_bytes())
    (folder / "p1" / "broken.png").write_bytes(b"\x89PNG no picture")
    return folder


def embed(
    pictures: Path, out: Path, cache: Path, program: str = SMALL_BLOCKS, **own: str
) -> subprocess.Popen:
    """The command in a process of its own, with blocks of four pictures."""
    return subprocess.Popen(
        [sys.executable, "-c", program, "embed", str(pictures), "--out", str(out), "--whole"],
        env=os.environ | {"THREEDSL_CACHE": str(cache), "OMP_NUM_THREADS": "1"} | own,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory) -> bytes:
    """What an uninterrupted run writes."""
    folder = tmp_path_factory.mktemp("whole")
    run = embed(pictures, folder / "out.npz", folder / "cache")
    said, _ = run.communicate(timeout=900)
    assert run.returncode == 0, said
    assert "broken.png" in said and f"{PICTURES - 1} embeddings" in said and "again.png" in said
    assert [path.name for path in folder.iterdir() if path.name != "cache"] == ["out.npz"]
    return (folder / "out.npz").read_bytes()


@pytest.mark.slow
def test_it_is_what_the_model_says(whole, pictures, tmp_path):
    (tmp_path / "out.npz").write_bytes(whole)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as file:
        paths, appearance, shape = file["path"], file["appearance"], file["shape"]
    assert len(set(paths)) == PICTURES - 1
    expected = ThreeDSL.from_pretrained(device="cpu")(list(paths), bodies=False)
    np.testing.assert_allclose(appearance, expected.appearance, atol=1e-4)
    np.testing.assert_allclose(shape, expected.shape, atol=1e-4)


@pytest.mark.slow
def test_killed_and_resumed_it_writes_the_same_bytes(whole, pictures, tmp_path):
    out = tmp_path / "out.npz"
    run = embed(pictures, out, tmp_path / "cache", KILLED)
    said, _ = run.communicate(timeout=900)
    assert run.returncode == -signal.SIGKILL, said
    kept = {path: path.stat().st_mtime_ns for path in parts(tmp_path)}
    assert len(kept) == 2 and not out.exists()
    again = embed(
        pictures, out, tmp_path / "cache", WORLD_SIZE="2", RANK="1"
    )  # leaves what the first has to do
    again.communicate(timeout=900)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a block was computed again"
    last = embed(pictures, out, tmp_path / "cache")
    said, _ = last.communicate(timeout=900)
    assert last.returncode == 0, said
    assert out.read_bytes() == whole
    assert not parts(tmp_path)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(whole, pictures, tmp_path):
    runs = [
        embed(pictures, tmp_path / "out.npz", tmp_path / "cache", RANK=str(rank), WORLD_SIZE="2")
        for rank in (0, 1)
    ]
    said = [run.communicate(timeout=900)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert (tmp_path / "out.npz").read_bytes() == whole
    assert not parts(tmp_path)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".out.npz.*.parts/*.npz"))


class Counting:
    """The model, which counts the pictures it is given."""

    def __init__(self, model: ThreeDSL):
        self.model, self.seen = model, 0
        self.fingerprint, self.backend, self.config = model.fingerprint, model.backend, model.config
        self.input_size = model.input_size

    def __call__(self, crops, **options):
        self.seen += len(crops)
        return self.model(crops, **options)


@pytest.mark.slow
def test_the_cache_is_used_and_filled(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", BLOCK)
    model = Counting(ThreeDSL.from_pretrained(device="cpu"))
    cache = DescriptorCache(tmp_path / "descriptors", model.fingerprint, False)
    written = []
    for name in ("first.npz", "second.npz"):
        job = blocks.Job(model, records_from(pictures), False, tmp_path / name, cache)
        blocks.compute(job, 0, 1, lambda done, total: None)
        assert blocks.finish(job)[0] == PICTURES - 1
        written.append((tmp_path / name).read_bytes())
        assert model.seen == PICTURES - 1  # all of them the first time, none the second
    assert written[0] == written[1]
    job = blocks.Job(model, records_from(pictures), False, tmp_path / "second.npz", cache)
    assert job.is_complete
    (pictures / "p2" / "02.png").touch()
    assert not blocks.Job(model, records_from(pictures), False, tmp_path / "second.npz", cache).is_complete


@pytest.mark.parametrize("rank, world", [("2", "2"), ("-1", "2"), ("x", "2"), ("0", "0"), ("0", "99999")])
def test_a_wrong_share_is_refused(monkeypatch, rank, world):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(InputError, match="must be whole numbers, RANK from 0"):
        own_share()


@pytest.mark.slow
def test_nothing_readable_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    assert main(["embed", str(tmp_path / "in"), "--out", str(tmp_path / "out.npz"), "--whole"]) == 2
    assert "No picture of the list can be read" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_times_are_written(tmp_path):
    """Without them a filter by time found nothing in a gallery of the file."""
    model, times = random_model(), [100.0, None, 0.0]
    records = [Record(tmp_path / f"{number}.png", "anna", time=time) for number, time in enumerate(times)]
    for record in records:
        Image.new("RGB", (32, 64)).save(record.path)
    timed = blocks.Job(model, records, False, tmp_path / "out.npz")
    blocks.compute(timed, 0, 1, lambda done, total: None)
    blocks.finish(timed)
    gallery = Gallery.open(timed.out, model)
    assert list(gallery.records) == records
    assert gallery.records.allowed(Filter(since=50)).tolist() == [True, False, False]
    write_npz(gallery, tmp_path / "again.npz")
    assert list(Gallery.open(tmp_path / "again.npz", model).records) == records
    assert timed.is_complete
    untimed = [replace(record, time=None) for record in records]
    assert not blocks.Job(model, untimed, False, timed.out).is_complete
    assert "time" not in columns(untimed) and "time" not in columns([])


def test_what_was_left_out_is_said_again(tmp_path, monkeypatch):
    """As by a process that comes when another one has put the blocks together, and by the same command once more."""
    records = [Record(tmp_path / f"{number}.png", "anna") for number in range(3)]
    for record in records[::2]:
        Image.new("RGB", (32, 64)).save(record.path)
    records[1].path.write_bytes(b"\x89PNG no picture")
    job = blocks.Job(random_model(), records, False, tmp_path / "out.npz")
    blocks.compute(job, 0, 1, lambda done, total: None)
    count, (sentence,) = blocks.finish(job)
    assert count == 2 and str(records[1].path) in sentence
    again = f"{records[1].path} could not be read when {job.out} was written."
    assert blocks.finish(job) == blocks.written(job) == (2, [again])


def test_the_same_command_twice_at_once_leaves_no_blocks(tmp_path):
    """The second one goes on with blocks after the first one has written the file and removed them."""
    records = [Record(tmp_path / "0.png", "anna")]
    Image.new("RGB", (32, 64)).save(records[0].path)
    job = blocks.Job(random_model(), records, False, tmp_path / "out.npz")
    for _ in range(2):
        blocks.compute(job, 0, 1, lambda done, total: None)
    written = [blocks.finish(job)]
    blocks.compute(job, 0, 1, lambda done, total: None)
    written.append(blocks.finish(job))
    assert written == [(1, []), (1, [])] and not job.folder.exists()


def test_a_picture_that_changes_meanwhile_is_not_kept_under_its_old_digest(tmp_path, monkeypatch):
    records = [Record(tmp_path / f"{number}.png", "anna") for number in range(2)]
    for record, colour in zip(records, ("red", "blue"), strict=True):
        Image.new("RGB", (32, 64), colour).save(record.path)
    before, model = records[0].path.read_bytes(), random_model()
    cache = DescriptorCache(tmp_path / "descriptors", model.fingerprint, False, model.backend)
    read = blocks._read

    def late(record, **options):
        Image.new("RGB", (32, 64), "green").save(records[0].path)
        return read(record, **options)

    monkeypatch.setattr(blocks, "_read", late)
    job = blocks.Job(model, records, False, tmp_path / "out.npz", cache)
    blocks.compute(job, 0, 1, lambda done, total: None)
    assert blocks.finish(job)[0] == 2
    records[0].path.write_bytes(before)
    digests = [blocks._digest(record) for record in records]
    assert list(cache.find(set(digests))) == digests[1:]
