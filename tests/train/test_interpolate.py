"""Weights between a run's and its start's."""

import json
from dataclasses import replace

import pytest
import torch

from tests.network.test_osnet_streams import CONFIG, pictures, starts  # noqa: F401 - a fixture
from tests.train.toy import dress_by_camera, write_dataset
from threedsl import ThreeDSL
from threedsl.checkpoint.weights import read_config, save_checkpoint
from threedsl.errors import InputError
from threedsl.network import NetworkConfig, build_network
from train.__main__ import main
from train.interpolate import ALPHAS, STREAMS, best_alpha, between, interpolated
from train.measure.card.tables import alpha_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory, starts):  # noqa: F811
    """An exported run that has moved away from its start, and its data."""
    root = tmp_path_factory.mktemp("run")
    write_dataset(root / "data", people=16)
    torch.manual_seed(0)
    network = build_network(CONFIG, str(starts[0]))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_checkpoint(network, CONFIG, root / "export", half=True)
    settings = {
        "pretrained": str(starts[0]),
        "data": str(root / "data"),
        "validation": 0.1,
        "validation_seed": 0,
        "network": CONFIG.to_dict(),
        "shares": "capped",
        "shares chosen on": "some people",
    }
    (root / "export" / "training.json").write_text(json.dumps(settings))
    (root / "export" / "NOTICE.txt").write_text("Intel")
    return root, network, settings


def test_the_ends_are_the_start_and_the_run_and_the_middle_is_half_way(run, starts):  # noqa: F811
    _, tuned, _ = run
    start = build_network(replace(CONFIG, parts=0), str(starts[0]))
    ends = [interpolated(start, tuned, dict.fromkeys(STREAMS, alpha)).state_dict() for alpha in (0.0, 1.0)]
    middle = interpolated(start, tuned, {"appearance": 0.5, "shape": 0.25}).state_dict()
    for name, value in tuned.state_dict().items():
        own = name.startswith(tuple(prefix for prefixes in STREAMS.values() for prefix in prefixes))
        assert torch.equal(ends[1][name], value)
        assert torch.equal(ends[0][name], start.state_dict()[name] if own else value)
        if own:
            alpha = 0.5 if name.startswith("appearance") else 0.25
            expected = (1 - alpha) * start.state_dict()[name] + alpha * value
            assert torch.allclose(middle[name], expected, atol=1e-6), name
    assert any(name.startswith("shape_stream.pose_encoder") for name in tuned.state_dict())


def test_the_command_chooses_on_validation_people_and_says_so(run, tmp_path):
    root, _, _ = run
    assert main(["interpolate", str(root / "export"), "--out", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "training.json").read_text())["interpolated"]
    table = record["validation people, by alpha"]
    assert set(table) == {"appearance", "shape", "combined"}
    assert set(table["shape"]) == {"0.0", "0.15", "0.2", "0.25", "1.0"}
    for stream, alpha in record["alpha"].items():
        rank_1 = {one: table[stream][str(one)]["same-clothes"]["rank-1"] for one in ALPHAS}
        assert alpha in ALPHAS and rank_1[alpha] == max(rank_1.values())
    assert (tmp_path / "out" / "NOTICE.txt").read_text() == "Intel"
    assert ThreeDSL.from_pretrained(tmp_path / "out")(
        [(255 * picture.permute(1, 2, 0)).byte().numpy() for picture in pictures()]
    ).shape.shape == (2, CONFIG.shape_width)


def test_streams_and_parts_are_weighed_again_as_the_ablation_does(run, tmp_path, monkeypatch):
    root, _, _ = run
    monkeypatch.setattr("train.interpolate.best_alpha", lambda scores: 0.2)
    assert main(["interpolate", str(root / "export"), "--out", str(tmp_path / "out")]) == 0
    said = json.loads((tmp_path / "out" / "training.json").read_text())
    assert said["shares chosen on"] == "some people"
    between(root / "export", 0.2, tmp_path / "between")
    ours, theirs = (read_config(tmp_path / name) for name in ("out", "between"))
    assert ours == theirs and ours != read_config(root / "export")


def test_a_given_alpha_needs_no_people(run, tmp_path, starts):  # noqa: F811
    root, _, _ = run
    out = tmp_path / "out"
    assert main(["interpolate", str(root / "export"), "--out", str(out), "--alpha", "0"]) == 0
    assert "shares chosen on" not in json.loads((out / "training.json").read_text())
    start = build_network(replace(CONFIG, parts=0), str(starts[0])).eval()
    model = ThreeDSL.from_pretrained(out)
    with torch.inference_mode():
        ours, theirs = model.network(pictures()).appearance, start(pictures()).appearance
    assert (ours * theirs).sum(1).min() > 0.9999  # matrices are stored in half precision


def test_of_equal_alphas_the_first_is_taken():
    scores = {alpha: {"same-clothes": {"rank-1": 90.0}} for alpha in ALPHAS}
    assert best_alpha(scores) == ALPHAS[0]
    scores[ALPHAS[1]]["same-clothes"]["rank-1"] = 91.0
    assert best_alpha(scores) == ALPHAS[1]


def test_people_who_never_wear_the_same_before_two_cameras(run, tmp_path):
    write_dataset(tmp_path / "data", people=16)
    dress_by_camera(tmp_path / "data")
    words = ["interpolate", str(run[0] / "export"), "--out", str(tmp_path / "out")]
    assert main([*words, "--data", str(tmp_path / "data")]) == 0
    record = json.loads((tmp_path / "out" / "training.json").read_text())["interpolated"]
    table = record["validation people, by alpha"]["shape"]
    assert set(table["0.0"]) == {"cloth-changing", "standard"}
    rank_1 = {alpha: table[str(alpha)]["standard"]["rank-1"] for alpha in ALPHAS}
    assert rank_1[record["alpha"]["shape"]] == max(rank_1.values())
    assert "highest standard rank-1 among" in " ".join(alpha_table(record))


def test_checkpoints_without_a_start_and_alphas_out_of_range(run, tmp_path, capsys):
    root, network, settings = run
    assert main(["interpolate", str(root / "export"), "--out", str(tmp_path), "--alpha", "2"]) == 2
    assert "--alpha must be between 0 and 1" in capsys.readouterr().err
    small = NetworkConfig(height=64, width=32, descriptor=16, hidden=8)
    save_checkpoint(build_network(small), small, tmp_path / "small")
    assert main(["interpolate", str(tmp_path / "small"), "--out", str(tmp_path / "out")]) == 2
    assert "not an exported run of the network osnet" in capsys.readouterr().err
    save_checkpoint(network, CONFIG, tmp_path / "bare", half=True)
    (tmp_path / "bare" / "training.json").write_text(json.dumps(settings | {"pretrained": None}))
    assert main(["interpolate", str(tmp_path / "bare"), "--out", str(tmp_path / "out")]) == 2
    assert "nothing to interpolate with" in capsys.readouterr().err


def test_too_few_people_to_choose_on(run, tmp_path):
    from train.interpolate import validation_pictures

    write_dataset(tmp_path, people=2)
    with pytest.raises(InputError, match="give --alpha"):
        validation_pictures(tmp_path, run[2])


def test_the_run_itself_is_not_replaced(run, capsys):
    root, _, _ = run
    before = {path.name: path.read_bytes() for path in (root / "export").iterdir()}
    assert main(["interpolate", str(root / "export"), "--out", str(root / "export"), "--alpha", "0"]) == 2
    assert "is the checkpoint itself, which would be replaced" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (root / "export").iterdir()} == before
