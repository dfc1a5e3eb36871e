"""Checkpoints come back bit for bit, stay small enough for git, and damage gives one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.models import random_checkpoint, random_model
from tests.pictures import person_like
from threedsl import checkpoint, checkpoint_folder
from threedsl.errors import InputError
from threedsl.pipeline import ThreeDSL

LIMIT = 10_000_000


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(model, folder): float32, in several pieces."""
    model = random_model()
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "README.md").write_text("# card")
    model.save_pretrained(folder)
    return model, folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the folder that a test may damage; large files are links, replaced rather than changed."""
    for path in saved[1].iterdir():
        (tmp_path / path.name).hardlink_to(path)
    return tmp_path


def replace(path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def shards(folder):
    return sorted(folder.glob("*.safetensors"))


def test_round_trip_is_bitwise(saved):
    model, folder = saved
    again = ThreeDSL.from_pretrained(folder, device="cpu")
    before, after = model.network.state_dict(), again.network.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert again.config == model.config and again.fingerprint == model.fingerprint
    picture = person_like()
    assert np.array_equal(model([picture]).combined, again([picture]).combined)
    assert np.array_equal(model([picture]).bodies.vertices, again([picture]).bodies.vertices)


def test_every_file_is_small_and_the_card_survives(saved):
    _, folder = saved
    assert len(shards(folder)) > 1
    assert all(path.stat().st_size < LIMIT for path in folder.iterdir())
    assert (folder / "README.md").read_text() == "# card"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


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


def test_saving_anew_leaves_no_old_piece(saved, tmp_path):
    model, _ = saved
    model.save_pretrained(tmp_path)
    before = len(shards(tmp_path))
    model.save_pretrained(tmp_path, half=True)
    assert len(shards(tmp_path)) < before
    ThreeDSL.from_pretrained(tmp_path, device="cpu")


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


def test_pieces_replace_a_whole_file(saved, folder):
    weights = {name: value for path in shards(folder) for name, value in load_file(path).items()}
    for path in [*shards(folder), folder / "model.safetensors.index.json"]:
        path.unlink()
    save_file(weights, folder / "model.safetensors")
    new = random_model(seed=1)
    new.save_pretrained(folder)
    assert not (folder / "model.safetensors").exists()
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == new.fingerprint


def test_small_weights_are_one_whole_file(saved, folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARD_SIZE", 10**9)
    saved[0].save_pretrained(folder)
    assert [path.name for path in folder.glob("model*")] == ["model.safetensors"]
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint


def test_everybody_may_read_the_files(saved):
    made = [path for path in saved[1].iterdir() if path.name != "README.md"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o644}


def test_one_file_without_index(saved, folder):
    weights = {name: value for path in shards(folder) for name, value in load_file(path).items()}
    for path in [*shards(folder), folder / "model.safetensors.index.json"]:
        path.unlink()
    save_file(weights, folder / "model.safetensors")
    assert ThreeDSL.from_pretrained(folder, device="cpu").fingerprint == saved[0].fingerprint


def missing_config(folder):
    (folder / "config.json").unlink()


def damaged_config(folder):
    replace(folder / "config.json", b'{"name": "lite", ')


def config_is_a_list(folder):
    replace(folder / "config.json", b"[]")


def unknown_network(folder):
    replace(folder / "config.json", b'{"name": "resnet9000"}')


def unknown_field(folder):
    replace(folder / "config.json", b'{"name": "lite", "wheels": 4}')


def impossible_value(folder):
    replace(folder / "config.json", b'{"name": ["lite"]}')


def no_weights(folder):
    for path in folder.glob("model*"):
        path.unlink()


def missing_shard(folder):
    shards(folder)[-1].unlink()


def truncated_shard(folder):
    path = shards(folder)[0]
    replace(path, path.read_bytes()[:1000])


def shard_is_a_page(folder):
    replace(shards(folder)[0], b"<html>Sign in</html>")


def empty_shard(folder):
    replace(shards(folder)[0], b"")


def index_without_map(folder):
    replace(folder / "model.safetensors.index.json", b"{}")


def index_leaves_the_folder(folder):
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] = dict.fromkeys(index["weight_map"], "../../secret.safetensors")
    replace(folder / "model.safetensors.index.json", json.dumps(index).encode())


def weights_of_another_size(folder):
    config = json.loads((folder / "config.json").read_text()) | {"descriptor": 32}
    replace(folder / "config.json", json.dumps(config).encode())


def weights_of_another_network(folder):
    config = json.loads((folder / "config.json").read_text()) | {"name": "r50"}
    replace(folder / "config.json", json.dumps(config).encode())


def weights_with_too_much(folder):
    config = json.loads((folder / "config.json").read_text()) | {"shape_stream": False}
    replace(folder / "config.json", json.dumps(config).encode())


def damaged_body(folder):
    (folder / "body.npz").write_bytes(b"no body")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (missing_config, "has no config.json"),
        (damaged_config, "config.json is damaged"),
        (config_is_a_list, "config.json is damaged"),
        (unknown_network, "'resnet9000' is unknown"),
        (unknown_field, "wheels"),
        (impossible_value, "does not describe a network"),
        (no_weights, "has no model.safetensors"),
        (missing_shard, "lacks model-"),
        (truncated_shard, "is damaged"),
        (shard_is_a_page, "is damaged"),
        (empty_shard, "is damaged"),
        (index_without_map, "is damaged"),
        (index_leaves_the_folder, "lacks"),
        (weights_of_another_size, "do not fit its config.json"),
        (weights_of_another_network, "do not fit its config.json"),
        (weights_with_too_much, "is not part of the network"),
        (damaged_body, "body.npz"),
    ],
)
def test_damage_gives_one_sentence_with_the_folder(folder, damage, words):
    damage(folder)
    with pytest.raises(InputError) as error:
        ThreeDSL.from_pretrained(folder, device="cpu")
    sentence = str(error.value)
    assert words in sentence and str(folder) in sentence and "\n" not in sentence


@pytest.mark.parametrize("name", ["nowhere", "checkpoints/3dsl-huge", "./a/b", "a b/c"])
def test_missing_folders(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="does not exist; give a folder"):
        ThreeDSL.from_pretrained(name)


def test_unreachable_hub_ids(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="some-one/some-model is neither a folder nor a model"):
        ThreeDSL.from_pretrained("some-one/some-model")


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


def test_paths_below_the_repository_work_from_anywhere(tmp_path, monkeypatch):
    random_checkpoint(tmp_path / "repository" / "checkpoints" / "mine", descriptor=32)
    monkeypatch.setattr(checkpoint_folder, "REPOSITORY", tmp_path / "repository")
    monkeypatch.chdir(tmp_path)
    assert ThreeDSL.from_pretrained("checkpoints/mine", device="cpu").config.descriptor == 32


def test_shipped_checkpoints_are_known_by_name(tmp_path, monkeypatch):
    (tmp_path / "repository" / "checkpoints" / "mine").mkdir(parents=True)
    (tmp_path / "here" / "other").mkdir(parents=True)
    monkeypatch.setattr(checkpoint_folder, "REPOSITORY", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "here")
    assert checkpoint_folder.find_checkpoint("mine") == tmp_path / "repository" / "checkpoints" / "mine"
    assert checkpoint_folder.find_checkpoint("other") == Path("other")
    with pytest.raises(InputError, match="3dsl-lite, which is shipped"):
        checkpoint_folder.find_checkpoint("no-such-name")
