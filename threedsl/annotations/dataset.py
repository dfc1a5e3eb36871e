"""A dataset folder to annotate: its pictures, writing keypoints and masks, and what is missing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from threedsl.data.headers import check_header
from threedsl.data.images import FORMATS, MAX_BYTES
from threedsl.data.keypoints import Detection, best_detections, read_detections
from threedsl.data.layout import mask_path, pose_file, pose_id
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.files import check_folder, write_whole
from threedsl.locks import locked
from threedsl.reading import read_file

NEARLY_ALL = 0.95  # share of the pixels of a picture or of its border


@dataclass(frozen=True)
class Dataset:
    """A folder with list/*.txt. lists: name -> pictures, of the lists to annotate; known: pictures of all lists."""

    root: Path
    lists: dict[str, list[Path]]
    known: list[Path]

    @property
    def pictures(self) -> list[Path]:
        """The pictures to annotate, each once, in the lists' order."""
        return list(dict.fromkeys(picture for pictures in self.lists.values() for picture in pictures))


@dataclass
class Coverage:
    """The result for one kind of annotation. missing: pictures without it; notes: further remarks for the user."""

    kind: str
    missing: list[Path]
    notes: list[str] = field(default_factory=list)


def open_dataset(root: str | Path, names: Sequence[str] = ()) -> Dataset:
    """Read the lists of a dataset folder.

    Args:
        names: of the lists to annotate, such as `train`; none: all.

    Raises:
        InputError: no such list, or one that cannot be read.
    """
    root = Path(root)
    files = {path.stem: path for path in sorted((root / "list").glob("*.txt"))}
    if not files:
        raise InputError(
            f"{root / 'list'} contains no list (train.txt, query.txt, gallery.txt); write them with "
            "`python -m threedsl prepare`."
        )
    if unknown := [name for name in names if name not in files]:
        raise InputError(f"{root / 'list'} has no {unknown[0]}.txt; its lists are {', '.join(files)}.")
    lists = {name: [record.path for record in read_list(path, root)] for name, path in files.items()}
    known = list(dict.fromkeys(picture for pictures in lists.values() for picture in pictures))
    return Dataset(root, {name: lists[name] for name in names or files}, known)


def write_keypoints(dataset: Dataset, best: dict[str, Detection]) -> Coverage:
    """Write pose/alphapose-results.json; what it holds of other pictures stays."""
    target = pose_file(dataset.root)
    check_folder(target.parent, target)
    with locked(target.parent):  # another run, over other lists, may be writing it as well
        kept = _add_keypoints(dataset, target, best)
    lacking = [picture for picture in dataset.pictures if pose_id(dataset.root, picture) not in best]
    missing = [p for p in lacking if not {pose_id(dataset.root, p), p.name} & kept.keys()]
    return Coverage("keypoints", missing, _earlier(len(lacking) - len(missing)))


def _add_keypoints(dataset: Dataset, target: Path, best: dict[str, Detection]) -> dict[str, Detection]:
    """What was there of other pictures."""
    kept = best_detections(read_detections(target)) if target.is_file() else {}
    # Base names, as AlphaPose writes them, are replaced by the full name of the same picture.
    renewed = best.keys() | {PurePosixPath(image).name for image in best}
    kept = {image: found for image, found in kept.items() if image not in renewed}
    merged = kept | best
    place = {pose_id(dataset.root, picture): number for number, picture in enumerate(dataset.known)}
    entries = [
        json.dumps(
            {
                "image_id": image,
                "category_id": 1,
                "keypoints": [round(float(value), 3) for value in merged[image].points.reshape(-1)],
                "score": round(merged[image].score, 3) if np.isfinite(merged[image].score) else 0,
            },
            ensure_ascii=False,
        )
        for image in sorted(merged, key=lambda image: (place.get(image, len(place)), image))
    ]
    # A file from elsewhere may have half a character in a name, as an escape, which it becomes again.
    write_whole(target, ("[" + ",\n".join(entries) + "]\n").encode("utf-8", "backslashreplace"))
    return kept


def mask_coverage(dataset: Dataset, written: Iterable[Path]) -> Coverage:
    """Which pictures have a mask now, those `written` in this run and those that had one."""
    written = set(written)
    lacking = [picture for picture in dataset.pictures if picture not in written]
    missing = [picture for picture in lacking if not mask_path(dataset.root, picture).is_file()]
    return Coverage("masks", missing, _earlier(len(lacking) - len(missing)))


def check_apart(target: Path, sources: Iterable[Path]) -> None:
    """Check that what is written replaces none of what it is made from, such as a tool's results in the place of ours.

    Raises:
        InputError: it would.
    """
    if target.exists() and any(source.exists() and target.samefile(source) for source in sources):
        raise InputError(
            f"{target} is where this dataset's own annotations go, and what you gave would be replaced; move it out of "
            "the dataset folder first."
        )


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write an (H, W) uint8 mask as grey PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    write_whole(path, buffer.getvalue())


def is_doubtful(mask: np.ndarray) -> bool:
    """Whether an (H, W) mask covers nearly the whole picture or its whole border, as no person in a crop does."""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]) > 0
    return bool((mask > 0).mean() > NEARLY_ALL or border.mean() > NEARLY_ALL)


def about_doubtful(pictures: list[Path], root: Path) -> list[str]:
    """The note about masks that are `is_doubtful`, if any."""
    if not pictures:
        return []
    return [
        f"masks that cover nearly the whole picture or its whole border: {len(pictures):,} ({some(pictures, root)}); "
        "check them with --preview"
    ]


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture turned upright, as every reader here and both tools see it; decodes nothing."""
    name = f"Picture {path}"
    try:
        data = read_file(path, MAX_BYTES, name)
        check_header(data, name)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            turned = image.getexif().get(0x0112, 1) >= 5
            return image.size[::-1] if turned else image.size
    except InputError:
        raise
    except Exception:  # each decoder has its own exceptions
        raise InputError(
            f"Picture {path} cannot be read; re-create it or remove it from the lists."
        ) from None


def some(pictures: Iterable[Path], root: Path, most: int = 3) -> str:
    """A few of the pictures by name, for a sentence."""
    names = [pose_id(root, picture) for picture in pictures]
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _earlier(count: int) -> list[str]:
    return [f"from an earlier run: {count:,}"] if count else []
