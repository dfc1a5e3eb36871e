"""The page as an MCP server, asked by MCP's own client: in an environment that borrows this one and adds `mcp`."""

import ast
import base64
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pictures import encoded, person_like
from threedsl.space.page_client import free_port, wait_for_page
from threedsl.ui.api.endpoint import unfolded
from threedsl.ui.page import launch_options

pytestmark = pytest.mark.server

# What gradio[mcp] asks for, so that nothing else of this environment changes.
EXTRA = ["mcp>=1.21,<2", "pydantic>=2.11.10,<=2.12.5"]
CLIENT = """
import asyncio, json, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

async def main(address, calls):
    async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = [tool.model_dump() for tool in (await session.list_tools()).tools]
        answers = [(await session.call_tool(name, given)).model_dump() for name, given in calls]
    print(json.dumps({"tools": tools, "answers": answers}))

asyncio.run(main(sys.argv[1], json.load(sys.stdin)))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """A Python that has `mcp`: this one, or one that borrows this one's packages."""
    if importlib.util.find_spec("mcp") is not None:
        return Path(sys.executable)
    folder = tmp_path_factory.mktemp("mcp")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-compile",
        *EXTRA,
    ]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mcp could not be installed: {done.stderr.strip().splitlines()[-1]}")
    (place,) = folder.glob("lib/python*/site-packages")
    (place / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture(scope="module")
def asked(python, random_checkpoint, tmp_path_factory) -> dict:
    """What the client got: the tools, and the answers to three calls."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    photo = f"data:image/png;base64,{base64.b64encode(encoded(person_like(256, 128))).decode()}"
    calls = [
        ("search", {"photo": photo, "gallery": "synthetic", "k": 2}),
        ("reconstruct", {"photo": photo}),
        ("search", {"photo": photo, "gallery": "nowhere", "k": 2}),
    ]
    command = [str(python), "app.py", "--checkpoint", str(random_checkpoint), "--device", "cpu"]
    own = {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "THREEDSL_CACHE": str(folder / "cache"),
    }
    with (folder / "log").open("w+") as log:
        server = subprocess.Popen(
            command, cwd=REPOSITORY, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for_page(f"http://127.0.0.1:{port}/", server)
            client = [str(python), "-c", CLIENT, f"http://127.0.0.1:{port}/gradio_api/mcp/"]
            done = subprocess.run(
                client, input=json.dumps(calls), capture_output=True, text=True, timeout=900
            )
            left = kept_copies(folder / "gradio", encoded(person_like(256, 128)))
        finally:
            server.terminate()
            server.wait(600)  # what the page computes in the background is finished first
        log.seek(0)
        assert done.returncode == 0, f"{done.stderr}\n{log.read()}"
    return json.loads(done.stdout) | {"left": left}


def kept_copies(folder: Path, content: bytes) -> list[str]:
    """Names of the files below a folder that have this content."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]


@pytest.mark.slow
def test_every_endpoint_is_a_tool_whose_words_are_the_docstrings(asked):
    tools = {tool["name"]: tool for tool in asked["tools"]}
    names = {"search", "reconstruct", "compare", "build_gallery", "galleries"} & {
        name for name in tools if not name.startswith("upload")
    }
    assert {"search", "reconstruct"} <= names
    for name in names:
        description = tools[name]["description"]
        assert len(description) > 60 and "Returns:" in description and "  " not in description
        for words in tools[name]["inputSchema"].get("properties", {}).values():
            assert words.get("description", "").endswith("."), (
                f"{name}: a description that stops half-way: {words}"
            )
    assert "by 3D body shape" in tools["search"]["description"]
    assert set(tools["search"]["inputSchema"]["properties"]) >= {"photo", "gallery", "k", "box"}


def told(answer: dict) -> object:
    """What a tool answered: Gradio writes it as Python does."""
    return ast.literal_eval(answer["content"][0]["text"])


def test_a_tool_answers_as_the_endpoint_does(asked):
    search, reconstruct, wrong = asked["answers"]
    assert not search["isError"] and not reconstruct["isError"]
    answer = told(search)
    assert {stream: len(matches) for stream, matches in answer["results"].items()} == {
        "appearance": 2,
        "shape": 2,
        "combined": 2,
    }
    body, glb, overlay = told(reconstruct)
    assert len(body["betas"]) == 10 and ".glb" in str(glb) and ".jpg" in str(overlay)
    assert wrong["isError"] and "nowhere" in wrong["content"][0]["text"]


def test_of_a_tools_pictures_nothing_is_kept(asked):
    assert asked["left"] == []


def test_the_page_is_an_mcp_server_where_the_extra_is_installed():
    assert launch_options()["mcp_server"] is (importlib.util.find_spec("mcp") is not None)


def test_descriptions_are_unfolded():
    docstring = """Do it.

    In two
    sentences.

    Args:
        one: a thing that
            goes on.
        two: short.

    Returns:
        a list of
        lines.
    """
    assert unfolded(docstring) == (
        "Do it.\n\nIn two\nsentences.\n\nArgs:\n    one: a thing that goes on.\n    two: short.\n"
        "\nReturns:\n    a list of lines."
    )
    assert unfolded("Only this.") == "Only this."
