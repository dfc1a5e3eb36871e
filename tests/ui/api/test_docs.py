"""docs/api.md is true: its Python and its curl run against a page, its tables name what the page declares."""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from threedsl.space.page_client import call, upload

TEXT = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
PAGE = "http://localhost:7860"
ENDPOINTS = re.findall(r"^\| `/(\w+)` \| ([^|]*)\|[^|]*\|$", TEXT.partition("| answer of |")[0], re.MULTILINE)


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    from openpeople import curated

    people = Path(curated.__file__).parent / "data" / "curated"
    folder = tmp_path_factory.mktemp("api")
    for name, person in (("photo.jpg", "P001"), ("other.jpg", "P004")):
        shutil.copy(people / person / "assets" / "amateur_posture.jpg", folder / name)
    return folder


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_python_runs(workspace, page_url):
    told = run([sys.executable, "-c", block("python").replace(PAGE, page_url.rstrip("/"))], workspace)
    assert "Gallery 'nowhere' is unknown" in told and ".glb" in told


def test_the_curl_runs(workspace, page_url):
    script = block("bash").replace(PAGE, page_url.rstrip("/"))
    asked = re.findall(r"^ask (\w+)", script, re.MULTILINE)
    assert asked == [name for name, _ in ENDPOINTS]
    told = run(["bash", "-euo", "pipefail", "-c", script], workspace)
    assert told.count("event: complete") == len(asked) and "event: error" not in told


def declared(page_url: str) -> dict:
    with urllib.request.urlopen(f"{page_url}gradio_api/info", timeout=300) as answer:
        return json.load(answer)["named_endpoints"]


def test_the_tables_name_every_endpoint_and_argument(page_url):
    page = declared(page_url)
    assert {f"/{name}" for name, _ in ENDPOINTS} == set(page)
    for name, arguments in ENDPOINTS:
        listed = re.findall(r"(\w+)(?: \([^)]*\))?(?:, |\s*$)", arguments)
        assert [p["parameter_name"] for p in page[f"/{name}"]["parameters"]] == listed, name


def test_every_argument_is_described_and_every_answer_explained(page_url):
    for name, endpoint in declared(page_url).items():
        assert len(endpoint["description"]) > 30, name


def test_every_field_of_an_answer_is_in_the_table(workspace, page_url):
    named = set(re.findall(r"`(\w+)`", TEXT))
    photo = upload(page_url, workspace / "photo.jpg")
    (found,) = call(page_url, "search", photo=photo, gallery="synthetic", k=1)
    (alike, *_), (body, *_) = (
        call(page_url, "compare", photo=photo, other=photo),
        call(page_url, "reconstruct", photo=photo),
    )
    (mine,), (listed,) = (
        call(page_url, "build_gallery", files=[photo], title="Mine"),
        call(page_url, "galleries"),
    )
    answers = [found, found["query"], found["results"]["shape"][0], alike, body, mine, listed[0]]
    assert {field for answer in answers for field in answer} - named == set()


def test_the_mcp_address_is_json():
    assert json.loads(block("json"))["mcpServers"]["threedsl"]["url"] == f"{PAGE}/gradio_api/mcp/"
