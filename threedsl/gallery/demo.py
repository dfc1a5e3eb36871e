"""The demo galleries: ten people who do not exist (the `openpeople` package) and synthetic test people."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from threedsl.data.images import load_image
from threedsl.data.listfile import Record, read_list
from threedsl.errors import InputError
from threedsl.files import cache_folder, write_whole
from threedsl.people import Box, crop_box
from threedsl.progress import progress_bar
from threedsl.shipped import shipped

SYNTHETIC = shipped("assets/synthetic")
CUT_FROM = ("studio_posture.jpg", "character_sheet.jpg")  # of each person: one view, and all the others
VIEWS = ("front", "left", "back", "right")  # the order of a character sheet, from left to right
SAME_CLOTHES = ("P002", "P003")  # who appear to wear the same clothes outdoors and in the studio
CROP_HEIGHT = 512  # pixels
SEGMENT_HEIGHT = 400
CROPS_VERSION = 3  # raise it when the cropping changes, so that old crops are re-created


@dataclass
class DemoGallery:
    """A gallery and example queries, each listed on first use.

    Examples whose clothes differ from the same person's in the gallery come first, as they show the method's purpose.
    """

    name: str
    title: str
    list_records: Callable[[], list[Record]]
    list_examples: Callable[[], list[Record]]
    make_pictures: Callable[[], None] = lambda: None  # creates the missing files of list_records
    # photos of the same people whose files are there at once
    list_portraits: Callable[[], list[Record]] = list
    people: str = ""  # who is in it, in two or three words

    @cached_property
    def listed(self) -> list[Record]:
        """The gallery's records, immediately; their pictures may not exist yet."""
        return self.list_records()

    @cached_property
    def records(self) -> list[Record]:
        """Person crops to search in; the first call may have to create them, which takes seconds."""
        self.make_pictures()
        return self.listed

    @cached_property
    def examples(self) -> list[Record]:
        """Pictures to search with: whole photos (openpeople) or crops (synthetic)."""
        return self.list_examples()


def demo_galleries() -> Mapping[str, DemoGallery]:
    """The galleries whose files are on this machine, by name."""
    galleries = {}
    if openpeople_folder() is not None:
        galleries["openpeople"] = DemoGallery(
            "openpeople",
            "Ten people, five studio views each (openpeople)",
            openpeople_records,
            openpeople_examples,
            cut_openpeople,
            openpeople_portraits,
            people="Photoreal people who do not exist (openpeople)",
        )
    if (SYNTHETIC / "gallery.txt").is_file() and (SYNTHETIC / "query.txt").is_file():
        galleries["synthetic"] = DemoGallery(
            "synthetic",
            "Synthetic test people, in several outfits",
            lambda: read_list(SYNTHETIC / "gallery.txt"),
            lambda: read_list(SYNTHETIC / "query.txt"),
            list_portraits=lambda: read_list(SYNTHETIC / "gallery.txt"),
            people="Synthetic (rendered) people",
        )
    return galleries


def openpeople_folder() -> Path | None:
    """The folder of the package's people, None when it is not installed."""
    spec = find_spec("openpeople")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "data" / "curated"
    return folder if folder.is_dir() else None


def openpeople_records() -> list[Record]:
    """Fifty studio crops, which `cut_openpeople` writes."""
    people = _openpeople()
    crops = cache_folder() / f"openpeople-{CROPS_VERSION}-{_release(people)}"
    return [
        Record(crops / f"{folder.name}-{view}.jpg", folder.name, view, "studio")
        for folder in people
        for view in ("studio", *VIEWS)
    ]


def openpeople_examples() -> list[Record]:
    """The ten outdoor photos as they are, those in other clothes first."""
    examples = [
        Record(
            folder / "assets" / "amateur_posture.jpg",
            folder.name,
            "outdoor",
            "studio" if folder.name in SAME_CLOTHES else "outdoor",
        )
        for folder in _openpeople()
    ]
    return sorted(examples, key=lambda record: (record.clothes == "studio", record.pid))


def openpeople_portraits() -> list[Record]:
    """The ten studio photos as they are."""
    return [
        Record(folder / "assets" / "studio_posture.jpg", folder.name, "studio", "studio")
        for folder in _openpeople()
    ]


def cut_openpeople() -> None:
    """Cut the fifty crops out of the package's pictures, unless all of them are in the cache.

    Raises:
        InputError: the package is missing or its pictures are not as expected.
    """
    records = openpeople_records()
    if not all(record.path.is_file() for record in records):
        _cut_all(_openpeople(), records[0].path.parent)


def _release(folders: list[Path]) -> str:
    """Another one where the package has other pictures: those that were cut out of its earlier ones do not count."""
    sizes = [
        (folder.name, name, (folder / "assets" / name).stat().st_size)
        for folder in folders
        for name in CUT_FROM
        if (folder / "assets" / name).is_file()
    ]
    return hashlib.sha256(repr(sizes).encode()).hexdigest()[:8]


def _openpeople() -> list[Path]:
    """The folder of each person."""
    people = openpeople_folder()
    if people is None:
        raise InputError("The demo people are not installed; run `pip install openpeople`.")
    return sorted(folder for folder in people.iterdir() if (folder / "assets").is_dir())


def _cut_all(folders: list[Path], target: Path) -> None:
    """Write all crops. Each file appears whole, so several processes may do this at the same time."""
    with (
        ThreadPoolExecutor(max_workers=2) as pool,
        progress_bar("Cutting out the demo people", "person") as report,
    ):
        people = pool.map(cut_person, [folder / "assets" for folder in folders])
        for done, (folder, crops) in enumerate(zip(folders, people, strict=True), 1):
            for view, crop in crops.items():
                write_whole(target / f"{folder.name}-{view}.jpg", _as_jpeg(crop))
            report(done, len(folders))


def cut_person(assets: Path) -> dict[str, np.ndarray]:
    """One person's five studio crops, RGB uint8: "studio" and the four VIEWS of the character sheet."""
    portrait, sheet = (load_image(assets / name) for name in CUT_FROM)
    crops = {"studio": studio_box(portrait).crop(portrait)}
    panels = sheet_panels(sheet)
    if len(panels) != len(VIEWS):
        raise InputError(
            f"{assets / 'character_sheet.jpg'} shows {len(panels)} full-body panels, not {len(VIEWS)}; "
            "install the openpeople version of requirements.txt."
        )
    for view, panel in zip(VIEWS, panels, strict=True):
        picture = panel.crop(sheet)
        crops[view] = studio_box(picture).crop(picture)
    return crops


def sheet_panels(sheet: np.ndarray) -> list[Box]:
    """The full-body panels of a character sheet, from left to right, without their white frames.

    A frame is a closed white outline; the full-body ones are the upright rectangles taller than 30 % of the sheet.
    """
    import cv2

    height, width = sheet.shape[:2]
    white = (sheet.min(2) > 225).astype(np.uint8)
    outlines, _ = cv2.findContours(white, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    inset = round(0.006 * width)
    panels = []
    for x, y, w, h in map(cv2.boundingRect, outlines):
        if h > 0.3 * height and w > 0.1 * width and h > 1.2 * w:
            panels.append(Box(x + inset, y + inset, x + w - inset, y + h - inset))
    return sorted(panels, key=lambda box: box.x0)


def studio_box(picture: np.ndarray) -> Box:
    """The person before a plain studio background (RGB uint8), as a crop like those of find_people.

    The background of each row is interpolated between its left and right margin; what differs clearly in colour is
    the person. Brightness counts less than hue and saturation, because the floor shows the person's shadow.
    """
    import cv2

    zoom = SEGMENT_HEIGHT / picture.shape[0]
    small = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    margin = max(2, small.shape[1] // 12)
    left, right = np.median(lab[:, :margin], 1), np.median(lab[:, -margin:], 1)
    across = np.linspace(0, 1, small.shape[1], dtype=np.float32)[None, :, None]
    difference = np.abs(lab - (left[:, None] * (1 - across) + right[:, None] * across))
    person = (difference[..., 0] > 40) | (difference[..., 1:].sum(2) > 14)
    person = cv2.morphologyEx(person.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, labels, parts, _ = cv2.connectedComponentsWithStats(person)
    areas = parts[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        raise InputError("No person stands out from the studio background of a demo picture.")
    # Grey shorts against a grey wall cut a person in two: every sizeable part counts, specks do not.
    rows, columns = np.nonzero(np.isin(labels, 1 + np.flatnonzero(areas >= 0.05 * areas.max())))
    tight = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / zoom
    return crop_box(tight, 1.0, picture.shape[:2])


def _as_jpeg(crop: np.ndarray) -> bytes:
    import cv2

    size = (round(crop.shape[1] * CROP_HEIGHT / crop.shape[0]), CROP_HEIGHT)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, 92]
    return cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)[1].tobytes()
