"""The package: its metadata agrees with the requirement files, and its wheel works where no repository is."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import threedsl
from tests.conftest import REPOSITORY
from tests.test_repository import FILES, requirements

FILE_OF = {"train": "train/requirements.txt", "test": "tests/requirements.txt"}
# A network would hide that something is missing from the wheel.
NO_NETWORK = """\
import socket
def refuse(self, address): raise OSError(f"this test allows no network: {address}")
socket.socket.connect = refuse
"""


@pytest.fixture(scope="module")
def core():
    return ProjectMetadata(str(REPOSITORY), PluginManager()).core


def parsed(lines) -> set[str]:
    return {str(Requirement(line)).lower().replace("_", "-") for line in lines}


def lines_of(file: str) -> list[str]:
    """All lines: the same distribution may stand on two, with different markers."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def test_the_metadata_agrees_with_the_requirement_files(core):
    assert parsed(core.dependencies) == parsed(lines_of("requirements.txt"))
    extras = {name: parsed(lines) for name, lines in core.optional_dependencies.items()}
    assert extras.pop("milvus") <= extras["test"], "its tests may not be left out"
    assert extras == {name: parsed(lines_of(file)) for name, file in FILE_OF.items()}
    assert core.requires_python == ">=3.10" and "version" in core.dynamic


def test_the_constraints_are_public_versions_that_the_requirements_allow():
    pins = [Requirement(line) for line in lines_of("constraints.txt")]
    versions = {canonicalize_name(pin.name): re.fullmatch(r"==(.+)", str(pin.specifier))[1] for pin in pins}
    assert [v for v in versions.values() if Version(v).local] == []
    assert "torch" not in versions, "its build depends on the machine"
    declared = requirements("requirements.txt", *FILE_OF.values())
    declared = {name: Requirement(line) for name, line in declared.items() if name != "torch"}
    declared = {
        name: line
        for name, line in declared.items()
        if line.marker is None
        or line.marker.evaluate({"sys_platform": "linux", "platform_machine": "x86_64"})
    }
    assert [name for name in declared if name not in versions] == [], "run `make constraints`"
    assert [f"{name}=={versions[name]}" for name, line in declared.items()
            if not line.specifier.contains(versions[name], prereleases=True)] == []  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel as `pip install .` builds it."""
    out = tmp_path_factory.mktemp("wheel")
    command = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(REPOSITORY)]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_what_is_shipped(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        headers = Parser().parsestr(archive.read(metadata).decode())
    assert headers["Version"] == threedsl.__version__ and headers["License-Expression"] == "Apache-2.0"
    tracked = {path.as_posix() for path in FILES}
    library = {name for name in tracked if name.startswith("threedsl/")}
    carried = {name for name in tracked if name.startswith(("checkpoints/", "assets/synthetic/"))}
    expected = library | {f"threedsl/_shipped/{name}" for name in carried}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert "threedsl/py.typed" in names


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of the programs of a new environment with the wheel in it, this one's packages behind it."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True)
    programs = home / "bin"
    (packages,) = home.glob("lib/python3*/site-packages")
    behind = [folder for folder in sys.path if Path(folder).name == "site-packages"]
    (packages / "behind.pth").write_text("\n".join(behind) + "\n")
    (packages / "sitecustomize.py").write_text(NO_NETWORK)
    command = ["install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([programs / "python", "-m", "pip", *command], check=True, capture_output=True)
    return programs


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """A folder far from the repository with a photo in it."""
    from openpeople import curated

    photo = Path(curated.__file__).parent / "data" / "curated" / "P001" / "assets" / "amateur_posture.jpg"
    shutil.copy(photo, tmp_path / "photo.jpg")
    return tmp_path


def run(command: list[str | Path], folder: Path) -> str:
    hidden = ("PYTHON", "VIRTUAL_ENV")
    own = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    own |= {"THREEDSL_CACHE": str(folder / "cache"), "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_installed_command_searches_the_demo_galleries(installed, elsewhere):
    for gallery in ("openpeople", "synthetic"):
        command = [
            installed / "threedsl",
            "search",
            "photo.jpg",
            "--gallery",
            gallery,
            "--top",
            "3",
            "--json",
        ]
        found = json.loads(run(command, elsewhere))
        assert [match["rank"] for match in found["matches"]] == [1, 2, 3]
        assert all(match["person"] for match in found["matches"])


@pytest.mark.slow
def test_the_installed_command_reconstructs(installed, elsewhere):
    run([installed / "threedsl", "reconstruct", "photo.jpg", "--out", "body.glb"], elsewhere)
    assert (elsewhere / "body.glb").read_bytes()[:4] == b"glTF"


@pytest.mark.slow
def test_the_installed_library_loads_its_checkpoint_and_describes_as_the_repository_does(
    installed, elsewhere
):
    code = (
        "import sys, threedsl; from threedsl import ThreeDSL; model = ThreeDSL.from_pretrained(); "
        "print(threedsl.__file__); print(model.fingerprint); print(model('photo.jpg').combined.tobytes().hex())"
    )
    file, *own = run([installed / "python", "-c", code], elsewhere).split()
    assert Path(file).is_relative_to(installed.parent)
    environment = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); {code}"]
    assert own == run(environment, elsewhere).split()[1:]


@pytest.mark.slow
def test_what_needs_a_checkout_says_so(installed, elsewhere):
    done = subprocess.run(
        [installed / "threedsl", "space", "--out", "space"], cwd=elsewhere, capture_output=True, text=True
    )
    assert done.returncode == 2 and "assemble from a complete repository" in done.stderr
