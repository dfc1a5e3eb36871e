"""Locating a checkpoint, without torch, so that a wrong name is reported immediately."""

from __future__ import annotations

import re
from pathlib import Path

from threedsl.errors import InputError
from threedsl.shipped import ROOT, shipped

WEIGHTS, CONFIG = "model.safetensors", "config.json"
DEFAULT = "3dsl-lite"
DEFAULT_CHECKPOINT = shipped(f"checkpoints/{DEFAULT}")
# The files of a checkpoint and what the page shows of it; nothing that could be executed.
PATTERNS = ["*.json", "*.safetensors", "body.npz", "*.md", "NOTICE.txt", "*.jpg", "*.png"]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find_checkpoint(source: str | Path, **download) -> Path:
    """A folder as given, one in the repository, a shipped one by name, or a download from the Hugging Face Hub.

    download: revision, token, cache_dir and the like, as huggingface_hub.snapshot_download takes them.

    Raises:
        InputError: there is none, or it could not be downloaded.
    """
    for folder in (Path(source), ROOT / source, ROOT / "checkpoints" / source):
        if folder.is_dir():
            return folder
    name = str(source)
    if HUB_ID.fullmatch(name) and not Path(name).parent.exists() and not (ROOT / name).parent.exists():
        return _download(name, download)
    raise InputError(
        f"Checkpoint {name} does not exist; give a folder with {CONFIG} and {WEIGHTS}, a Hugging Face id, or "
        f"{DEFAULT}, the shipped one."
    )


def _download(name: str, options: dict) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=PATTERNS, **options))
    except Exception as error:  # HTTP, offline and hub errors have no common base class
        reason = type(error).__name__
        raise InputError(
            f"{name} is neither a folder nor a model that could be downloaded from the Hub ({reason})."
        ) from error
