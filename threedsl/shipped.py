"""Where the files that come with the program are: in the repository or a Space, and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
INSTALLED = _PACKAGE / "_shipped"
"""Where pyproject.toml puts checkpoints/ and assets/synthetic in a wheel; absent in the repository."""

ROOT = INSTALLED if INSTALLED.is_dir() else _PACKAGE.parent
"""The folder of checkpoints/ and assets/."""


def shipped(name: str) -> Path:
    """The path of a shipped file or folder, such as checkpoints/body/anny_smpl.npz, whether or not it exists."""
    return ROOT / name
