"""What `prepare` needs to be told of some trees, and what it wrote."""

from pathlib import Path

from tests.datasets import trees

FGPR = ("--pattern", trees.FGPR_PATTERN, "--group-field", "group")
OPTIONS = {"fgpr": FGPR, "folder": ("--camera-pattern", r"(\w+)_\d")}


def lines(out: Path, name: str) -> list[str]:
    return (out / "list" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
