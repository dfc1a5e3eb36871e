"""A model whose descriptors are noise, seeded by the picture's file, for tests in which no network is the subject."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from threedsl.pipeline import Output

WIDTH = 12


def vector(path: Path, stream: str, mirror: bool = False) -> np.ndarray:
    """(WIDTH,) float32 of unit norm for appearance and shape, twice as wide for combined."""
    if stream == "combined":
        return np.concatenate([vector(path, name, mirror) for name in ("appearance", "shape")]) / np.sqrt(2)
    key = hashlib.sha256(Path(path).read_bytes() + stream.encode() + bytes([mirror])).digest()
    drawn = np.random.default_rng(list(key)).normal(size=WIDTH)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


class StandIn:
    """What evaluate asks of a model, and how often it was asked to describe what."""

    def __init__(self, fingerprint: str = "f" * 64, shape_stream: bool = True):
        self.fingerprint = fingerprint
        self.backend = "torch"
        self.config = SimpleNamespace(shape_stream=shape_stream, shape_share=0.5)
        self.described: list[Path] = []

    def __call__(self, images, batch_size=32, bodies=True, progress=None, mirror=False) -> Output:
        self.described += images
        appearance = np.stack([vector(path, "appearance", mirror) for path in images])
        shape = np.stack([vector(path, "shape", mirror) for path in images])
        if not self.config.shape_stream:
            shape = np.zeros((len(images), 0), np.float32)
        if progress is not None:
            progress(len(images), len(images))
        return Output(appearance, shape, self.fingerprint)
