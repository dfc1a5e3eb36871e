"""Weights on the Hub: the mixin's calls, this program's format, nothing loaded in part; the hub itself is a folder."""

import hashlib
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import PyTorchModelHubMixin
from safetensors.torch import load_file, save_file

from tests.checkpoint.files import with_index
from tests.models import random_model
from tests.pictures import person_like
from threedsl.body.model import DEFAULT_BODY
from threedsl.checkpoint import folder as checkpoint_folder
from threedsl.checkpoint import hub
from threedsl.errors import InputError
from threedsl.pipeline import ThreeDSL
from threedsl.ui.evidence import checkpoint_files

CARD = "---\nlicense: apache-2.0\n---\n\n# measured\n"


class Hub:
    """A folder that stands in for the Hub: what is uploaded to a name can be downloaded from it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.calls: list[tuple] = []

    def create_repo(self, repo_id, private=None, exist_ok=False):
        self.calls.append(("create", repo_id, private, exist_ok))
        return type("Url", (), {"repo_id": repo_id})

    def upload_folder(self, *, repo_id, folder_path, repo_type, commit_message, **options):
        self.calls.append(("upload", repo_id, repo_type, commit_message))
        shutil.copytree(folder_path, self.folder / repo_id)
        return f"https://hub/{repo_id}/commit/1"

    def snapshot_download(self, name, allow_patterns, **options):
        self.calls.append(("download", name, options))
        if not (self.folder / name).is_dir():
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing there")
        wanted = [path for pattern in allow_patterns for path in (self.folder / name).glob(pattern)]
        target = self.folder.parent / "cache" / name
        target.mkdir(parents=True, exist_ok=True)
        for path in wanted:
            shutil.copy(path, target)
        return str(target)


@pytest.fixture
def online(tmp_path, monkeypatch) -> Hub:
    stand_in = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub.hub_mixin, "HfApi", lambda token=None: stand_in)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in.snapshot_download)
    monkeypatch.chdir(tmp_path)
    return stand_in


@pytest.fixture(scope="module")
def model() -> ThreeDSL:
    return random_model()


@pytest.fixture
def read(model, tmp_path) -> ThreeDSL:
    """The same model read from a folder with a card and figures."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    (folder / "metrics.json").write_text('{"seed": 0}')
    model.save_pretrained(folder)
    return ThreeDSL.from_pretrained(folder, device="cpu")


@pytest.mark.slow
def test_it_is_the_hubs_mixin(model):
    assert isinstance(model, PyTorchModelHubMixin)
    assert ThreeDSL.push_to_hub.__module__ == hub.__name__


@pytest.mark.slow
def test_pushed_and_read_again_it_is_the_same(model, online):
    address = model.push_to_hub("some-one/some-model", private=True, commit_message="first")
    assert address == "https://hub/some-one/some-model/commit/1"
    assert online.calls == [
        ("create", "some-one/some-model", True, True),
        ("upload", "some-one/some-model", "model", "first"),
    ]
    files = {path.name: path.stat().st_size for path in (online.folder / "some-one/some-model").iterdir()}
    assert max(files.values()) < 10_000_000 and "model.safetensors.index.json" in files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl", ".pth"))]
    again = ThreeDSL.from_pretrained("some-one/some-model", device="cpu", revision="main", token="t")
    assert online.calls[-1][0] == "download" and online.calls[-1][2]["revision"] == "main"
    assert again.fingerprint == model.fingerprint and again.config == model.config
    picture = person_like()
    assert (again([picture]).combined == model([picture]).combined).all()


@pytest.mark.slow
def test_a_new_models_card_is_the_mixins(model, tmp_path):
    model.save_pretrained(tmp_path / "new")
    card = huggingface_hub.ModelCard.load(tmp_path / "new" / "README.md")
    assert card.data.library_name == "threedsl" and card.data.license == "apache-2.0"
    assert {"person-re-identification", "pytorch_model_hub_mixin"} <= set(card.data.tags)
    (tmp_path / "new" / "README.md").write_text("mine")
    model.save_pretrained(tmp_path / "new", half=True)
    assert (tmp_path / "new" / "README.md").read_text() == "mine"


@pytest.mark.slow
def test_card_and_figures_go_along_with_the_weights_they_are_of(read, online):
    read.push_to_hub("a/same")
    assert (online.folder / "a/same/README.md").read_text() == CARD
    assert (online.folder / "a/same/metrics.json").is_file()
    with torch.no_grad():
        next(read.network.parameters()).add_(1)
    read.push_to_hub("a/changed")
    assert (online.folder / "a/changed/README.md").read_text() != CARD
    assert not (online.folder / "a/changed/metrics.json").exists()


def test_whatever_describes_the_shipped_weights_goes_along(shipped_checkpoint, tmp_path):
    """The card's pictures, and what the page shows of a checkpoint."""
    ThreeDSL.from_pretrained(shipped_checkpoint, device="cpu").save_pretrained(tmp_path / "copy", half=True)
    here, there = (
        {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("model")}
        for folder in (shipped_checkpoint, tmp_path / "copy")
    )
    assert there.keys() == here.keys()
    assert all(there[name] == here[name] for name in here if name != "config.json")


def test_every_picture_that_the_page_shows_goes_along():
    assert set(checkpoint_files.PICTURES) <= set(hub.MEASURED)


@pytest.mark.slow
def test_saving_can_push_as_the_mixin_documents(read, online, tmp_path):
    assert read.save_pretrained(tmp_path / "named", push_to_hub=True, repo_id="a/b", private=False)
    assert online.calls[0] == ("create", "a/b", False, True)
    read.save_pretrained(tmp_path / "unnamed", push_to_hub=True)
    assert ("create", "unnamed", None, True) in online.calls


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["missing", "extra", "shape"])
def test_weights_that_fit_in_part_are_refused(model, online, damage):
    model.push_to_hub("a/b")
    shard = sorted((online.folder / "a/b").glob("*.safetensors"))[0]
    state = load_file(shard)
    name = next(name for name, value in state.items() if value.ndim > 1)
    if damage == "missing":
        del state[name]
    elif damage == "extra":
        state["another"] = torch.zeros(1)
    else:
        state[name] = state[name][:1].clone()
    save_file(state, shard)
    checksum = hashlib.sha256(shard.read_bytes()).hexdigest()
    with_index(shard.parent, lambda index: index["metadata"]["sha256"].update({shard.name: checksum}))
    with pytest.raises(InputError, match=r"do not fit its config\.json"):
        ThreeDSL.from_pretrained("a/b", device="cpu")


@pytest.mark.slow
def test_loose_loading_cannot_be_asked_for(read):
    with pytest.raises(InputError, match="only loaded completely"):
        ThreeDSL.from_pretrained(read.checkpoint_folder, device="cpu", strict=False)


@pytest.mark.slow
def test_a_pickle_on_the_hub_is_not_even_downloaded(model, online):
    model.push_to_hub("a/b")
    (online.folder / "a/b/pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    ThreeDSL.from_pretrained("a/b", device="cpu")
    assert not list((online.folder.parent / "cache").rglob("*.bin"))
    for path in (online.folder / "a/b").glob("*.safetensors*"):
        path.unlink()
    shutil.rmtree(online.folder.parent / "cache")
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        ThreeDSL.from_pretrained("a/b", device="cpu")


@pytest.mark.slow
def test_a_body_that_may_be_licensed_is_not_uploaded(read, online):
    (read.checkpoint_folder / "body.npz").write_bytes(b"x")
    with pytest.raises(InputError, match="may be a licensed body file"):
        read.push_to_hub("a/b")
    assert online.calls == []


def test_failures_are_sentences(model, online, monkeypatch):
    def fail(*args, **options):
        raise ConnectionError("no network")

    monkeypatch.setattr(online, "create_repo", fail)
    with pytest.raises(InputError, match=r"a/b could not be uploaded \(ConnectionError\); log in"):
        model.push_to_hub("a/b")
    with pytest.raises(InputError, match="a/nothing is neither a folder nor a model"):
        ThreeDSL.from_pretrained("a/nothing", device="cpu")


def test_only_readable_formats_are_asked_of_the_hub():
    assert all(
        pattern.endswith((".json", ".safetensors", ".npz", ".md", ".txt", ".jpg", ".png"))
        for pattern in checkpoint_folder.PATTERNS
    )


def test_the_fingerprint_is_known_before_the_weights_leave_the_processor(model, monkeypatch):
    """On ZeroGPU weights that were sent to the GPU cannot be read back in the page's process."""
    order = []
    real = type(model.network).to
    monkeypatch.setattr("threedsl.pipeline.pick_device", lambda device: torch.device("meta"))
    monkeypatch.setattr("threedsl.pipeline.fingerprint_of", lambda *args: order.append("fingerprint") or "f")
    monkeypatch.setattr(
        type(model.network), "to", lambda self, device: order.append("to") or real(self, "cpu")
    )
    monkeypatch.setattr(type(model.body), "to", lambda self, device: self)
    assert ThreeDSL(model.network, model.config, model.body, "cuda").fingerprint == "f"
    assert order == ["fingerprint", "to"]


@pytest.mark.slow
def test_a_body_of_its_own_goes_along(read, tmp_path):
    with np.load(DEFAULT_BODY) as shipped:
        arrays = dict(shipped)
    arrays["v_template"] = 1.1 * arrays["v_template"]
    np.savez(read.checkpoint_folder / "body.npz", **arrays)
    model = ThreeDSL.from_pretrained(read.checkpoint_folder, device="cpu")
    for folder in (tmp_path / "copy", read.checkpoint_folder):
        model.save_pretrained(folder)
        again = ThreeDSL.from_pretrained(folder, device="cpu")
        assert torch.equal(again.body.coarse_template, model.body.coarse_template)
    assert not torch.equal(again.body.coarse_template, read.body.coarse_template)
    with pytest.raises(InputError, match="another checkpoint's body"):
        read_again(read, tmp_path).save_pretrained(tmp_path / "copy")


def read_again(read, tmp_path):
    """The same without a body of its own."""
    (read.checkpoint_folder / "body.npz").unlink()
    return ThreeDSL.from_pretrained(read.checkpoint_folder, device="cpu")


@pytest.mark.slow
def test_the_notice_comes_back_from_the_hub(read, online):
    (read.checkpoint_folder / "NOTICE.txt").write_text("Intel")
    read.push_to_hub("some-one/some-model")
    again = ThreeDSL.from_pretrained("some-one/some-model", device="cpu")
    assert (again.checkpoint_folder / "NOTICE.txt").read_text() == "Intel"
