"""One-click examples: photos of the demo galleries' people, small enough to load with the page.

They stand in the order that `python -m train examples` measured; see `threedsl.gallery.example_ranks`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from threedsl.data.listfile import Record
from threedsl.gallery.demo import DemoGallery
from threedsl.gallery.example_photos import digest, reduced
from threedsl.gallery.example_ranks import ExampleRank, GalleryRanks


@dataclass(frozen=True)
class Example:
    """A photo to click."""

    photo: Path
    gallery: str
    person: str
    # how its search turns out, where that is known for the page's weights
    measured: ExampleRank | None = None


def make_examples(demo: DemoGallery, folder: Path, ranks: GalleryRanks | None = None) -> list[Example]:
    """All photos whose clothes the gallery does not hold for the same person, in the measured order.

    folder: where reduced copies of large photos are written once. ranks: None leaves the order of the list.
    """
    worn = {(record.pid, record.clothes) for record in demo.listed}
    other_clothes = [record for record in demo.examples if (record.pid, record.clothes) not in worn]
    files = {digest(Path(record.path)): record for record in other_clothes} if ranks else {}
    if ranks and fits(ranks, demo, files):
        ordered = [(files[one.sha256], one) for one in ranks.examples]
    else:
        ordered = [(record, None) for record in other_clothes]
    return [
        Example(reduced(Path(record.path), folder), demo.name, record.pid, one) for record, one in ordered
    ]


def fits(ranks: GalleryRanks, demo: DemoGallery, digests: Collection[str]) -> bool:
    """Whether figures belong to these very photos, and to a gallery with as many pictures."""
    return ranks.pictures == len(demo.listed) and {one.sha256 for one in ranks.examples} == set(digests)


def make_pairs(demo: DemoGallery, folder: Path, ranks: GalleryRanks | None = None) -> list[tuple[Path, Path]]:
    """Photos to compare: one person in other clothes, and two people, alike in clothes where the demo has such.

    The person is that of the first example.
    """
    portraits = demo.list_portraits()
    if not portraits or not demo.examples:
        return []
    first = ranks.examples[0].person if ranks and ranks.examples else None
    asked = next((record for record in demo.examples if record.pid == first), demo.examples[0])
    others = [record for record in portraits if record.pid != asked.pid]
    again = [record for record in portraits if record.pid == asked.pid and record.clothes != asked.clothes]
    pairs = [(asked, again[0])] if again else []
    if others:
        alike = [record for record in others if again and record.clothes == again[0].clothes]
        pairs.append((again[0], alike[0]) if alike else (asked, others[0]))
    return [tuple(reduced(Path(record.path), folder) for record in pair) for pair in pairs]


def known_people(demo: DemoGallery, folder: Path) -> dict[str, Record]:
    """sha256 of every example photo, whole and reduced, to who it shows, in which clothes and by which camera."""
    known = {}
    for record in demo.examples:
        for path in {Path(record.path), reduced(Path(record.path), folder)}:
            known[digest(path)] = record
    return known
