"""Checkpoints come back bit for bit and stay small enough for git."""

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.checkpoint.files import changed, shards, with_index
from tests.models import random_checkpoint, random_model
from tests.pictures import person_like
from threedsl.checkpoint import folder as checkpoint_folder
from threedsl.checkpoint import weights as checkpoint
from threedsl.errors import InputError
from threedsl.locks import locked
from threedsl.pipeline import ThreeDSL

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT = 10_000_000


@pytest.mark.slow
def test_round_trip_is_bitwise(saved):
    model, folder = saved
    again = ThreeDSL.from_pretrained(folder, device="cpu")
    before, after = model.network.state_dict(), again.network.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert again.config == model.config and again.fingerprint == model.fingerprint
    picture = person_like()
    assert np.array_equal(model([picture]).combined, again([picture]).combined)
    assert np.array_equal(model([picture]).bodies.vertices, again([picture]).bodies.vertices)


@pytest.mark.slow
def test_every_file_is_small_and_the_card_survives(saved):
    _, folder = saved
    assert len(shards(folder)) > 1
    assert all(path.stat().st_size < LIMIT for path in folder.iterdir())
    assert (folder / "README.md").read_text() == "# card"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_half_precision_is_half_the_size_and_settles(saved, tmp_path):
    model, folder = saved
    model.save_pretrained(tmp_path, half=True)
    size, full = (sum(path.stat().st_size for path in shards(place)) for place in (tmp_path, folder))
    assert 0.45 < size / full < 0.6
    half = ThreeDSL.from_pretrained(tmp_path, device="cpu")
    assert half.fingerprint != model.fingerprint
    cosine = (half([person_like()]).combined * model([person_like()]).combined).sum()
    assert cosine > 0.999
    kept = [
        value.dtype
        for path in shards(tmp_path)
        for name, value in load_file(path).items()
        if "running" in name
    ]
    assert set(kept) == {torch.float32}
    half.save_pretrained(tmp_path / "again", half=True)
    assert ThreeDSL.from_pretrained(tmp_path / "again", device="cpu").fingerprint == half.fingerprint


@pytest.mark.slow
def test_saving_again_leaves_no_old_piece(saved, tmp_path):
    model, _ = saved
    model.save_pretrained(tmp_path)
    before = len(shards(tmp_path))
    model.save_pretrained(tmp_path, half=True)
    assert len(shards(tmp_path)) < before
    ThreeDSL.from_pretrained(tmp_path, device="cpu")


@pytest.mark.slow
def test_a_save_that_is_cut_short_leaves_the_old_weights(saved, tmp_path, monkeypatch):
    """Stopped at every single rename and deletion in turn, the folder always holds one whole model."""
    old, new = saved[0], random_model(seed=1)
    replace, unlink = Path.replace, Path.unlink
    found = []
    for stop in range(100):
        folder = tmp_path / str(stop)
        shutil.copytree(saved[1], folder)
        steps = iter(range(100))

        def counted(call, steps=steps, stop=stop):
            def step(self, *arguments, **options):
                if next(steps) == stop:
                    raise KeyboardInterrupt
                return call(self, *arguments, **options)

            return step

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", counted(replace))
            patch.setattr(Path, "unlink", counted(unlink))
            try:
                new.save_pretrained(folder)
                break
            except KeyboardInterrupt:
                found.append(ThreeDSL.from_pretrained(folder, device="cpu").fingerprint)
                shutil.rmtree(folder)
    pieces = len(shards(saved[1]))
    assert found == [old.fingerprint] * (pieces + 2) + [new.fingerprint] * pieces
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == new.fingerprint
    assert len(shards(folder)) == pieces and (folder / "README.md").read_text() == "# card"


@pytest.mark.slow
def test_pieces_replace_a_whole_file(saved, folder):
    weights = {name: value for path in shards(folder) for name, value in load_file(path).items()}
    for path in [*shards(folder), folder / "model.safetensors.index.json"]:
        path.unlink()
    save_file(weights, folder / "model.safetensors")
    new = random_model(seed=1)
    new.save_pretrained(folder)
    assert not (folder / "model.safetensors").exists()
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == new.fingerprint


@pytest.mark.slow
def test_small_weights_are_one_whole_file(saved, folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARD_SIZE", 10**9)
    saved[0].save_pretrained(folder)
    assert [path.name for path in folder.glob("model*")] == ["model.safetensors"]
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint


@pytest.mark.slow
def test_the_files_are_readable_by_everyone(saved):
    made = [path for path in saved[1].iterdir() if path.name != "README.md"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o644}


@pytest.mark.slow
def test_one_file_without_index(saved, folder):
    weights = {name: value for path in shards(folder) for name, value in load_file(path).items()}
    for path in [*shards(folder), folder / "model.safetensors.index.json"]:
        path.unlink()
    save_file(weights, folder / "model.safetensors")
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint


@pytest.mark.parametrize("name", ["nowhere", "checkpoints/3dsl-huge", "./a/b", "a b/c"])
def test_missing_folders(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="does not exist; give a folder"):
        ThreeDSL.from_pretrained(name)


def test_unreachable_hub_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="some-one/some-model is neither a folder nor a model"):
        ThreeDSL.from_pretrained("some-one/some-model")


@pytest.mark.slow
def test_hub_ids_are_read_through_the_hubs_cache(saved, tmp_path, monkeypatch):
    """A snapshot laid out as the Hub's client leaves it is found by its id, without a network."""
    from huggingface_hub import constants

    model, folder = saved
    repo, commit = tmp_path / "models--some-one--some-model", "0123456789abcdef0123456789abcdef01234567"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    (repo / "snapshots").mkdir()
    (repo / "snapshots" / commit).symlink_to(folder)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = ThreeDSL.from_pretrained("some-one/some-model", device="cpu")
    assert again.fingerprint == model.fingerprint


@pytest.mark.slow
def test_paths_below_the_repository_work_from_anywhere(tmp_path, monkeypatch):
    random_checkpoint(tmp_path / "repository" / "checkpoints" / "mine", descriptor=32)
    monkeypatch.setattr(checkpoint_folder, "ROOT", tmp_path / "repository")
    monkeypatch.chdir(tmp_path)
    assert ThreeDSL.from_pretrained("checkpoints/mine", device="cpu").config.descriptor == 32


def test_shipped_checkpoints_are_known_by_name(tmp_path, monkeypatch):
    (tmp_path / "repository" / "checkpoints" / "mine").mkdir(parents=True)
    (tmp_path / "here" / "other").mkdir(parents=True)
    monkeypatch.setattr(checkpoint_folder, "ROOT", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "here")
    assert checkpoint_folder.find_checkpoint("mine") == tmp_path / "repository" / "checkpoints" / "mine"
    assert checkpoint_folder.find_checkpoint("other") == Path("other")
    with pytest.raises(InputError, match="3dsl-lite, the shipped one"):
        checkpoint_folder.find_checkpoint("no-such-name")


@pytest.mark.slow
def test_the_index_records_the_sha256sum_of_every_piece(saved):
    index = json.loads((saved[1] / "model.safetensors.index.json").read_text())
    said = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shards(saved[1])}
    assert index["metadata"]["sha256"] == said


@pytest.mark.slow
def test_checkpoints_without_checksums_still_load(saved, folder):
    with_index(folder, lambda index: index["metadata"].pop("sha256"))
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint
    with_index(folder, lambda index: index.pop("metadata"))
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint


@pytest.mark.slow
def test_absurd_numbers_take_no_memory(folder):
    """Built as asked for, this network's weights would have 37 GB."""
    changed(hidden=8192, descriptor=8192, width=1024, height=1024)(folder)
    with pytest.raises(InputError, match="do not fit"):
        ThreeDSL.from_pretrained(folder, device="cpu")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 * 2**20  # kB


@pytest.mark.slow
def test_descriptors_that_are_no_numbers_end_in_a_sentence():
    """Finite weights may still give infinity on the way."""
    model = random_model(seed=2)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.mul_(1e12)
    for mirror in (False, True):
        with pytest.raises(InputError, match=r"computed NaN or infinity.*copy the checkpoint again"):
            model([person_like()], mirror=mirror)


FULL = """
import resource, sys
from tests.models import random_model
from threedsl.errors import InputError
import huggingface_hub
model = random_model(seed=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    model.save_pretrained(sys.argv[1])
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [10, 10**6], ids=["json", "safetensors"])
@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_the_old_weights_stay(saved, folder, limit):
    (folder / ".saving-ab12cd_9").mkdir()  # of a program that was killed
    arguments = [sys.executable, "-c", FULL, str(folder), str(limit)]
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert f"Checkpoint {folder} cannot be written (" in done.stdout and done.stdout.count("\n") == 1
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in saved[1].iterdir())


@pytest.mark.slow
def test_two_writers_replace_the_weights_one_after_the_other(folder, monkeypatch):
    """One of them took the other one's pieces for old ones, and deleted them."""
    written, is_locked, save = threading.Event(), threading.Event(), huggingface_hub.save_torch_state_dict

    def then_wait(*arguments, **options):
        save(*arguments, **options)
        written.set()
        assert is_locked.wait(60)

    monkeypatch.setattr(huggingface_hub, "save_torch_state_dict", then_wait)
    before = {path.name for path in shards(folder)}
    model = random_model(seed=1)
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(model.save_pretrained, folder)
        assert written.wait(60)
        with locked(folder):  # by the other writer
            is_locked.set()
            wait([saving], timeout=0.5)
            assert {path.name for path in shards(folder)} == before
        saving.result()
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == model.fingerprint


@pytest.mark.slow
def test_loading_does_not_import_pytorchs_compiler(shipped_checkpoint):
    """Some operations without memory, on the device "meta", do, and take seconds of every start."""
    code = (
        "import sys; from threedsl.pipeline import ThreeDSL; ThreeDSL.from_pretrained(sys.argv[1]); "
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(shipped_checkpoint)]
    assert subprocess.check_output(command, cwd=REPOSITORY, text=True).strip() == "[]"
