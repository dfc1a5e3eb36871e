"""The container file beside what a Space holds and needs; no daemon is asked."""

import json
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from threedsl.space.assemble import PARTS


def instructions() -> list[tuple[str, str]]:
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (line.split()[0], line.split(maxsplit=1)[1].strip()) for line in text.splitlines() if line.strip()
    ]


STEPS = instructions()


def of(kind: str) -> list[str]:
    return [words for name, words in STEPS if name == kind]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for words in of("ENV") for pair in shlex.split(words))


def test_it_holds_what_a_space_holds():
    copied = {source for words in of("COPY") for source in shlex.split(words)[:-1]}
    wanted = {part.path for part in PARTS if not part.optional}
    assert copied == wanted | {"README.md"}
    assert not (REPOSITORY / "packages.txt").exists(), (
        "a Debian package would have to be installed here as well"
    )


def test_everything_copied_passes_dockerignore():
    """The last line that matches a path, or one of its folders, decides, as Docker reads the file."""
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    def sent(path: str) -> bool:
        parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
        decision = True
        for rule in rules:
            pattern = rule.removeprefix("!")
            names = [
                place
                for place in parents
                if fnmatch(place, pattern) or fnmatch(f"/{place}", pattern.replace("**", "*"))
            ]
            if names:
                decision = rule.startswith("!")
        return decision

    for part in PARTS:
        assert part.optional or sent(part.path), part.path
    for path in (REPOSITORY / "threedsl" / "ui" / "static").iterdir():
        assert sent(path.relative_to(REPOSITORY).as_posix()), path
    for path in (
        "train/engine.py",
        "tests/cli/test_cli.py",
        ".git/config",
        ".env",
        "threedsl/.env",
        "runs/x",
        "data/x",
    ):
        assert not sent(path), path
    assert not sent("threedsl/ui/__pycache__/page.cpython-312.pyc")


def test_requirements_come_first_and_from_the_cpus_index():
    (install,) = of("RUN")[1:]
    assert shlex.split(install) == ["pip", "install", "--requirement", "requirements.txt"]
    assert environment()["PIP_EXTRA_INDEX_URL"] == "https://download.pytorch.org/whl/cpu"
    order = [f"{name} {words}" for name, words in STEPS]
    assert (
        order.index("COPY requirements.txt ./")
        < order.index(f"RUN {install}")
        < order.index("COPY threedsl threedsl")
    )


def test_it_serves_as_a_visitor_without_rights():
    names = [name for name, _ in STEPS]
    assert of("USER") == ["visitor"] and "--uid 1000" in of("RUN")[0]
    assert names.index("USER") < names.index("CMD") and "COPY" not in names[names.index("USER") :]
    settings = environment()
    assert (
        settings["GRADIO_SERVER_NAME"] == "0.0.0.0"
        and settings["GRADIO_SERVER_PORT"] == of("EXPOSE")[0] == "7860"
    )
    (program,) = of("CMD")
    assert json.loads(program) == ["python", "app.py"] and (REPOSITORY / "app.py").is_file()


def test_python_is_the_one_the_space_names():
    front = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    version = re.search(r'python_version: "([\d.]+)"', front)[1]
    assert of("FROM") == [f"python:{'.'.join(version.split('.')[:2])}-slim"]


@pytest.mark.parametrize("there", [True, False])
def test_the_health_check_tells_a_page_from_none(there, page_url):
    (check,) = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    address = page_url if there else "http://127.0.0.1:9/"
    asked = [sys.executable, *(word.replace("http://127.0.0.1:7860/", address) for word in command[1:])]
    assert command[0] == "python" and address in asked[-1]
    assert (subprocess.run(asked, capture_output=True).returncode == 0) is there
