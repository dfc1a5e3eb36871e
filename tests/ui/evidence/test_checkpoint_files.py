"""Checkpoints from strangers: the page shows nothing of this machine, and starts whatever lies in the folder."""

import json
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.pictures import person_like
from threedsl.errors import InputError
from threedsl.ui.evidence.checkpoint_files import read_evidence
from threedsl.ui.evidence.tab import add_evidence_tab


@pytest.fixture
def elsewhere(tmp_path_factory):
    """Files of this machine."""
    place = tmp_path_factory.mktemp("elsewhere")
    (place / "secret").write_text("token\n## Training\ntoken\n")
    (place / "secret.json").write_text(json.dumps({"data": {"people": 1}, "height": 1, "width": 1}))
    person_like().save(place / "portrait.png")
    return place


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("ablation.md", "secret"),
        ("README.md", "secret"),
        ("metrics.json", "secret.json"),
        ("config.json", "secret.json"),
        ("bodies.jpg", "portrait.png"),
    ],
)
def test_links_to_other_files_are_not_shown(folder, elsewhere, name, target):
    (folder / name).unlink(missing_ok=True)
    found = read_evidence(folder)
    (folder / name).symlink_to(elsewhere / target)
    assert read_evidence(folder) == found


def test_links_of_the_hub_s_cache_are(folder, tmp_path):
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, name in enumerate(("metrics.json", "README.md")):
        (folder / name).rename(blobs / str(number))
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    found = read_evidence(snapshot)
    assert found.metrics["data"]["people"] == 7 and "Training" in found.card


def make_page(folder):
    with gr.Blocks(), gr.Tabs():
        add_evidence_tab(SimpleNamespace(model=SimpleNamespace(checkpoint_folder=folder)))


def test_what_is_no_picture_is_left_out(folder):
    for name in ("bodies.jpg", "cmc.png"):
        (folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / "failures.jpg").unlink(missing_ok=True)
    (folder / "failures.jpg").symlink_to("failures.jpg")
    person_like().save(folder / "openpeople.jpg")
    assert [path.name for path, _ in read_evidence(folder).pictures] == ["openpeople.jpg"]
    make_page(folder)


@pytest.mark.parametrize(
    "figures",
    [{"retrieval": []}, {"retrieval": {"a": []}}, {"data": 3}, {"bodies": {"a": 1}}, {"poses": {"a": 2}}],
)
def test_figures_of_other_kinds_are_a_sentence(folder, figures):
    metrics = json.loads((folder / "metrics.json").read_text()) | {
        "retrieval": {"a": {"shape": {"rank-1": 1}}}
    }
    (folder / "metrics.json").write_text(json.dumps(metrics | figures))
    with pytest.raises(InputError, match=r"metrics\.json is damaged; measure the checkpoint again"):
        make_page(folder)
