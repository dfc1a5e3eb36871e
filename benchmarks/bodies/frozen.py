"""The frozen test set of bodies, benchmarks/bodies-test.zip: pictures of synthetic people with masks and true bodies.

It was drawn once from a data set that `train synthesize` made and stays as it is, so that figures of later versions can
be compared.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from threedsl.arrays import read_npz
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import pose_file
from threedsl.errors import InputError
from threedsl.files import write_whole

FROZEN = Path(__file__).parents[1] / "bodies-test.zip"
PICTURES = 400
_REMEDY = "restore it from the repository"


@dataclass(frozen=True)
class BodySet:
    """N pictures of 256 x 128 pixels.

    keypoints: (N, 17, 3) COCO x, y in pixels, confidence below 0.6 where hidden; pose: (N, 24, 3, 3) SMPL's local
    rotations; camera: (N, 3) s, t_x, t_y; activity: what the person does; person: (N,) whose picture it is.
    """

    pictures: NDArray[np.uint8]  # (N, 256, 128, 3) RGB
    masks: NDArray[np.bool_]  # (N, 256, 128)
    keypoints: NDArray[np.float32]
    pose: NDArray[np.float32]
    betas: NDArray[np.float32]  # (N, 10)
    camera: NDArray[np.float32]
    activity: NDArray[np.str_]
    person: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.person)

    def half(self, odd: bool) -> BodySet:
        """Every second person's pictures: the even half may be used for tuning, the odd one reports."""
        people = np.unique(self.person)
        return self.take(np.isin(self.person, people[int(odd) :: 2]))

    def take(self, rows: NDArray) -> BodySet:
        """The pictures of rows, indices or a mask."""
        return BodySet(**{name: getattr(self, name)[rows] for name in BodySet.__dataclass_fields__})


def choose(person: NDArray, activity: NDArray, count: int, seed: int) -> NDArray[np.int64]:
    """(count,) rows of a data set, the same number of each person (one more of some), rare activities more often than
    they occur: by the root of their share."""
    rng = np.random.default_rng(seed)
    kinds, number = np.unique(activity, return_counts=True)
    wanted = dict(zip(kinds, 1 / np.sqrt(number), strict=True))
    people = np.unique(person)
    each, more = divmod(count, len(people))
    extra = set(rng.permutation(people)[:more])
    chosen = []
    for one in people:
        own = np.flatnonzero(person == one)
        share = np.array([wanted[activity[row]] for row in own])
        chosen += rng.choice(own, each + (one in extra), replace=False, p=share / share.sum()).tolist()
    return np.sort(np.array(chosen))


def freeze(root: Path, target: Path, made: str, count: int = PICTURES, seed: int = 0) -> int:
    """Writes `count` pictures of the test people of a data set as one file; returns its bytes.

    made: how the data set was made, for the file's own README.

    Raises:
        InputError: the folder is no data set with truth, or has too few pictures.
    """
    try:
        with np.load(root / "truth.npz") as file:
            truth = {key: file[key] for key in file.files}
        lists = "".join((root / "list" / f"{name}.txt").read_text() for name in ("query", "gallery"))
        rows = np.flatnonzero(np.isin(truth["paths"], [line.split()[0] for line in lists.splitlines()]))
        settings = (root / "dataset.json").read_text()
        attribution = (root / "ATTRIBUTION.txt").read_bytes()
    except (OSError, KeyError):
        raise InputError(f"{root} is no data set of `python -m train synthesize`.") from None
    if len(rows) < count:
        raise InputError(f"{root} has {len(rows)} pictures of test people; {count} are needed.")
    person = np.array([Path(path).parts[1] for path in truth["paths"][rows]])
    rows = rows[choose(person, truth["activity"][rows], count, seed)]
    paths = [Path(path) for path in truth["paths"][rows]]
    known = read_alphapose(pose_file(root))
    arrays = {
        "keypoints": np.stack([known[path.name] for path in paths]).astype(np.float32),
        "person": np.array([path.parts[1] for path in paths]),
        **{name: truth[name][rows] for name in ("pose", "betas", "camera", "activity")},
    }
    buffer, packed = io.BytesIO(), io.BytesIO()
    np.savez_compressed(packed, **arrays)
    text = f"{made}\n{count} pictures of its test people, drawn with seed {seed}.\nSettings: {json.loads(settings)}\n"
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (
            ("README.txt", text.encode()),
            ("ATTRIBUTION.txt", attribution),
            ("truth.npz", packed.getvalue()),
            *((f"pictures/{i:04d}.jpg", (root / path).read_bytes()) for i, path in enumerate(paths)),
            *(
                (
                    f"masks/{i:04d}.png",
                    (root / "mask" / path.relative_to("images")).with_suffix(".png").read_bytes(),
                )
                for i, path in enumerate(paths)
            ),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)  # of a fixed date: the same bytes again
    write_whole(target, buffer.getvalue())
    return buffer.getbuffer().nbytes


def load(path: Path = FROZEN) -> BodySet:
    """The frozen set.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = read_npz(archive.read("truth.npz"), str(path), _REMEDY)
            count = len(arrays["person"])
            pictures = [
                _decode(archive.read(f"pictures/{i:04d}.jpg"), cv2.IMREAD_COLOR) for i in range(count)
            ]
            masks = [_decode(archive.read(f"masks/{i:04d}.png"), cv2.IMREAD_GRAYSCALE) for i in range(count)]
            return BodySet(np.stack(pictures)[..., ::-1], np.stack(masks) > 127, **arrays)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is missing or damaged ({type(error).__name__}); {_REMEDY}.") from None


def _decode(content: bytes, flag: int) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    if image is None:
        raise ValueError("a picture cannot be read")
    return image
