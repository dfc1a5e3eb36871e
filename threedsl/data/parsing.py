"""Self-Correction-Human-Parsing output as foreground masks.

The tool writes one palette PNG per picture whose indices are the labels, 8 bits deep for LIP and ATR, 4 for Pascal.
Label 0 is background in all three sets, so the mask does not depend on the set; leaving out bags does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from threedsl.data.headers import check_header
from threedsl.data.images import MAX_BYTES, check_pixels
from threedsl.errors import InputError
from threedsl.reading import read_file


@dataclass(frozen=True)
class LabelSet:
    """What the indices mean; labels[0] is the background."""

    name: str
    labels: tuple[str, ...]

    @property
    def bag(self) -> int | None:
        """The index of bags, None where the set has no such label."""
        return self.labels.index("bag") if "bag" in self.labels else None


LIP = LabelSet(
    "lip",
    (
        *(
            "background",
            "hat",
            "hair",
            "glove",
            "sunglasses",
            "upper-clothes",
            "dress",
            "coat",
            "socks",
            "pants",
        ),
        *("jumpsuits", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg"),
        *("left-shoe", "right-shoe"),
    ),
)
ATR = LabelSet(
    "atr",
    (
        *("background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt"),
        *(
            "left-shoe",
            "right-shoe",
            "face",
            "left-leg",
            "right-leg",
            "left-arm",
            "right-arm",
            "bag",
            "scarf",
        ),
    ),
)
PASCAL = LabelSet(
    "pascal", ("background", "head", "torso", "upper-arms", "lower-arms", "upper-legs", "lower-legs")
)
LABEL_SETS = {labels.name: labels for labels in (LIP, ATR, PASCAL)}
MOST = max(len(labels.labels) for labels in LABEL_SETS.values())
REMEDY = "give the palette PNGs as Self-Correction-Human-Parsing writes them"


@dataclass(frozen=True)
class Parsing:
    """One PNG. labels: (H, W) uint8; known: the set its palette was made for, None if unknown."""

    labels: NDArray[np.uint8]
    known: LabelSet | None


def read_parsing(path: str | Path) -> Parsing:
    """Read the labels of a palette PNG, or of a grey one that holds labels as values.

    An image editor that re-saves a palette PNG may reorder its colours. If all colours are the tool's, the labels are
    recovered from them; other colours are refused.

    Raises:
        InputError: not a PNG, damaged, in colour, or with values that are not labels.
    """
    path = Path(path)
    try:
        data = read_file(path, MAX_BYTES, f"Parsing {path}", REMEDY)
        check_header(data, f"Parsing {path}")
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            check_pixels(image.size, f"Parsing {path}")
            image.load()
            mode, labels = image.mode, np.array(image)
            palette = image.getpalette() if mode == "P" else None
    except Image.DecompressionBombError:
        raise InputError(f"Parsing {path} has far more pixels than a picture; {REMEDY}.") from None
    except InputError:
        raise
    except Image.UnidentifiedImageError:
        raise InputError(f"Parsing {path} is not a PNG file; {REMEDY}.") from None
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's PNG reader raises all three for damage
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0].rstrip(".")
        raise InputError(f"Parsing {path} is damaged or cut off ({reason}); run the parser again.") from None
    if mode in ("L", "1") and set(np.unique(labels)) == {0, 255 if mode == "L" else 1}:
        raise InputError(f"Parsing {path} is already a mask; copy it to mask/ under the name of its picture.")
    if mode not in ("P", "L"):
        kind = "a colour picture" if mode in ("RGB", "RGBA") else f"of Pillow's mode {mode}"
        raise InputError(
            f"Parsing {path} is {kind}, so its labels are lost; {REMEDY}, not visualised or converted."
        )
    known = None
    if palette:
        values, labels = labels, by_colour(labels, palette, path)
        known = set_of_palette(palette) if labels is values else None
    highest, limit = int(labels.max()), len(known.labels) if known else MOST
    if highest >= limit:
        name = known.name.upper() if known else "LIP, the largest set,"
        lost = " (a grey picture that was made from a coloured one?)" if mode == "L" else ""
        raise InputError(
            f"Parsing {path} has the label {highest}, but {name} ends at {limit - 1}{lost}; {REMEDY}."
        )
    return Parsing(labels, known)


def by_colour(values: NDArray[np.uint8], palette: list[int], path: Path) -> NDArray[np.uint8]:
    """(H, W) labels of a palette picture's (H, W) values.

    The values themselves where the palette gives them the tool's colours or their own greys, as for labels without a
    meaning; otherwise what the colours stand for.

    Raises:
        InputError: a colour in use is not one of the tool's.
    """
    used = np.unique(values)
    colours = np.array(palette[: len(palette) // 3 * 3]).reshape(-1, 3)
    if used[-1] >= len(colours):
        raise InputError(
            f"Parsing {path} is damaged or cut off (a value beyond its palette); run the parser again."
        )
    theirs, ours = colours[used], voc_colours(256)
    greys = np.repeat(used[:, None], 3, axis=1)
    if ((theirs == ours[used]) | (theirs == greys)).all(1).all():
        return values
    label_of = {tuple(colour): label for label, colour in enumerate(ours[:MOST].tolist())}
    found = [label_of.get(tuple(colour)) for colour in theirs.tolist()]
    if None in found:
        colour = theirs[found.index(None)].tolist()
        raise InputError(
            f"Parsing {path} has colours that no label set uses, such as {tuple(colour)}, so an image editor changed "
            f"its palette; {REMEDY}, not re-saved."
        )
    table = np.zeros(256, np.uint8)
    table[used] = found
    return table[values]


def set_of_palette(palette: list[int]) -> LabelSet | None:
    """The set a palette was made for: the tool fills in exactly as many of Pascal VOC's colours as there are labels.

    palette: r, g, b, r … of 0 to 255. A palette with another number of these colours identifies no set.
    """
    colours = np.array(palette[: len(palette) // 3 * 3]).reshape(-1, 3)
    expected = voc_colours(len(colours))
    differs = np.flatnonzero((colours != expected).any(1))
    count = int(differs[0]) if len(differs) else len(colours)
    return next((labels for labels in LABEL_SETS.values() if len(labels.labels) == count), None)


def voc_colours(count: int) -> NDArray[np.int64]:
    """(count, 3) colours 0 to 255 of Pascal VOC's palette: the index's bits, dealt to red, green, blue from the top."""
    index = np.arange(count)
    colours = np.zeros((count, 3), np.int64)
    for level in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> (3 * level + channel)) & 1) << (7 - level)
    return colours


def resolve_set(parsing: Parsing, named: LabelSet | None, path: Path) -> LabelSet | None:
    """The set of one PNG, from the user's choice and the file's palette; None if neither decides.

    Raises:
        InputError: the two contradict each other.
    """
    known, highest = parsing.known, int(parsing.labels.max())
    if named is None:
        # Beyond ATR's 17 only LIP is left; a small label may belong to any set.
        return known or (LIP if highest >= len(ATR.labels) else None)
    if known is not None and known is not named:
        raise InputError(
            f"Parsing {path} has the palette of {known.name.upper()} ({len(known.labels)} labels), not of "
            f"{named.name.upper()}; give --labels {known.name} or leave --labels out."
        )
    if highest >= len(named.labels):
        raise InputError(
            f"Parsing {path} has the label {highest}, but {named.name.upper()} ends at {len(named.labels) - 1}; "
            "give the set it was made with as --labels."
        )
    return named


def foreground(labels: NDArray[np.uint8], without: int | None = None) -> NDArray[np.uint8]:
    """(H, W) labels -> (H, W) mask, 255 where the label is neither background nor `without`, else 0."""
    person = labels != 0
    if without is not None:
        person &= labels != without
    return person.astype(np.uint8) * 255
