"""One-click examples: photos of the demo galleries' people, small enough to load with the page."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.demo import DemoGallery
from threedsl.ui.pictures import fit, jpeg

PER_GALLERY = 6
SIZE = (1000, 1000)  # height, width in pixels of a copy
LARGE = 300_000  # bytes; a smaller file is shown as it is


@dataclass(frozen=True)
class Example:
    """A photo to click."""

    photo: Path
    gallery: str


def make_examples(demo: DemoGallery, folder: Path) -> list[Example]:
    """The photos whose clothes the gallery does not hold for the same person; reduced copies of large ones are
    written to `folder` once."""
    worn = {(record.pid, record.clothes) for record in demo.listed}
    other_clothes = [record for record in demo.examples if (record.pid, record.clothes) not in worn]
    return [Example(reduced(Path(record.path), folder), demo.name) for record in other_clothes[:PER_GALLERY]]


def make_pairs(demo: DemoGallery, folder: Path) -> list[tuple[Path, Path]]:
    """Photos to compare: one person in other clothes, and two people, alike in clothes where the demo has such."""
    portraits = demo.list_portraits()
    if not portraits or not demo.examples:
        return []
    asked = demo.examples[0]
    others = [record for record in portraits if record.pid != asked.pid]
    again = [record for record in portraits if record.pid == asked.pid and record.clothes != asked.clothes]
    pairs = [(asked, again[0])] if again else []
    if others:
        alike = [record for record in others if again and record.clothes == again[0].clothes]
        pairs.append((again[0], alike[0]) if alike else (asked, others[0]))
    return [tuple(reduced(Path(record.path), folder) for record in pair) for pair in pairs]


def reduced(photo: Path, folder: Path) -> Path:
    """The photo itself if its file is small, else a JPEG of it in `folder`, written once."""
    if photo.stat().st_size <= LARGE:
        return photo
    copy = folder / f"{digest(photo)[:24]}.jpg"
    if not copy.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = copy.with_suffix(".part")
        part.write_bytes(jpeg(fit(load_image(photo), *SIZE), quality=92))
        part.replace(copy)
    return copy


def known_people(demo: DemoGallery, folder: Path) -> dict[str, Record]:
    """sha256 of every example photo, whole and reduced, to who it shows, in which clothes and by which camera."""
    known = {}
    for record in demo.examples:
        for path in {Path(record.path), reduced(Path(record.path), folder)}:
            known[digest(path)] = record
    return known


def digest(path: Path) -> str:
    """sha256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
