"""F_rgb and F_shape of N pictures as arrays: the three streams, their combination, merging and similarity.

NumPy only, so that the command line can name the streams without waiting for PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from threedsl.errors import InputError

STREAMS = ("appearance", "shape", "combined")
"""F_rgb and F_shape of 3DSL, and their concatenation: what a gallery can be ranked by, in the order shown."""


@dataclass(frozen=True)
class Descriptors:
    """The network's descriptors of N pictures, float32 of unit norm: a dot product is the cosine similarity, -1 to 1.

    Attributes:
        appearance: (N, D_a), F_rgb of 3DSL.
        shape: (N, D_s), F_shape; D_s is 0 for a network without a shape stream.
        fingerprint: of the model that computed them; "" is not checked.
        shape_share: the shape stream's weight in `combined`, 0 to 1.

    >>> one, other = np.float32([[1, 0]]), np.float32([[0, 1]])
    >>> query, match = Descriptors(one, one, shape_share=0.75), Descriptors(other, one, shape_share=0.75)
    >>> query.combined.shape
    (1, 4)
    >>> {name: round(value, 2) for name, value in similarity(query, match).items()}
    {'appearance': 0.0, 'shape': 1.0, 'combined': 0.75}
    """

    appearance: np.ndarray
    shape: np.ndarray
    fingerprint: str = ""
    shape_share: float = 0.5

    def __len__(self) -> int:
        return len(self.appearance)

    @cached_property
    def combined(self) -> np.ndarray:
        """(N, D_a + D_s): both streams, see `combine`."""
        return combine(self.appearance, self.shape, self.shape_share)

    @property
    def streams(self) -> tuple[str, ...]:
        """The distinct streams: appearance alone for a network without a shape stream."""
        return STREAMS if self.shape.shape[1] else ("appearance",)

    def stream(self, name: str) -> np.ndarray:
        """(N, D) by name; `combined` is the appearance where there is no shape stream.

        Raises:
            InputError: an unknown name, or a shape stream that this model lacks.
        """
        if name not in STREAMS:
            raise InputError(f"stream {name!r} is unknown; it is one of {', '.join(STREAMS)}.")
        if name == "shape" and not self.shape.shape[1]:
            raise InputError("This model has no shape stream; use the appearance stream.")
        return getattr(self, name)

    def rows(self, rows: slice | np.ndarray) -> Descriptors:
        """The descriptors of some of the pictures, without a subclass's other fields."""
        return Descriptors(self.appearance[rows], self.shape[rows], self.fingerprint, self.shape_share)


def combine(appearance: np.ndarray, shape: np.ndarray, shape_share: float = 0.5) -> np.ndarray:
    """(N, D_a), (N, D_s) of unit norm -> (N, D_a + D_s) of unit norm, whose dot products are the weighted means of the
    streams' own: `shape_share` of the shape's and the rest of the appearance's. D_s = 0 leaves appearance as it is."""
    if shape.shape[1] == 0:
        return appearance
    parts = [appearance * np.float32(np.sqrt(1 - shape_share)), shape * np.float32(np.sqrt(shape_share))]
    return np.concatenate(parts, axis=1)


def weights_of(stream: str, shape_share: float) -> dict[str, float]:
    """How much each piece's similarity counts in a stream's: the combined one is their weighted sum."""
    shape = {"appearance": 0.0, "shape": 1.0, "combined": shape_share}[stream]
    return {"appearance": 1 - shape, "shape": shape}


def one_by_one(descriptors: Descriptors) -> list[Descriptors]:
    """The descriptors of N pictures as N of one picture each."""
    return [descriptors.rows(slice(i, i + 1)) for i in range(len(descriptors))]


def merge(several: Sequence[Descriptors]) -> Descriptors:
    """One person's pictures as one query: per stream the mean of their descriptors, of unit norm again.

    several: of one model, together N >= 1 pictures. Returns one row.

    Raises:
        InputError: there is no picture, or they come from different models.
    """
    if not sum(map(len, several)):
        raise InputError("Give at least one photo of the person.")
    if len({(one.fingerprint, one.appearance.shape[1], one.shape.shape[1]) for one in several}) > 1:
        raise InputError("These descriptors come from different models; compute all of them with one.")
    appearance, shape = (
        _mean_direction(np.concatenate([getattr(one, name) for one in several]))
        for name in ("appearance", "shape")
    )
    return replace(several[0].rows(slice(0, 1)), appearance=appearance, shape=shape)


def similarity(first: Descriptors, second: Descriptors) -> dict[str, float]:
    """Cosine similarity per stream, -1 to 1, of the first row of each; streams that the model lacks are left out."""
    return {
        name: float(np.clip(first.stream(name)[0] @ second.stream(name)[0], -1, 1)) for name in first.streams
    }


def _mean_direction(descriptors: np.ndarray) -> np.ndarray:
    """(N, D) -> (1, D) of unit norm; opposite descriptors, which have no mean direction, give the first."""
    if len(descriptors) == 1:
        return descriptors
    mean = descriptors.mean(0, dtype=np.float64, keepdims=True)
    length = np.linalg.norm(mean)
    return descriptors[:1] if length < 1e-9 else (mean / length).astype(np.float32)
