"""The ground-truth bodies of synthetic people: truth.npz of a dataset folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.typing import NDArray

from threedsl.arrays import MOST_UNPACKED, read_npz
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.reading import read_file

TRUTH = "truth.npz"

TRAITS = ("female", "weight", "muscle", "height", "skin")
"""What is recorded of a synthetic person: 1 for a woman's body and 0 for a man's, two of Anny's phenotypes in [0, 1],
metres, and the mean brightness of the skin's texture in [0, 255]."""


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
    arrays = _read(root)
    if arrays is None:
        return None
    try:
        place = {name: i for i, name in enumerate(arrays["paths"].tolist())}
        rows = [place[record.path.relative_to(root).as_posix()] for record in records]
        return Truth(*(torch.from_numpy(arrays[key][rows]).float() for key in ("betas", "pose")))
    except (KeyError, ValueError, IndexError, TypeError):
        raise InputError(
            f"{root / TRUTH} does not cover every picture in {root}/list; generate the dataset again."
        ) from None


def read_traits(root: Path) -> dict[str, dict[str, float]] | None:
    """{identity: {trait: value}} of a dataset folder's people, by TRAITS; None where none are recorded.

    Raises:
        InputError: the file is damaged.
    """
    arrays = _read(root)
    if arrays is None:
        return None
    if not {"people", "traits"} <= arrays.keys():
        return None
    people, traits = arrays["people"].tolist(), arrays["traits"]
    if traits.shape != (len(people), len(TRAITS)):
        raise InputError(
            f"{root / TRUTH} does not describe {len(people)} people; generate the dataset again."
        )
    return {
        str(name): dict(zip(TRAITS, row, strict=True))
        for name, row in zip(people, traits.tolist(), strict=True)
    }


def _read(root: Path) -> dict[str, NDArray] | None:
    path = root / TRUTH
    if not path.is_file():
        return None
    return read_npz(read_file(path, MOST_UNPACKED), str(path), "generate the dataset again")
