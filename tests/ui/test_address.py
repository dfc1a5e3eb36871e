"""`python app.py` where it cannot listen: one sentence, exit status 2, and no other port."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.conftest import REPOSITORY
from tests.ui.browser.serving import served


def started(**variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "app.py", "--checkpoint", "/nowhere", "--device", "cpu"],
        cwd=REPOSITORY,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=900,
    )


def check_sentence(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("app.py: ") and lines[0].endswith("."), lines
    assert all(word in lines[0] for word in words), lines


@pytest.mark.parametrize("port", ["abc", "0", "-1", "70000", "7860.5", "0x1F90", "٧٨٦٠", "9" * 5000])
def test_a_wrong_port_is_a_sentence(port, tmp_path):
    check_sentence(started(GRADIO_SERVER_PORT=port, GRADIO_TEMP_DIR=str(tmp_path)), "from 1 to 65535")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["127.0.0.1", "0.0.0.0", "::1"])
def test_a_taken_port_is_a_sentence(name, tmp_path):
    with socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET) as other:
        other.bind(("::1" if ":" in name else "127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = started(GRADIO_SERVER_PORT=port, GRADIO_SERVER_NAME=name, GRADIO_TEMP_DIR=str(tmp_path))
    check_sentence(done, f"Port {port}", "GRADIO_SERVER_PORT")


def test_a_host_that_is_none(tmp_path):
    done = started(GRADIO_SERVER_NAME="no such host", GRADIO_TEMP_DIR=str(tmp_path))
    check_sentence(done, "GRADIO_SERVER_NAME")


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("name", ["", " 127.0.0.1 "])
def test_a_blank_name_is_this_machine_alone(random_checkpoint, name, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", name)
    with served(random_checkpoint, tmp_path) as url:
        with urllib.request.urlopen(url, timeout=120) as answer:
            assert answer.status == 200
        other = urllib.request.Request(url, headers={"Host": "demo.example.org"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(other, timeout=120)
