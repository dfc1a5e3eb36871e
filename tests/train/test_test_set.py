"""The test set decides nothing: a run does not read query and gallery lists."""

import json
import shutil

import pytest

from tests.train.toy import write_dataset
from threedsl.checkpoint.weights import load_checkpoint
from train.configs.read import load_config
from train.data.listing import training_list
from train.data.validation import draw_validation
from train.engine import train

pytestmark = pytest.mark.slow

TOY = {
    "steps": 2, "identities": 3, "pretrained": "null", "start": "null", "more_data": "null", "network.height": 64,
    "network.width": 32, "network.descriptor": 32, "network.hidden": 32, "mask_height": 32, "warmup": 1,
    "log_every": 1, "evaluate_every": 1, "precision": "no", "graph": "false", "losses.adversarial": 0,
}  # fmt: skip


def trained(data, out, config="train/configs/efficientnet.yaml", **more):
    """The exported folder."""
    values = TOY | {"data": data, "out": out} | more
    return train(load_config(config, [f"{key}={value}" for key, value in values.items()]))


def permuted(folder):
    """Each list backwards, under the other's name."""
    query, gallery = (folder / f"{name}.txt" for name in ("query", "gallery"))
    first, second = (sorted(path.open(), reverse=True) for path in (query, gallery))
    query.write_text("".join(second))
    gallery.write_text("".join(first))


def emptied(folder):
    for name in ("query", "gallery"):
        (folder / f"{name}.txt").write_text("")


def deleted(folder):
    for name in ("query", "gallery"):
        (folder / f"{name}.txt").unlink()


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_nothing_in_query_or_gallery_changes_a_checkpoint(tmp_path, caplog):
    write_dataset(tmp_path / "data", people=16)
    found = []
    for change in (lambda folder: None, permuted, emptied):
        change(tmp_path / "data" / "list")
        with caplog.at_level("INFO", "train"):
            found.append(contents(trained(tmp_path / "data", tmp_path / "run")))
        shutil.rmtree(tmp_path / "run")
    assert all(other == found[0] for other in found[1:])
    # The shares were chosen, and the record says on whom.
    said = json.loads(found[0]["training.json"])["shares chosen on"]
    assert said.startswith("4 of the 16 training people, held out from training (seed 0): ")
    assert any(said in line for line in caplog.messages)
    assert "validation people" in caplog.text and "held-out" not in caplog.text
    config = json.loads(found[0]["config.json"])
    assert 0.5 <= config["shape_share"] <= 0.9 and config["part_shares"] != [0.25] * 4


def test_validation_people_are_not_trained_on(tmp_path):
    """Their pictures may be noise: the weights stay, and only what is chosen on them may change."""
    data = tmp_path / "data"
    write_dataset(data, people=16)
    people = draw_validation(training_list(data), 0.1, 0).people
    first = trained(data, tmp_path / "run")
    before = load_checkpoint(first)[1].state_dict()
    shutil.rmtree(tmp_path / "run")
    for pid in people:
        folder = data / "images" / f"{int(pid):03d}"
        pictures = sorted(folder.iterdir())
        for path in pictures[1:]:
            shutil.copyfile(pictures[0], path)
    after = load_checkpoint(trained(data, tmp_path / "run"))[1].state_dict()
    assert before.keys() == after.keys() and all((before[name] == after[name]).all() for name in before)


def test_fixed_shares(tmp_path):
    data = tmp_path / "data"
    write_dataset(data, people=4)
    folder = trained(data, tmp_path / "run", **{"network.shape_share": 0.7})
    assert load_checkpoint(folder)[0].shape_share == 0.7
    said = json.loads((folder / "training.json").read_text())["shares chosen on"]
    assert said == "not chosen: fixed in the configuration"
    # A training.json is a configuration too.
    assert load_config(folder / "training.json").data == str(data)


def test_no_annotation_is_needed_without_losses_of_bodies(tmp_path):
    data = tmp_path / "data"
    write_dataset(data, people=16)
    for name in ("mask", "pose"):
        shutil.rmtree(data / name)
    deleted(data / "list")
    none = {f"losses.{name}": 0 for name in ("keypoint", "silhouette", "displacement")}
    folder = trained(data, tmp_path / "run", evaluate_every=2, **none)
    assert load_checkpoint(folder)[0].shape_stream
    values = {"network.shape_stream": "false"}
    folder = trained(data, tmp_path / "alone", "train/configs/efficientnet.yaml", **values)
    assert not load_checkpoint(folder)[0].shape_stream
