"""Every damage to a checkpoint's folder gives one sentence with its name."""

import hashlib
import json
import os

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.checkpoint.files import changed, replace, shards, with_index
from threedsl.errors import InputError
from threedsl.pipeline import ThreeDSL


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
    del index["metadata"]
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


def flipped_bytes(folder):
    """As many as a bad copy may have, all among the numbers."""
    path = shards(folder)[1]
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rows = np.random.default_rng(0).choice(np.arange(len(data) // 2, len(data)), 2000, replace=False)
    data[rows] ^= 1
    replace(path, data.tobytes())


def another_piece(folder):
    """Two pieces have changed places: each is whole."""
    first, second = (path.read_bytes() for path in shards(folder)[:2])
    replace(shards(folder)[0], second)
    replace(shards(folder)[1], first)


def piece_without_checksum(folder):
    with_index(folder, lambda index: index["metadata"]["sha256"].popitem())


def weights_with_nan(folder):
    """As a training that went wrong saves them, checksum and all."""
    path = shards(folder)[0]
    weights = load_file(path)
    name = next(name for name, value in weights.items() if value.ndim == 4)
    weights[name].view(-1)[7] = float("nan")
    path.unlink()
    save_file(weights, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with_index(folder, lambda index: index["metadata"]["sha256"].update({path.name: digest}))


def pointer(path):
    replace(
        path, b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 9037408\n"
    )


def pointer_for_a_piece(folder):
    pointer(shards(folder)[0])


def pointer_for_the_index(folder):
    pointer(folder / "model.safetensors.index.json")


def pointer_for_the_configuration(folder):
    pointer(folder / "config.json")


def pointer_for_the_body(folder):
    (folder / "body.npz").write_bytes(b"")
    pointer(folder / "body.npz")


def pipe_for_a_piece(folder):
    path = shards(folder)[0]
    path.unlink()
    os.mkfifo(path)


def pipe_for_the_configuration(folder):
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


def deep_configuration(folder):
    replace(folder / "config.json", b'{"name":' * 100_000)


def number_of_many_digits(folder):
    replace(folder / "config.json", b'{"height": ' + b"9" * 100_000 + b"}")


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
        (flipped_bytes, "is damaged (its sha256"),
        (another_piece, "is damaged (its sha256"),
        (piece_without_checksum, "not every piece has its sha256"),
        (weights_with_nan, "contains NaN or infinity"),
        (pointer_for_a_piece, "Git LFS pointer, not the file itself; run `git lfs pull`"),
        (pointer_for_the_index, "Git LFS pointer, not the file itself; run `git lfs pull`"),
        (pointer_for_the_configuration, "Git LFS pointer, not the file itself; run `git lfs pull`"),
        (pointer_for_the_body, "Git LFS pointer, not the file itself; run `git lfs pull`"),
        (pipe_for_a_piece, "is a pipe, not an ordinary file"),
        (pipe_for_the_configuration, "is a pipe, not an ordinary file"),
        (deep_configuration, "nested too deeply"),
        (number_of_many_digits, "too many digits"),
        (changed(height=32 * 10**8), "height must be 1,024 or less"),
        (changed(descriptor=10**25), "descriptor must be 8,192 or less"),
        (changed(hidden=8192, descriptor=8192, width=1024, height=1024), "do not fit its config.json"),
        (changed(coarse_vertices=10**9), "coarse_vertices must be 100,000 or less"),
        (changed(shape_share=float("inf")), "shape_share must be between"),
        (changed(name="x" * 10**6), "is unknown"),
    ],
)
def test_damage_gives_one_sentence_with_the_folder(folder, damage, words):
    damage(folder)
    with pytest.raises(InputError) as error:
        ThreeDSL.from_pretrained(folder, device="cpu")
    sentence = str(error.value)
    assert words in sentence and str(folder) in sentence and "\n" not in sentence and len(sentence) < 1000
