"""A state on disk: whole or as it was, and read again whatever interrupted its writing."""

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from threedsl.errors import InputError
from threedsl.files import WORK
from train.run_state import has_state, load_state, only_run, read_info, save_state

INFO = {"step": 1, "config": {}, "processes": 1}


def parts(seed):
    """A layer and its optimiser after one step."""
    torch.manual_seed(seed)
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.rand(4, 3)).sum().backward()
    optimizer.step()
    return {"network": layer}, {"optimizer": optimizer}


def read(folder):
    """What a state holds, in parts that were others before."""
    modules, optimizers = parts(9)
    load_state(folder, modules, optimizers)
    return modules["network"].state_dict(), optimizers["optimizer"].state_dict()["state"]


def same(one, other):
    (weights, moments), (weights_2, moments_2) = one, other
    return all(torch.equal(weights[k], weights_2[k]) for k in weights) and all(
        torch.equal(moments[i][k], moments_2[i][k]) for i in moments for k in moments[i]
    )


def test_what_is_saved_is_read(tmp_path):
    modules, optimizers = parts(0)
    assert not has_state(tmp_path / "last")
    save_state(tmp_path / "last", modules, optimizers, INFO | {"step": 4})
    assert has_state(tmp_path / "last") and read_info(tmp_path / "last") == INFO | {"step": 4}
    expected = modules["network"].state_dict(), optimizers["optimizer"].state_dict()["state"]
    assert same(read(tmp_path / "last"), expected)
    assert not same(read(tmp_path / "last"), (parts(1)[0]["network"].state_dict(), expected[1]))


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path):
    save_state(tmp_path / "last", *parts(0), INFO)
    before = copy.deepcopy(read(tmp_path / "last"))
    with pytest.raises(TypeError, match="JSON"):
        save_state(tmp_path / "last", *parts(1), INFO | {"step": object()})  # fails after the weights
    assert read_info(tmp_path / "last") == INFO and same(read(tmp_path / "last"), before)
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_run_killed_between_the_two_renames_goes_on(tmp_path):
    save_state(tmp_path / "last", *parts(0), INFO)
    work = tmp_path / f".last.abcdefgh{WORK}"
    (work / "new").mkdir(parents=True)
    (tmp_path / "last").rename(work / "old")
    assert has_state(tmp_path / "last") and read_info(tmp_path / "last") == INFO


def test_a_damaged_or_missing_state_is_named(tmp_path):
    with pytest.raises(InputError, match="no run to resume"):
        read_info(tmp_path / "last")
    save_state(tmp_path / "last", *parts(0), INFO)
    (tmp_path / "last" / "network.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="does not match this configuration or is damaged"):
        read(tmp_path / "last")
    (tmp_path / "last" / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"state\.json is damaged"):
        read_info(tmp_path / "last")


def test_two_runs_do_not_train_in_one_folder(tmp_path):
    with only_run(tmp_path, None):
        with pytest.raises(InputError, match=r"Another process trains in .*choose another `out`"):
            with only_run(tmp_path, None):
                raise AssertionError
        save_state(tmp_path / "last", *parts(0), INFO | {"step": 4})
    for since in (None, 3):  # it was saved after this process had looked
        with pytest.raises(InputError, match="Another process trains"), only_run(tmp_path, since):
            raise AssertionError
    with only_run(tmp_path, 4):
        save_state(tmp_path / "last", *parts(0), INFO | {"step": 5})


@pytest.mark.parametrize(
    "wrong",
    [{"step": "4"}, {"step": -1}, {"step": None}, {"step": True}, {"config": []}, {"processes": {}}],
    ids=str,
)
def test_a_state_of_something_else_is_a_sentence(tmp_path, wrong):
    save_state(tmp_path / "last", *parts(0), INFO | wrong)
    with pytest.raises(InputError, match=r"state\.json is damaged .*; delete .* and start over"):
        read_info(tmp_path / "last")


@pytest.mark.parametrize("name", ["0.exp_avg", "9.exp_avg", "x.exp_avg"])
def test_moments_of_other_weights_are_a_sentence(tmp_path, name):
    """Otherwise the next step fails, in words of PyTorch."""
    save_state(tmp_path / "last", *parts(0), INFO)
    moments = load_file(tmp_path / "last" / "optimizer.safetensors")
    save_file(moments | {name: torch.ones(7)}, tmp_path / "last" / "optimizer.safetensors")
    with pytest.raises(InputError, match="does not match this configuration or is damaged"):
        read(tmp_path / "last")


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "[]", ""])
def test_a_state_that_is_no_json_of_ours_is_a_sentence(tmp_path, text):
    save_state(tmp_path / "last", *parts(0), INFO)
    (tmp_path / "last" / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"state\.json is damaged"):
        read_info(tmp_path / "last")
