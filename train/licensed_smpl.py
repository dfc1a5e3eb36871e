"""A licensed SMPL file, completed with the arrays this project needs; its pickle is read without executing it."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from threedsl.body.joints import COCO_KEYPOINTS, SMPL_JOINTS
from threedsl.body.model import SMPL_KEYS
from threedsl.errors import InputError
from train.body import distinct_nearest, upsampling

COARSE_FACES = 1226  # as many as the shipped body has
FACE_LANDMARKS = {
    "nose": "nose",
    "left_eye": "leye",
    "right_eye": "reye",
    "left_ear": "lear",
    "right_ear": "rear",
}


class Inert:
    """Stands for an object of a library that is not loaded: keeps its state and does nothing."""

    def __init__(self, *args: Any):
        self.args = args

    def __setstate__(self, state: Any) -> None:
        self.state = state


class ArrayUnpickler(pickle.Unpickler):
    """Rebuilds numpy arrays; chumpy and scipy objects become `Inert`; anything else is refused."""

    NUMPY = frozenset(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ) | {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),  # how old pickle protocols write bytes
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.NUMPY:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if module.split(".")[0] in ("chumpy", "scipy"):
            return Inert
        if (module, name) in {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}:
            return lambda kind, *_: kind()
        if (module, name) in {("__builtin__", "object"), ("builtins", "object")}:
            return object
        raise pickle.UnpicklingError(f"it wants {module}.{name}")


def plain_array(value: Any) -> np.ndarray:
    """A numpy array from what stands in an official file: an array, a chumpy variable or a scipy sparse matrix."""
    if not isinstance(value, Inert):
        return np.asarray(value)
    state = value.state if isinstance(value.state, dict) else {}
    if "x" in state:  # chumpy.Ch
        return plain_array(state["x"])
    if {"data", "indices", "indptr"} <= state.keys():
        from scipy.sparse import csc_matrix

        shape = state.get("_shape", state.get("shape"))
        return csc_matrix((state["data"], state["indices"], state["indptr"]), shape=shape).toarray()
    if {"a", "idxs"} <= state.keys():  # chumpy's selection of another variable
        picked = plain_array(state["a"]).ravel()[np.asarray(state["idxs"])]
        return picked.reshape(state.get("preferred_shape", picked.shape))
    raise pickle.UnpicklingError(f"an array is stored as {sorted(state)}")


def read_smpl(path: Path) -> dict[str, np.ndarray]:
    """The SMPL arrays of an official .pkl or of an .npz with the same names.

    Raises:
        InputError: the file is missing, no SMPL file, or holds something else than arrays.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with np.load(path) as file:
                values = {key: file[key] for key in file.files}
        else:
            with path.open("rb") as file:
                values = ArrayUnpickler(file, encoding="latin1").load()
        missing = [key for key in SMPL_KEYS if key not in values]
        if missing:
            raise InputError(f"{path} is no SMPL file: it lacks {', '.join(missing)}.")
        arrays = {key: plain_array(values[key]) for key in SMPL_KEYS}
    except FileNotFoundError:
        raise InputError(
            f"SMPL file {path} does not exist; it comes from smpl.is.tue.mpg.de under its licence."
        ) from None
    except InputError:
        raise
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise InputError(f"{path} cannot be read as an SMPL file ({str(error).splitlines()[0]}).") from None
    if arrays["weights"].ndim != 2 or arrays["weights"].shape[1] != 24:
        raise InputError(f"{path} has {arrays['weights'].shape} skinning weights; SMPL has 24 joints.")
    arrays["shapedirs"] = arrays["shapedirs"][:, :, :10]
    arrays["kintree_table"] = arrays["kintree_table"].astype(np.int64)
    arrays["kintree_table"][0, 0] = 0
    return {
        key: value.astype(np.float32) if value.dtype.kind == "f" else value for key, value in arrays.items()
    }


def complete_smpl(path: Path) -> dict[str, np.ndarray]:
    """Everything `BodyModel.load` wants: the file's arrays with COCO keypoints and a coarse topology."""
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
    from smplx.vertex_ids import vertex_ids

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
