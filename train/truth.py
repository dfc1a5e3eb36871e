"""The exact bodies of synthetic people: truth.npz of a data set folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from threedsl.data.listfile import Record
from threedsl.errors import InputError

TRUTH = "truth.npz"


@dataclass
class Truth:
    """Bodies of N pictures."""

    betas: torch.Tensor  # (N, 10) float32
    pose: torch.Tensor  # (N, 24, 3, 3) float32


def read_truth(root: Path, records: Sequence[Record]) -> Truth | None:
    """The records' bodies; None where the folder does not know them.

    Raises:
        InputError: the file is not that of these pictures.
    """
    path = root / TRUTH
    if not path.is_file():
        return None
    with np.load(path) as file:
        place = {name: i for i, name in enumerate(file["paths"].tolist())}
        try:
            rows = [place[record.path.relative_to(root).as_posix()] for record in records]
            return Truth(*(torch.from_numpy(file[key][rows]).float() for key in ("betas", "pose")))
        except (KeyError, ValueError, IndexError):
            raise InputError(
                f"{path} does not name every picture of {root}/list; make the set anew."
            ) from None
