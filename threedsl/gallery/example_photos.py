"""The demo galleries' photos to search with, as files small enough to load with a page."""

import hashlib
from pathlib import Path

from threedsl.data.images import load_image
from threedsl.data.small import fit, jpeg
from threedsl.files import write_whole

SIZE = (1000, 1000)  # height, width in pixels of a copy
LARGE = 300_000  # bytes; a smaller file is shown as it is


def reduced(photo: Path, folder: Path) -> Path:
    """The photo itself if its file is small, else a JPEG of it in `folder`, written once."""
    if photo.stat().st_size <= LARGE:
        return photo
    copy = folder / f"{digest(photo)[:24]}.jpg"
    if not copy.is_file():
        write_whole(copy, jpeg(fit(load_image(photo), *SIZE), quality=92))
    return copy


def digest(path: Path) -> str:
    """sha256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
