"""A body model's arrays, read from an .npz in SMPL's format with this project's additions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from threedsl.arrays import read_npz
from threedsl.errors import InputError
from threedsl.reading import read_file

SMPL_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
EXTRA_KEYS = (
    "coco_regressor",
    "coarse_index",
    "coarse_faces",
    "upsample_index",
    "upsample_weight",
    "population_betas",
)
MOST_BYTES = 256 * 2**20
# The shipped body has 615. What smooths a body is a matrix of all by all, and a product of several such.
MOST_COARSE = 3000
MAKE_AGAIN = "create it with `python -m train body`"


def read_body(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a body file, with consistent shapes, valid indices and finite numbers.

    Raises:
        InputError: the file is missing, damaged, a Git LFS pointer, or an array is missing or invalid.
    """
    name = f"Body model {path}"
    arrays = read_npz(read_file(path, MOST_BYTES, name, MAKE_AGAIN), name, MAKE_AGAIN)
    missing = [key for key in SMPL_KEYS + EXTRA_KEYS if key not in arrays]
    if missing:
        raise InputError(
            f"{name} lacks {', '.join(missing)}; {MAKE_AGAIN}, or convert a licensed SMPL file with "
            "`python -m train body --smpl FILE`."
        )
    _check_shapes(arrays, name)
    if len(arrays["coarse_index"]) > MOST_COARSE:
        raise InputError(f"{name}: coarse_index has more than {MOST_COARSE:,} vertices; {MAKE_AGAIN}.")
    for key in SMPL_KEYS + EXTRA_KEYS:
        array = arrays[key]
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InputError(f"{name}: {key} contains values that are not finite numbers; {MAKE_AGAIN}.")
    _check_indices(arrays, name)
    return arrays


def _check_shapes(arrays: dict[str, np.ndarray], name: str) -> None:
    count, coarse = (
        arrays[key].shape[0] if arrays[key].ndim else 0 for key in ("v_template", "coarse_index")
    )
    near = arrays["upsample_index"].shape[-1] if arrays["upsample_index"].ndim == 2 else 0
    for key, shape in {
        "v_template": (count, 3),
        "shapedirs": (count, 3, 10),
        "posedirs": (count, 3, 207),
        "J_regressor": (24, count),
        "kintree_table": (2, 24),
        "weights": (count, 24),
        "f": (None, 3),
        "coco_regressor": (17, count),
        "coarse_index": (coarse,),
        "coarse_faces": (None, 3),
        "upsample_index": (count, near),
        "upsample_weight": (count, near),
        "population_betas": (None, 10),
    }.items():
        found = arrays[key].shape
        wanted = tuple(
            there if length is None and i < len(found) else length
            for i, (length, there) in enumerate(zip(shape, (*found, *shape)[: len(shape)], strict=True))
        )
        if found != wanted or 0 in found:
            shown = "(" + ", ".join("N" if length is None else str(length) for length in shape) + ")"
            raise InputError(f"{name}: {key} has shape {found} instead of {shown}; {MAKE_AGAIN}.")


def _check_indices(arrays: dict[str, np.ndarray], name: str) -> None:
    """Every index is within range; each joint's parent comes before the joint."""
    vertices, coarse = len(arrays["v_template"]), len(arrays["coarse_index"])
    for key, limit in {
        "f": vertices,
        "coarse_index": vertices,
        "coarse_faces": coarse,
        "upsample_index": coarse,
    }.items():
        array = arrays[key]
        if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= limit:
            raise InputError(
                f"{name}: {key} contains values that are not indices below {limit:,}; {MAKE_AGAIN}."
            )
    parents = arrays["kintree_table"][0, 1:]
    if parents.dtype.kind not in "iu" or (parents < 0).any() or (parents >= np.arange(1, 24)).any():
        raise InputError(
            f"{name}: kintree_table names parents that do not come before their joints; {MAKE_AGAIN}."
        )
