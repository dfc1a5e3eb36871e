"""Descriptors of any number of synthetic people, with the spread between and within people that real ones have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.descriptors import Descriptors

ROUND = 0.5  # share of the variance that is drawn for every number by itself, since few people span few directions


@dataclass(frozen=True)
class _Spread:
    """A Gaussian with the measured covariance, half of it only its diagonal."""

    directions: np.ndarray  # (P, D): their products add up to the covariance
    deviation: np.ndarray  # (D,)

    @classmethod
    def of(cls, differences: np.ndarray, degrees: int) -> _Spread:
        return cls(differences / np.sqrt(degrees), np.sqrt((differences**2).sum(0) / degrees))

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        along = rng.standard_normal((count, len(self.directions)), np.float32) @ self.directions
        alone = rng.standard_normal((count, len(self.deviation)), np.float32) * self.deviation
        return np.sqrt(1 - ROUND) * along + np.sqrt(ROUND) * alone


@dataclass(frozen=True)
class Crowd:
    """What was measured on described people, per stream: mean, spread of people and of one person's pictures."""

    mean: dict[str, np.ndarray]
    between: dict[str, _Spread]
    within: dict[str, _Spread]
    told: str

    @classmethod
    def measured(cls, known: Descriptors, pids: np.ndarray) -> Crowd:
        """From N pictures of people with two or more each."""
        _, who, counts = np.unique(pids, return_inverse=True, return_counts=True)
        mean, between, within = {}, {}, {}
        for name in ("appearance", "shape"):
            vectors = getattr(known, name)
            centres = np.stack([vectors[who == i].mean(0) for i in range(len(counts))])
            mean[name] = centres.mean(0)
            between[name] = _Spread.of(centres - mean[name], len(counts) - 1)
            within[name] = _Spread.of(vectors - centres[who], len(vectors) - len(counts))
        return cls(
            mean, between, within, f"spread measured on {len(pids):,} pictures of {len(counts)} people"
        )

    def descriptors(self, people: np.ndarray, seed: int, part: int) -> Descriptors:
        """One picture for each of some people (M,), whose centres depend on their number and the seed alone.

        part: another one gives other pictures.
        """
        made = {}
        blocks, place = np.unique(people // 1000, return_inverse=True)
        for number, name in enumerate(("appearance", "shape")):
            centres = [
                self.between[name].draw(np.random.default_rng([seed, number, int(block)]), 1000)
                for block in blocks
            ]
            noise = np.random.default_rng([seed, number, part % 2**32, 1])
            vectors = self.mean[name] + np.stack(centres)[place, people % 1000]
            vectors = vectors + self.within[name].draw(noise, len(people))
            made[name] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return Descriptors(made["appearance"], made["shape"], "made")


def described_people(source: Path | None) -> tuple[Descriptors, np.ndarray]:
    """Labelled pictures with their descriptors: an .npz of `embed`, or the synthetic demo gallery, described now."""
    from threedsl import ThreeDSL
    from threedsl.gallery import Gallery
    from threedsl.gallery.demo import demo_galleries

    model = ThreeDSL.from_pretrained(device="cpu")
    gallery = (
        Gallery.open(source, model) if source else Gallery.build(model, demo_galleries()["synthetic"].records)
    )
    pids = np.array([record.pid for record in gallery.records])
    names, counts = np.unique(pids, return_counts=True)
    kept = np.isin(pids, names[(counts > 1) & (names != "")])
    return Descriptors(gallery.appearance[kept], gallery.shape[kept]), pids[kept]
