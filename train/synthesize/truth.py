"""The ground-truth bodies of synthetic people: truth.npz of a dataset folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from threedsl.arrays import MOST_UNPACKED, read_npz
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.reading import read_file

TRUTH = "truth.npz"


@dataclass
class Truth:
    """Bodies of N pictures."""

    betas: torch.Tensor  # (N, 10) float32
    pose: torch.Tensor  # (N, 24, 3, 3) float32


def read_truth(root: Path, records: Sequence[Record]) -> Truth | None:
    """The records' bodies; None where the folder has none.

    Raises:
        InputError: the file does not belong to these pictures.
    """
    path = root / TRUTH
    if not path.is_file():
        return None
    arrays = read_npz(read_file(path, MOST_UNPACKED), str(path), "generate the dataset again")
    try:
        place = {name: i for i, name in enumerate(arrays["paths"].tolist())}
        rows = [place[record.path.relative_to(root).as_posix()] for record in records]
        return Truth(*(torch.from_numpy(arrays[key][rows]).float() for key in ("betas", "pose")))
    except (KeyError, ValueError, IndexError, TypeError):
        raise InputError(
            f"{path} does not cover every picture in {root}/list; generate the dataset again."
        ) from None
