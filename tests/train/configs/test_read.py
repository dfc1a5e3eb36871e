"""Configurations: the shipped ones parse, and everything wrong with one is said with file and field."""

import json
import os
from pathlib import Path

import pytest

from threedsl.errors import InputError
from train.config import TrainConfig
from train.configs.read import load_config, read_values
from train.configs.upgrade import RECORDED

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "train" / "configs"
OVER_ANOTHER = {FOLDER / "lite.yaml", FOLDER / "no-bodies.yaml"}  # tests/train/configs/test_shipped.py
CONFIGS = sorted(set(FOLDER.rglob("*.yaml")) - OVER_ANOTHER)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_parse(path):
    assert load_config(path).name == path.stem


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_state_their_losses(path):
    """Whatever is computed has its weight in the file or in one it is based on, not in a default."""
    stated = read_values(path)["losses"].keys()
    config = load_config(path)
    body = {"keypoint", "silhouette", "displacement", "adversarial"} if config.network.shape_stream else set()
    assert {"identity", "triplet"} | body <= stated


def test_the_rows_of_the_ablation_differ_as_they_say():
    """One budget, and in each row one more of the method."""
    rows = {path.stem: load_config(path).to_dict() for path in CONFIGS if path.parent.name == "ablation"}
    none = {"keypoint": 0, "silhouette": 0, "displacement": 0, "adversarial": 0}
    body = [
        ("two-streams", none, 0),
        ("keypoints", none | {"keypoint": 30, "displacement": 1000}, 0),
        ("silhouettes", none | {"keypoint": 30, "displacement": 1000, "silhouette": 10}, 0),
        ("adversarial", {"keypoint": 30, "displacement": 1000, "silhouette": 10, "adversarial": 0.05}, 0),
        ("parts", {"keypoint": 30, "displacement": 1000, "silhouette": 10, "adversarial": 0.05}, 3),
        ("two-streams-parts", none, 3),
    ]
    again = {name: rows.pop(name) for name in ("parts-again", "two-streams-parts-again")}
    assert rows.keys() == {name for name, _, _ in body}
    for name, losses, parts in body:
        row = rows[name]
        assert losses.items() <= row.pop("losses").items() and row["network"].pop("parts") == parts
        assert row.pop("name") == name and row.pop("out") == f"runs/ablation/{name}"
    assert all(row == rows["parts"] for row in rows.values())
    assert (rows["parts"]["steps"], rows["parts"]["pretrained"]) == (280, "open-model-zoo")
    for name, row in again.items():
        learns = {loss for loss, weight in row.pop("losses").items() if weight}
        assert learns == {"identity", "contrastive"} and row["network"].pop("parts") == 3
        assert row.pop("refine") == f"{name.removesuffix('-again')}@0.25" and row.pop("pretrained") is None
        assert row.pop("name") == name and row.pop("out") == f"runs/ablation/{name}"
        assert {field for field, value in row.items() if value != rows["parts"][field]} == {"learning_rate"}


def test_the_rows_on_real_pictures_differ_as_they_say():
    """From ImageNet weights, without parts but in the last row."""
    rows = {path.stem: load_config(path).to_dict() for path in CONFIGS if path.parent.name == "market1501"}
    none = {"keypoint": 0, "silhouette": 0, "displacement": 0, "adversarial": 0}
    expected = [
        ("appearance", none, 0),
        ("two-streams", none, 0),
        ("keypoints", none | {"keypoint": 30, "displacement": 1000}, 0),
        ("silhouettes", none | {"keypoint": 30, "displacement": 1000, "silhouette": 10}, 0),
        ("adversarial", {"keypoint": 30, "displacement": 1000, "silhouette": 10, "adversarial": 0.05}, 0),
        ("parts", {"keypoint": 30, "displacement": 1000, "silhouette": 10, "adversarial": 0.05}, 3),
    ]
    assert rows.keys() == {name for name, _, _ in expected}
    for name, losses, parts in expected:
        row = rows[name]
        assert losses.items() <= row.pop("losses").items() and row["network"].pop("parts") == parts
        assert row["network"].pop("shape_stream") == (name != "appearance")
        assert row.pop("name") == name and row.pop("out") == f"runs/market1501-ablation/{name}"
    assert all(row == rows["parts"] for row in rows.values())
    assert rows["parts"]["pretrained"] == "imagenet" and rows["parts"]["finetune"] is None


@pytest.mark.parametrize("name", ["training.json", "training-first-stage.json", "training-second-stage.json"])
def test_settings_of_the_first_version_are_read(name):
    """They were written when some fields had other names."""
    path = Path(__file__).parent / "version_0_1_0" / name
    written, read = json.loads(path.read_text()), load_config(path)
    old = {"people": "identities", "pictures": "instances", "silhouette": "silhouette_renderer"}
    for field, value in written.items():
        if field in ("augment", "losses", "network", "sampling"):
            continue
        assert getattr(read, old.get(field, field)) == value, field
    assert read.augment.bystander == written["augment"]["passer"]
    assert read.augment.channel_gain == written["augment"]["cast"]
    assert read.sampling == written["sampling"].replace("clothing-changing", "cloth-changing")
    assert written["losses"].items() <= read.to_dict()["losses"].items()


@pytest.mark.parametrize("name", ["training.json", "training-first-stage.json", "training-second-stage.json"])
def test_settings_of_the_shipped_checkpoint_are_read(name):
    path = ROOT / "checkpoints" / "3dsl-lite" / name
    written = {field: value for field, value in json.loads(path.read_text()).items() if field not in RECORDED}
    assert load_config(path).to_dict() == written


def test_old_names_in_an_override_and_in_a_file_with_new_ones(tmp_path):
    path = write(tmp_path, "identities: 8\nsilhouette: portable\naugment: {cast: 0.4}\n")
    config = load_config(path, ["people=6", "augment.passer=0.2"])
    assert (config.identities, config.augment.channel_gain, config.augment.bystander) == (6, 0.4, 0.2)


def test_a_file_holds_what_differs_from_its_base(tmp_path):
    (tmp_path / "below").mkdir()
    base = tmp_path / "below" / "base.yaml"
    base.write_text("base: ../first.yaml\nsteps: 7\nlosses: {keypoint: 3}\n")
    (tmp_path / "first.yaml").write_text("seed: 5\nsteps: 9\nlosses: {keypoint: 2, triplet: 4}\n")
    path = write(tmp_path, "base: below/base.yaml\nlosses: {silhouette: 6}\n")
    config = load_config(path, ["losses.silhouette=8"])
    assert (config.seed, config.steps) == (5, 7)
    losses = config.losses
    assert (losses.triplet, losses.keypoint, losses.silhouette, losses.adversarial) == (4, 3, 8, 0.05)
    base.write_text("stepps: 7\n")
    with pytest.raises(InputError, match=r"base\.yaml: unknown field 'stepps'"):
        load_config(path)
    base.write_text("base: ../c.yaml\n")
    with pytest.raises(
        InputError, match=r"base\.yaml, field base: \.\./c\.yaml is based on this file itself"
    ):
        load_config(path)


def write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_nested_fields(tmp_path):
    path = write(tmp_path, "learning_rate: 3e-4\nnetwork: {height: 64, width: 32}\n")
    config = load_config(path, ["losses.triplet=2", "steps=7", "network.width=64"])
    assert config.learning_rate == 3e-4 and config.losses.triplet == 2.0 and config.steps == 7
    assert (config.network.height, config.network.width) == (64, 64) and config.mask_size == (64, 64)
    assert load_config(write(tmp_path, "precision: no")).precision == "no"
    assert TrainConfig().to_dict()["augment"]["flip"] == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step: 3", r"c\.yaml.*'step'.*steps"),
        ("steps: many", r"c\.yaml.*steps.*int.*'many'"),
        ("steps: 0", "steps must be at least 1"),
        ("steps: 1.5", r"steps.*int"),
        ("identities: true", "identities"),
        ("network: {hight: 3}", r"c\.yaml, network.*'hight'"),
        ("network: lite", "expected a table"),
        ("network: {name: vit}", "lite, osnet, r50"),
        ("precision: half", "bf16"),
        ("identities: 1", "at least 2"),
        ("steps: 10\ncycle: 4", "multiple of the 4 steps"),
        ("steps: 10\ncycle: 0", "multiple of the 0 steps"),
        ("[1, 2]", "table of fields"),
        ("a: [", "not valid YAML"),
        ("base: 3", r"c\.yaml, field base.*3"),
        ("base: none.yaml", r"none\.yaml, the base of .*c\.yaml, does not exist"),
        ("base: c.yaml", r"c\.yaml, field base.*itself"),
        ("people: 4\nidentities: 4", r"c\.yaml.*'people'.*identities"),
        ("silhouette: opengl", "silhouette_renderer must be portable or pytorch3d"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_bad_override(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_config(tmp_path / "none.yaml")
    for override in ("steps.foo=3", "name=[", "seed=-1", "sigma=0", "sampling=plain"):
        with pytest.raises(InputError, match=override.split("=")[0].split(".")[0]):
            load_config(write(tmp_path, "steps: 5"), [override])
    with pytest.raises(InputError, match="field=value"):
        load_config(write(tmp_path, ""), ["steps"])


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ABSURD = {
    "a billion laughs": (LAUGHS + "steps: *i", "alias .a stands for other lines"),
    "a list that holds itself": ("steps: &a [*a]", "alias .a stands for other lines"),
    "a merged table": ("losses: &l {triplet: 1}\nnetwork: {<<: *l}", "alias .l stands for other lines"),
    "deep lists": ("[" * 50_000, "more than 20 tables or lists"),
    "deep tables": ("{a: " * 20_000, "more than 20 tables or lists"),
    "a number of 10^5 digits": ("steps: " + "9" * 99_000, "not valid YAML.*4300 digits"),
    "a hexadecimal number of 10^5 digits": ("steps: 0x" + "f" * 99_000, "steps.*at most 1,000,000,000"),
    "a weight of 10^4 digits": ("losses: {triplet: 0x" + "f" * 9_999 + "}", "triplet.*thousands of digits"),
    "no number": ("learning_rate: .nan", "learning_rate.*0 or more, not nan"),
    "an infinite number": ("learning_rate: 1e999", "learning_rate.*0 or more, not inf"),
    "a negative number": ("weight_decay: -1.5", "weight_decay.*0 or more, not -1.5"),
    "more steps than any run has": ("steps: 10000000000", "steps must be at most 1,000,000,000"),
    "a seed NumPy refuses": ("seed: 4294967296", "seed must be at most 4,294,967,295"),
    "terabytes of pictures": ("network: {height: 3200000}", "network height must be 1,024 or less"),
    "terabytes of weights": ("network: {hidden: 1000000000}", "network hidden must be 8,192 or less"),
    "a probability above 1": ("augment: {flip: 2}", "augment.flip must be between 0 and 1"),
    "keys of two kinds": ("1: 2\na: 3", "unknown field 1;"),
    "a day that is none": ("name: 2001-13-45", "not valid YAML"),
    "a large file": ("# " + "x" * 100_000, "more than any configuration"),
    "a long word": ("precision: " + "x" * 50_000, "precision: 50,000 characters"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_configurations_end_in_one_sentence(tmp_path, name):
    text, message = ABSURD[name]
    with pytest.raises(InputError, match=message) as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", ["9" * 9000, "0x" + "f" * 9000, "[" * 9000, "&a [*a]", "1e999"])
def test_absurd_overrides_end_in_one_sentence(tmp_path, value):
    with pytest.raises(InputError) as caught:
        load_config(write(tmp_path, ""), [f"learning_rate={value}"])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_configuration_must_be_an_ordinary_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "latin").write_bytes(b"name: caf\xe9")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(InputError, match="is not an ordinary file"):
            load_config(path)
    with pytest.raises(InputError, match="not text in UTF-8"):
        load_config(tmp_path / "latin")


@pytest.mark.parametrize("field", ["steps", "cycle"])
def test_a_negative_number_of_thousands_of_digits_is_a_sentence(tmp_path, field):
    """Python refuses to write it out, so the sentence itself failed."""
    path = tmp_path / "c.yaml"
    path.write_text(f"{field}: -0x{'f' * 5000}\n")
    with pytest.raises(InputError, match="thousands of digits"):
        load_config(path)
