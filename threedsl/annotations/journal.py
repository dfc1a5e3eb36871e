"""What runs of the people finder over a dataset have found so far, one line per picture, so that stopping one loses at
most one picture. Runs over several lists of a dataset may share it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.layout import pose_file, pose_id
from threedsl.errors import InputError
from threedsl.files import reason_of, write_whole
from threedsl.locks import locked
from threedsl.reading import read_file

MOST_BYTES = 2**30  # more than a million pictures


class Journal:
    """The file `pose/builtin.part` of a dataset.

    masks: the method of the present run's masks; those of another method are not taken for its own.

    Raises:
        InputError: it cannot be read.
    """

    def __init__(self, root: Path, masks: str):
        self.root, self.masks, self.path = root, masks, pose_file(root).with_name("builtin.part")
        self._found = self._read()

    def holds(self, picture: Path, mask_file: Path) -> bool:
        """Whether this exact file was processed, and its mask, of the present method, is still there."""
        entry = self._found.get(pose_id(self.root, picture))
        if entry is None or entry["file"] != state_of(picture):
            return False
        return entry["points"] is None or (entry.get("masks") == self.masks and mask_file.is_file())

    def add(self, picture: Path, points: NDArray | None, state: list[int]) -> None:
        """Record what was found, None for no person, in the picture as it was in that state.

        Raises:
            InputError: it cannot be written.
        """
        rounded = None if points is None else np.round(points.astype(float), 3).tolist()
        entry = {
            "picture": pose_id(self.root, picture),
            "file": state,
            "points": rounded,
            "masks": self.masks,
        }
        try:
            with locked(self.path.parent), self.path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._cut_off() + json.dumps(entry) + "\n")
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({reason_of(error)}); free some space, then start the command again: "
                "it goes on where it was."
            ) from None
        self._found[entry["picture"]] = entry

    def points(self, picture: Path) -> NDArray[np.float32] | None:
        """The recorded keypoints."""
        noted = self._found[pose_id(self.root, picture)]["points"]
        return None if noted is None else np.array(noted, np.float32)

    def close(self, pictures: Iterable[Path]) -> None:
        """Drop what was found in these pictures, and the file where nothing is left: another run, over other lists, may
        have found the rest, and may still be at it."""
        written = {pose_id(self.root, picture) for picture in pictures}
        with locked(self.path.parent):
            rest = [entry for name, entry in self._read().items() if name not in written]
            if rest:
                write_whole(self.path, "".join(json.dumps(entry) + "\n" for entry in rest).encode())
            else:
                self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, dict]:
        if not self.path.is_file():
            return {}
        found = {}
        for line in read_file(self.path, MOST_BYTES).decode("utf-8", "replace").splitlines():
            try:
                entry = json.loads(line)
                points = entry["points"]
                whole = points is None or np.shape(np.array(points, np.float32)) == (17, 3)
                if whole and entry["file"] and isinstance(entry["picture"], str):
                    found[entry["picture"]] = entry
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue  # a line cut off while being written
        return found

    def _cut_off(self) -> bool:
        """Whether the last line was not finished."""
        if not self.path.is_file() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


def state_of(picture: Path) -> list[int]:
    """What changes when a picture's file does: [time of the last change, bytes]; [0, 0] where it is gone."""
    try:
        state = picture.stat()
    except OSError:
        return [0, 0]
    return [state.st_mtime_ns, state.st_size]
