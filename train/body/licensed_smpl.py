"""A licensed SMPL file, completed with the arrays this project needs; its pickle is read without executing it."""

import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from smplx.vertex_ids import vertex_ids

from threedsl.arrays import read_npz
from threedsl.body.file import SMPL_KEYS
from threedsl.body.joints import COCO_KEYPOINTS, SMPL_JOINTS
from threedsl.errors import InputError
from train.body.coarse_mesh import distinct_nearest, upsampling
from train.body.smpl_pickle import load_pickle, plain_array

MOST_BYTES = 2**30
ENDINGS = (".npz", ".pkl")
_BODY_FILE = re.compile(r"smpl_(neutral|female|male)\b|basicmodel_", re.IGNORECASE)
COARSE_FACES = 1226  # as many as the shipped body has
FACE_LANDMARKS = {
    "nose": "nose",
    "left_eye": "leye",
    "right_eye": "reye",
    "left_ear": "lear",
    "right_ear": "rear",
}


def find_smpl(path: Path) -> Path:
    """The SMPL file at a path: the file itself, or the one in a folder laid out as smplx expects.

    In a folder, and in its sub-folder smpl/, the neutral file comes first, .npz before .pkl; of files of two
    bodies the user chooses.

    Raises:
        InputError: nothing is there, or the folder has no such file, or several.
    """
    if not path.is_dir():
        return path
    places = [place for place in (path, path / "smpl") if place.is_dir()]
    there = [file for place in places for file in sorted(place.iterdir()) if file.is_file()]
    files = [file for file in there if file.suffix.lower() in ENDINGS and _BODY_FILE.match(file.name)]
    files.sort(key=lambda file: file.suffix.lower() != ".npz")
    neutral = [file for file in files if "neutral" in file.name.lower()] or files
    bodies = {file.stem.lower() for file in neutral}
    if len(bodies) == 1:
        return neutral[0]
    if bodies:
        names = ", ".join(sorted(str(file.relative_to(path)) for file in neutral)[:6])
        raise InputError(f"{path} contains several SMPL files ({names}); name the one to complete.")
    raise InputError(
        f"{path} has no SMPL file: expected SMPL_NEUTRAL.npz or .pkl, basicModel_neutral_lbs_10_207_0_v1.0.0.pkl, or "
        "one of SMPL_FEMALE and SMPL_MALE, in it or in its sub-folder smpl."
    )


def read_smpl(path: Path) -> dict[str, np.ndarray]:
    """The SMPL arrays of an official .pkl, of an .npz with the same names, or of the folder with one of them.

    Raises:
        InputError: the file is missing, not an SMPL file, declares a wrong size, or contains something other than
            arrays.
    """
    path = find_smpl(Path(path))
    name = f"SMPL file {path}"
    if not path.exists():
        raise InputError(f"{name} does not exist; it comes from smpl.is.tue.mpg.de under its licence.")
    if not path.is_file():
        raise InputError(f"{name} is not an ordinary file.")
    if not path.stat().st_size:
        raise InputError(f"{name} is empty (0 bytes); copy it again.")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{name} is more than {MOST_BYTES // 2**20:,} MB; SMPL's files have at most 400.")
    try:
        if zipfile.is_zipfile(path):  # whatever its extension
            values = read_npz(path.read_bytes(), name, "copy it again")
        else:
            values = load_pickle(path.read_bytes())
        missing = [key for key in SMPL_KEYS if key not in values]
        if missing:
            raise InputError(f"{path} is not an SMPL file: it lacks {', '.join(missing)}.")
        arrays = {key: plain_array(values[key]) for key in SMPL_KEYS}
    except InputError:
        raise
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be read as an SMPL file ({reason}).") from None
    _check_shapes(arrays, path)
    arrays["shapedirs"] = arrays["shapedirs"][:, :, :10]
    arrays["kintree_table"] = arrays["kintree_table"].astype(np.int64)
    arrays["kintree_table"][0, 0] = 0
    return {
        key: value.astype(np.float32) if value.dtype.kind == "f" else value for key, value in arrays.items()
    }


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> None:
    weights = arrays["weights"]
    if weights.ndim != 2 or weights.shape[1] != 24:
        raise InputError(f"{path} has {weights.shape} skinning weights; SMPL has 24 joints.")
    count = len(weights)
    betas = arrays["shapedirs"].shape[-1] if arrays["shapedirs"].ndim else 0
    if betas < 10:
        raise InputError(f"{path} has {betas} shape directions; 10 are needed.")
    faces = arrays["f"]
    for key, shape in {
        "v_template": (count, 3),
        "shapedirs": (count, 3, betas),
        "posedirs": (count, 3, 207),
        "J_regressor": (24, count),
        "kintree_table": (2, 24),
        "f": (len(faces) if faces.ndim else 0, 3),
    }.items():
        if arrays[key].shape != shape:
            raise InputError(
                f"{path} is not an SMPL file: {key} has shape {arrays[key].shape} instead of {shape}."
            )
        if not np.isfinite(arrays[key]).all():
            raise InputError(f"{path} is damaged: {key} contains values that are not finite numbers.")
    if faces.dtype.kind not in "iu" or not faces.size or faces.min() < 0 or faces.max() >= count:
        raise InputError(f"{path} is damaged: its faces refer to vertices that do not exist.")
    parents = arrays["kintree_table"][0, 1:].astype(np.float64)
    if (parents < 0).any() or (parents >= np.arange(1, 24)).any():
        raise InputError(f"{path} is damaged: a joint in kintree_table does not come after its parent.")
    if count <= max(vertex_ids["smplh"][name] for name in FACE_LANDMARKS.values()):
        raise InputError(f"{path} has {count:,} vertices; SMPL has 6,890.")


def complete_smpl(path: Path) -> dict[str, np.ndarray]:
    """Everything `BodyModel.load` needs: the file's arrays with COCO keypoints and a coarse topology."""
    arrays = read_smpl(path)
    template = arrays["v_template"]
    coarse_index, coarse_faces = decimate(template, arrays["f"].astype(np.int32))
    upsample_index, upsample_weight = upsampling(template, coarse_index, coarse_faces)
    return arrays | {
        "coco_regressor": coco_regressor(arrays["J_regressor"]),
        "coarse_index": coarse_index.astype(np.int32),
        "coarse_faces": coarse_faces.astype(np.int32),
        "upsample_index": upsample_index,
        "upsample_weight": upsample_weight,
        # SMPL's betas have unit variance by construction.
        "population_betas": np.random.default_rng(0).normal(size=(2000, 10)).astype(np.float32),
    }


def coco_regressor(joint_regressor: np.ndarray) -> np.ndarray:
    """(17, V): limbs from SMPL's own joints, the face from smplx's landmark vertices."""
    rows = np.zeros((17, joint_regressor.shape[1]), np.float32)
    for row, name in zip(rows, COCO_KEYPOINTS, strict=True):
        if name in FACE_LANDMARKS:
            row[vertex_ids["smplh"][FACE_LANDMARKS[name]]] = 1
        else:
            row[:] = joint_regressor[SMPL_JOINTS.index(name)]
    return rows


def decimate(template: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A coarse topology of about `COARSE_FACES` triangles on a subset of the vertices: (indices, faces)."""
    import open3d as o3d

    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(template.astype(np.float64)), o3d.utility.Vector3iVector(faces)
    )
    small = mesh.simplify_quadric_decimation(COARSE_FACES)
    points = torch.from_numpy(np.asarray(small.vertices)).float()
    return distinct_nearest(points, torch.from_numpy(template).float()), np.asarray(small.triangles)
