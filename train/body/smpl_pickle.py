"""The arrays of an official SMPL pickle, without executing it and without trusting its declared sizes.

Numbers come from bytes in the file, so nothing larger than the file is ever allocated, except for sparse matrices,
whose size is bounded by `MOST_NUMBERS`.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from typing import Any

import numpy as np

MOST_PARTS = 1_000_000  # opcodes; SMPL's files have some hundreds
MOST_NUMBERS = 100_000_000  # of one array; the pose correctives of 10,475 vertices are 15 million
DEEPEST = 8  # variables of variables
_DTYPE = re.compile(r"[<>|=]?([fiub][1248])")


class Inert:
    """Placeholder for an object of a library that is not loaded: keeps its state and does nothing."""

    def __init__(self, *args: Any):
        self.args = args
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Dtype(Inert):
    """numpy.dtype: its name is in `args`, its byte order in the state."""

    def to_numpy(self) -> np.dtype:
        name = self.args[0] if self.args else None
        name = name.decode("latin1") if isinstance(name, bytes) else name
        match = _DTYPE.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise pickle.UnpicklingError(f"an array contains {str(name)[:20]!r}, not numbers")
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "="
        order = order.decode("latin1") if isinstance(order, bytes) else order
        return np.dtype(("<" if order not in ("<", ">", "=", "|") else order) + match[1])


class Array(Inert):
    """numpy.ndarray as protocols 0 to 4 write it: (version, shape, dtype, whether by columns, bytes)."""

    def to_numpy(self) -> np.ndarray:
        _, shape, dtype, by_columns, data = self.state
        return numbers(data, dtype, shape, "F" if by_columns else "C")


class Buffer(Inert):
    """numpy.ndarray as protocol 5 writes it: (bytes, dtype, shape, order[, axes])."""

    def to_numpy(self) -> np.ndarray:
        data, dtype, shape, order, *axes = self.args
        if order == "K" and axes and axes[0] is not None:
            return numbers(data, dtype, shape, "C").transpose(axes[0])
        return numbers(data, dtype, shape, "F" if order == "F" else "C")


class Scalar(Inert):
    """One number of numpy's: (dtype, bytes)."""

    def to_numpy(self) -> np.ndarray:
        dtype, data = self.args
        return numbers(data, dtype, (), "C")


class Sparse(Inert):
    """A matrix or array of scipy.sparse; `layout` is csc, csr, coo or another."""

    layout = ""

    def to_numpy(self) -> np.ndarray:
        from scipy import sparse

        state = self.state if isinstance(self.state, dict) else {}
        shape = tuple(int(size) for size in state.get("_shape", state.get("shape")))
        if len(shape) != 2 or min(shape) < 0 or math.prod(shape) > MOST_NUMBERS:
            raise pickle.UnpicklingError(f"a sparse matrix has the shape {str(shape)[:60]}")
        data = plain_array(state["data"])
        if self.layout in ("csc", "csr"):
            kind = sparse.csc_matrix if self.layout == "csc" else sparse.csr_matrix
            matrix = kind((data, plain_array(state["indices"]), plain_array(state["indptr"])), shape=shape)
            matrix.check_format(full_check=True)  # an index out of range would be written to
        elif self.layout == "coo":
            places = state.get("coords") or (state["row"], state["col"])
            matrix = sparse.coo_matrix((data, tuple(map(plain_array, places))), shape=shape)
        else:
            raise pickle.UnpicklingError(
                f"a sparse matrix is stored as {self.layout}, not as csc, csr or coo"
            )
        return matrix.toarray()


def numbers(data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    """Bytes of the file as an array, checked against the shape."""
    if isinstance(data, str):  # Python 2's bytes
        data = data.encode("latin1")
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("an array is not made of numbers")
    kind, shape = dtype.to_numpy(), tuple(int(size) for size in shape)
    if any(size < 0 for size in shape) or math.prod(shape) * kind.itemsize != len(data):
        raise pickle.UnpicklingError(f"an array's declared shape {str(shape)[:60]} does not match its data")
    return np.frombuffer(data, kind).reshape(shape, order=order)


def encoded(text: str, encoding: str = "latin1") -> bytes:
    """_codecs.encode, as old protocols write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for bytes encoded as {encoding[:20]!r}")
    return text.encode("latin1")


class ArrayUnpickler(pickle.Unpickler):
    """numpy's, chumpy's and scipy's objects become `Inert`; anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        place = module.replace("numpy.core", "numpy._core")
        known = {
            ("numpy._core.multiarray", "_reconstruct"): Array,
            ("numpy._core.multiarray", "scalar"): Scalar,
            ("numpy._core.numeric", "_frombuffer"): Buffer,
            ("numpy", "ndarray"): Array,
            ("numpy", "dtype"): Dtype,
            ("_codecs", "encode"): encoded,
            ("__builtin__", "bytes"): _no_bytes,
            ("builtins", "bytes"): _no_bytes,
            ("copy_reg", "_reconstructor"): _reconstructed,
            ("copyreg", "_reconstructor"): _reconstructed,
            ("__builtin__", "object"): object,
            ("builtins", "object"): object,
        }
        if (place, name) in known:
            return known[place, name]
        if module.split(".")[0] == "chumpy":
            return Inert
        if module.split(".")[0] == "scipy":
            return type("Sparse", (Sparse,), {"layout": name.split("_")[0]})
        raise pickle.UnpicklingError(f"it asks for {module[:60]}.{name[:60]}")


def _no_bytes(*arguments: Any) -> bytes:
    """bytes(), as old protocols write b""; with an argument it would have that length."""
    if arguments:
        raise pickle.UnpicklingError("it asks for bytes of a given length")
    return b""


def _reconstructed(kind: Any, *_: Any) -> Inert:
    if not (isinstance(kind, type) and issubclass(kind, Inert)):
        raise pickle.UnpicklingError("it asks for an object of an unknown kind")
    return kind()


def load_pickle(data: bytes) -> dict:
    """The dictionary of a pickle of protocol 0 to 5; its arrays are for `plain_array`.

    Raises:
        pickle.UnpicklingError: it asks to execute something, or declares a wrong size.
        EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError: it is damaged.
    """
    parts = 0
    for opcode, argument, _ in pickletools.genops(data):
        parts += 1
        if parts > MOST_PARTS:
            raise pickle.UnpicklingError(f"it has more than {MOST_PARTS:,} parts")
        # The reader allocates memo entries up to the highest index.
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > parts:
            raise pickle.UnpicklingError(
                f"it refers to memo entry {argument}, but has {parts:,} parts so far"
            )
    values = ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    if not isinstance(values, dict):
        raise pickle.UnpicklingError(f"it contains a {type(values).__name__}, not a table of arrays")
    return values


def plain_array(value: Any, depth: int = 0) -> np.ndarray:
    """A numpy array from an entry of an official file: an array, a chumpy variable or a sparse matrix."""
    if depth > DEEPEST:
        raise pickle.UnpicklingError("an array refers to itself")
    if isinstance(value, Array | Buffer | Scalar | Sparse):
        return value.to_numpy()
    if isinstance(value, bool | int | float | np.ndarray):
        return np.asarray(value)
    state = value.state if isinstance(value, Inert) else None
    if not isinstance(state, dict):
        raise pickle.UnpicklingError(f"an array is stored as {type(value).__name__}")
    if "x" in state:  # chumpy.Ch
        return plain_array(state["x"], depth + 1)
    if {"a", "idxs"} <= state.keys():  # chumpy's selection of another variable
        picked = plain_array(state["a"], depth + 1).ravel()[plain_array(state["idxs"], depth + 1)]
        return picked.reshape(state.get("preferred_shape", picked.shape))
    raise pickle.UnpicklingError(f"an array is stored as {str(sorted(state))[:60]}")
