"""Signals and full disks while a run trains: nothing is lost, nothing is half-written, and one sentence says so."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import torch
import torch.multiprocessing
from torch import nn

from tests.train.toy import write_dataset
from threedsl.errors import InputError, Stopped
from train import engine
from train.__main__ import main
from train.configs.read import load_config
from train.parallel import open_accelerator
from train.run_state import has_state, load_state, read_info, save_state
from train.stopping import StopRequest

CONFIG = "train/configs/baseline-appearance.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_dataset(root)
    return root


def settings(data, out, **more):
    values = {
        "data": data, "out": out, "steps": 2, "identities": 2, "instances": 2, "pretrained": "null",
        "network.height": 64,
        "network.width": 32, "network.descriptor": 32, "warmup": 1, "log_every": 1, "evaluate_every": 10**6,
        "save_every": 10**6, "precision": "no",
    } | more  # fmt: skip
    return [f"{key}={value}" for key, value in values.items()]


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """A shell that starts tests in the background has them ignore Ctrl-C, and what they start as well."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_signal_keeps_the_state_and_ends_in_one_line(data, tmp_path, number, code):
    out = tmp_path / "run"
    values = settings(data, out, steps=10**6)
    words = [word for value in values for word in ("--set", value)]
    log = tmp_path / "log"
    with log.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "train", "run", CONFIG, *words], stderr=file, stdout=file
        )
        try:
            deadline = time.monotonic() + 900
            while (
                b"step 2 " not in log.read_bytes() and running.poll() is None and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            running.send_signal(number)
            assert running.wait(600) == code
        finally:
            running.kill()
    text = log.read_text()
    assert "Traceback" not in text
    step = read_info(out / "last")["step"]
    assert text.splitlines()[-1] == (
        f"stopped at step {step} of 1000000; its state is in {out / 'last'}: rerun the same command with "
        "--resume to continue."
    )
    assert step >= 2 and not (out / "export").exists()
    assert main(["run", CONFIG, *words, "--resume", "--stop-at", str(step + 1)]) == 0
    assert read_info(out / "last")["step"] == step + 1


def test_a_signal_before_the_first_step_ends_at_once():
    with StopRequest() as request, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert not request.signal and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_same_signal_twice_is_one_request_and_a_later_one_ends_at_once(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with StopRequest() as request:
        request.wait_for_a_step()
        assert not request.asked(torch.device("cpu"))
        os.kill(os.getpid(), signal.SIGINT)
        clock[0] += 1  # torchrun hands on what the terminal sent to all
        os.kill(os.getpid(), signal.SIGINT)
        assert request.asked(torch.device("cpu")) and request.signal == signal.SIGINT
        clock[0] += 3
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def ask(rank, out):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ |= {"MASTER_ADDR": "127.0.0.1"}
    store = torch.distributed.FileStore(f"{out}.store", 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    answers = []
    with StopRequest() as request:
        request.wait_for_a_step()
        for step in range(3):
            if rank == 1 and step == 1:
                os.kill(os.getpid(), signal.SIGINT)
            answers.append(request.asked(torch.device("cpu")))
    torch.save([answers, request.signal], f"{out}.{rank}")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_all_processes_stop_after_the_same_step(tmp_path):
    torch.multiprocessing.spawn(ask, (str(tmp_path / "asked"),), nprocs=2)
    for rank in (0, 1):
        assert torch.load(tmp_path / f"asked.{rank}", weights_only=True) == [
            [False, True, True],
            int(signal.SIGINT),
        ]


@pytest.mark.slow
def test_a_stopped_run_raises_what_the_command_prints(data, tmp_path):
    request = StopRequest()
    request.signal = int(signal.SIGINT)
    out = tmp_path / "run"
    with pytest.raises(Stopped, match=r"step 1 of 2.*--resume") as stopped:
        engine.train(load_config(CONFIG, settings(data, out)), request=request)
    assert stopped.value.code == 130 and read_info(out / "last")["step"] == 1


@contextmanager
def full_disk():
    """No file of this process may grow beyond 100 kB, the tests' own log included."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    large = {"network": nn.Linear(512, 512)}
    sentence = r"cannot be written to .*last \(.*\); nothing of it.*without --resume"
    with pytest.raises(InputError, match=sentence), full_disk():
        save_state(tmp_path / "last", large, {}, {"step": 1, "config": {}, "processes": 1})
    assert list(tmp_path.iterdir()) == [] and not has_state(tmp_path / "last")


def test_a_full_disk_leaves_the_state_before(tmp_path):
    torch.manual_seed(0)
    modules = {"network": nn.Linear(512, 512)}
    save_state(tmp_path / "last", modules, {}, {"step": 1, "config": {}, "processes": 1})
    kept = modules["network"].weight.detach().clone()
    nn.init.zeros_(modules["network"].weight)
    with pytest.raises(InputError, match="the one saved before is whole"), full_disk():
        save_state(tmp_path / "last", modules, {}, {"step": 2, "config": {}, "processes": 1})
    assert read_info(tmp_path / "last")["step"] == 1
    load_state(tmp_path / "last", modules, {})
    assert torch.equal(modules["network"].weight, kept)
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"step": 1' + "0" * 10_000 + "}"])
def test_a_damaged_state_is_reported(tmp_path, text):
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"state\.json is damaged"):
        read_info(tmp_path / "last")


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_written_is_written_when_the_run_goes_on(data, tmp_path):
    """With the same configuration as if nothing had happened, chosen shares included."""
    more = {"network.hidden": 32, "mask_height": 32, "graph": "false", "start": "null", "more_data": "null"}
    three = [value for value in settings(data, tmp_path / "whole", **more)]
    config = "train/configs/efficientnet.yaml"
    engine.train(load_config(config, three))
    again = [value for value in settings(data, tmp_path / "run", **more)]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "export").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written to .*export .*--resume"):
        engine.train(load_config(config, again))
    (tmp_path / "run" / "export").unlink()
    engine.train(load_config(config, again), resume=True)
    read = [json.loads((tmp_path / run / "export" / "config.json").read_text()) for run in ("whole", "run")]
    assert read[0] == read[1]


def test_only_run_takes_several_processes(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["measure", "x"]) == 2
    assert capsys.readouterr().err == (
        "error: `train measure` works in one process; start it with python instead of torchrun.\n"
    )


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match=r"2 processes .* with 1 GPU; give torchrun --nproc_per_node 1"):
        open_accelerator("no")
