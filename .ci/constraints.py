"""Print constraints.txt for the environment this runs in: `make constraints` after the full test suite has passed."""

import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements.txt", "train/requirements.txt", "tests/requirements.txt")
# PyTorch's build depends on the machine (CPU or a CUDA version), so its range in requirements.txt decides; each of its
# versions wants another setuptools.
APART = re.compile(r"torch|triton|nvidia-.*|cuda-.*|pip|setuptools")
OLDEST = "3.10"
HEADER = """\
# The exact versions that the tests last passed with, for `make env`; `make constraints` writes this file.
# PyTorch stands apart: its build depends on the machine. A version that needs a newer Python than 3.10 says so.
"""


def requirements(distribution: str, extras: set[str]) -> list[Requirement]:
    """What an installed distribution needs here."""
    lines = importlib.metadata.requires(distribution) or []
    needed = map(Requirement, lines)
    return [
        r
        for r in needed
        if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in {"", *extras})
    ]


def declared() -> list[Requirement]:
    """The lines of the requirement files that hold on this machine."""
    lines = [line.split(" #")[0].strip() for file in FILES for line in (ROOT / file).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [r for r in found if r.marker is None or r.marker.evaluate()]


def needed() -> dict[str, str]:
    """Normalised name -> installed version of everything the requirement files bring, and of nothing else."""
    found: dict[str, str] = {}
    waiting = declared()
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found:
            continue
        found[name] = importlib.metadata.version(name)
        waiting += requirements(name, requirement.extras)
    return found


def line_of(name: str, version: str) -> str:
    """`name==version`, for a public version, with a marker where it needs a newer Python than the oldest."""
    python = importlib.metadata.metadata(name)["Requires-Python"] or ""
    lowest = next(minor for minor in range(10, 30) if SpecifierSet(python).contains(f"3.{minor}.99"))
    marker = "" if f"3.{lowest}" == OLDEST else f'; python_version >= "3.{lowest}"'
    return f"{name}=={Version(version).public}{marker}"


if __name__ == "__main__":
    versions = {name: version for name, version in needed().items() if not APART.fullmatch(name)}
    print(HEADER + "\n".join(line_of(*item) for item in sorted(versions.items())))
