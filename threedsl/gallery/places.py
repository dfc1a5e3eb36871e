"""How a saved index names its pictures: relative to it if both are in one folder, so that they can be moved together;
else absolute."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

LOOKED_FOR = 100  # pictures, of which one shows where all are


def portable(path: Path, target: Path) -> str:
    """A picture's path as an index in `target` names it."""
    path = path.absolute()
    return (
        Path(os.path.relpath(path, target)).as_posix()
        if path.is_relative_to(target.parent)
        else path.as_posix()
    )


def base_of(folder: Path, paths: Iterable[str]) -> Path:
    """What an index's relative paths start from. Of one behind a link that is its real place; or the link's, where the
    index was moved without its pictures."""
    if not folder.is_symlink():
        return folder
    relative = list(islice((path for path in paths if not os.path.isabs(path)), LOOKED_FOR))
    for base in (Path(os.path.realpath(folder)), folder):
        if any(os.path.isfile(os.path.normpath(base / path)) for path in relative):
            return base
    return folder
