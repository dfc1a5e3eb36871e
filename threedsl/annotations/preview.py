"""A contact sheet: some pictures of a dataset, each next to a copy with its keypoints and mask drawn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from threedsl.annotations.dataset import Dataset, picture_size
from threedsl.body.joints import COCO_KEYPOINTS, COCO_SKELETON
from threedsl.data.headers import check_header
from threedsl.data.images import FORMATS, MAX_BYTES, check_pixels, load_image
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import mask_path, pose_file, pose_id
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.reading import read_file

TILES = 24
WIDTH = 1960  # pixels of the sheet, or of one tile where that is more
HEIGHT, GAP = 300, 14  # pixels of a picture on the sheet
SCALE = 3  # drawn larger and brought down, which smooths lines
SEEN = 0.3  # confidence from which a joint is drawn filled and joined by limbs
LEFT, RIGHT, MIDDLE = "#ff8c1a", "#2aa7ff", "#f5f06a"
OUTLINE, MISSING, INK, PAPER = "#35e06f", "#d62f2f", "#222222", "#ffffff"
NOSE = COCO_KEYPOINTS.index("nose")  # the other joints alternate, left ones odd
LEGEND = (
    ("left limbs", LEFT),
    ("right limbs", RIGHT),
    ("rings: confidence below 0.3", INK),
    ("outline and bright: mask", OUTLINE),
)


def write_preview(dataset: Dataset, path: Path) -> None:
    """Draw up to 24 pictures, evenly taken from the lists, and write the sheet as PNG or JPEG.

    Raises:
        InputError: a picture or mask cannot be read, or the file cannot be written.
    """
    poses = read_alphapose(pose_file(dataset.root)) if pose_file(dataset.root).is_file() else {}
    pictures = dataset.pictures
    chosen = [pictures[i] for i in np.unique(np.linspace(0, len(pictures) - 1, TILES).round().astype(int))]
    tiles = []
    for picture in chosen:
        name = pose_id(dataset.root, picture)
        points = poses.get(name, poses.get(picture.name))
        mask = read_mask(mask_path(dataset.root, picture))
        tiles.append(tile(load_image(picture), picture_size(picture), points, mask, name))
    title = f"{len(chosen)} of {len(pictures):,} pictures of {dataset.root.resolve().name or dataset.root}"
    buffer = io.BytesIO()
    sheet(tiles, title).save(
        buffer, "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG", quality=90
    )
    write_whole(path, buffer.getvalue())


def read_mask(path: Path) -> NDArray[np.uint8] | None:
    """A mask as it is on disk, None where there is none."""
    if not path.is_file():
        return None
    try:
        data = read_file(path, MAX_BYTES, f"Mask {path}", "annotate again")
        check_header(data, f"Mask {path}")
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_pixels(image.size, f"Mask {path}")
            return np.array(image.convert("L"))
    except InputError:
        raise
    except Exception:  # each decoder has its own exceptions
        raise InputError(f"Mask {path} is damaged; delete it and annotate again.") from None


def tile(
    image: NDArray[np.uint8],
    size: tuple[int, int],
    points: NDArray | None,
    mask: NDArray[np.uint8] | None,
    name: str,
) -> Image.Image:
    """One picture plain and annotated, with its name and what it lacks below.

    image: RGB (H, W, 3), which may be smaller than the file. points: (17, 3) in pixels of the file, whose (width,
    height) is `size`. mask: 0 or 255, of any size.
    """
    height, width = image.shape[:2]
    plain = Image.fromarray(image).resize(
        (max(1, round(width * HEIGHT / height)), HEIGHT), Image.Resampling.BICUBIC
    )
    card = Image.new("RGB", (max(2 * plain.width + 4, 150), HEIGHT + 38), PAPER)
    card.paste(plain, (0, 0))
    card.paste(annotated(plain, points, mask, size), (plain.width + 4, 0))
    draw, font = ImageDraw.Draw(card), ImageFont.load_default(13)
    draw.text((0, HEIGHT + 3), _shortened(name, font, card.width), INK, font)
    lacking = [word for word, value in (("no keypoints", points), ("no mask", mask)) if value is None]
    if mask is not None and not mask.any():
        lacking.append("empty mask")
    draw.text((0, HEIGHT + 20), ", ".join(lacking), MISSING, font)
    return card


def annotated(
    plain: Image.Image, points: NDArray | None, mask: NDArray[np.uint8] | None, size: tuple[int, int]
) -> Image.Image:
    """The picture with its surroundings dimmed, the mask's outline and the skeleton; size: (w, h) the points mean."""
    import cv2

    large = (plain.width * SCALE, plain.height * SCALE)
    canvas = np.array(plain.resize(large, Image.Resampling.BICUBIC))
    if mask is not None:
        inside = cv2.resize(mask, large, interpolation=cv2.INTER_LINEAR) > 127
        canvas[~inside] = canvas[~inside] * 0.35
        outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        colour = tuple(int(OUTLINE[i : i + 2], 16) for i in (1, 3, 5))
        cv2.drawContours(canvas, outlines, -1, colour, SCALE)
    picture = Image.fromarray(canvas)
    if points is not None:
        _draw_skeleton(ImageDraw.Draw(picture), points, np.array(large) / np.array(size))
    return picture.resize(plain.size, Image.Resampling.LANCZOS)


def _draw_skeleton(draw: ImageDraw.ImageDraw, points: NDArray, zoom: NDArray) -> None:
    places = points[:, :2] * zoom
    for start, end in COCO_SKELETON:
        if min(points[start, 2], points[end, 2]) >= SEEN:
            draw.line([*places[start], *places[end]], _colour(start, end), width=2 * SCALE)
    radius = 3 * SCALE
    for joint, (x, y) in enumerate(places):
        if points[joint, 2] <= 0:
            continue
        colour = _colour(joint)
        box = (x - radius, y - radius, x + radius, y + radius)
        if points[joint, 2] >= SEEN:
            draw.ellipse(box, colour, "black", SCALE // 2)
        else:
            draw.ellipse(box, None, colour, SCALE)


def _colour(*joints: int) -> str:
    """Of a joint or a limb: LEFT or RIGHT where all its joints but the nose are of one side."""
    sides = {LEFT if joint % 2 else RIGHT for joint in joints if joint != NOSE}
    return sides.pop() if len(sides) == 1 else MIDDLE


def sheet(tiles: list[Image.Image], title: str) -> Image.Image:
    """Tiles of one height in rows as full as they go, under a title and the legend."""
    rows: list[list[Image.Image]] = [[]]
    for one in tiles:
        if rows[-1] and sum(tile.width + GAP for tile in rows[-1]) + one.width + 2 * GAP > WIDTH:
            rows.append([])
        rows[-1].append(one)
    widths = [sum(tile.width + GAP for tile in row) + GAP for row in rows]
    top = 62
    page = Image.new("RGB", (max(*widths, 640), top + sum(row[0].height + GAP for row in rows)), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, 8), title, INK, ImageFont.load_default(20))
    x, font = GAP, ImageFont.load_default(14)
    for words, colour in LEGEND:
        draw.rounded_rectangle((x, 41, x + 12, 53), 3, colour)
        draw.text((x + 18, 38), words, INK, font)
        x += 18 + round(draw.textlength(words, font)) + 22
    y = top
    for row in rows:
        x = GAP
        for one in row:
            page.paste(one, (x, y))
            x += one.width + GAP
        y += row[0].height + GAP
    return page


def _shortened(name: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The end of a name that fits: file names differ there."""
    short = name
    while font.getlength(short) > width and len(short) > 4:
        short = "…" + short[2:]
    return short
