"""Where a checkpoint lies; knows nothing of torch, so that a wrong name is told at once."""

from __future__ import annotations

import re
from pathlib import Path

from threedsl.errors import InputError

WEIGHTS, CONFIG = "model.safetensors", "config.json"
REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT = "3dsl-lite"
# What a checkpoint is read from, and what the page shows of it; nothing that could be executed.
PATTERNS = ["*.json", "*.safetensors", "body.npz", "*.md", "*.jpg", "*.png"]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find_checkpoint(source: str | Path, **download) -> Path:
    """A folder as given, below the repository, one of the shipped by its name, or downloaded from the Hugging Face Hub.

    download: revision, token, cache_dir and the like, as huggingface_hub.snapshot_download takes them.

    Raises:
        InputError: there is none, or it could not be downloaded.
    """
    for folder in (Path(source), REPOSITORY / source, REPOSITORY / "checkpoints" / source):
        if folder.is_dir():
            return folder
    name = str(source)
    if HUB_ID.fullmatch(name) and not Path(name).parent.exists() and not (REPOSITORY / name).parent.exists():
        return _download(name, download)
    raise InputError(
        f"Checkpoint {name} does not exist; give a folder with {CONFIG} and {WEIGHTS}, a Hugging Face id, or "
        f"{DEFAULT}, which is shipped."
    )


def _download(name: str, options: dict) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=PATTERNS, **options))
    except Exception as error:  # HTTP, offline and hub errors have no common base class
        reason = type(error).__name__
        raise InputError(
            f"{name} is neither a folder nor a model that could be had from the Hub ({reason})."
        ) from error
