"""Plausible bodies shown to the discriminator as real, not paired with any picture."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from train.synthesize.activities import sample_activity
from train.synthesize.poses import sample_gait


class BodyPrior:
    """Poses of the pose library (`train.synthesize.activities`), betas of the population of the body file."""

    def __init__(self, body: str | Path, seed: int, poses: int = 4096):
        self.seed = seed
        rng = np.random.default_rng((seed, 7))
        drawn = [sample_activity(rng, sample_gait(rng, rng.random()), True)[1] for _ in range(poses)]
        self.poses = torch.from_numpy(np.stack(drawn)).float()
        with np.load(body) as file:
            self.betas = torch.from_numpy(file["population_betas"])

    def sample(self, count: int, step: int, rank: int = 0, processes: int = 1) -> tuple[Tensor, Tensor]:
        """(count, 24, 3, 3) rotations and (count, 10) betas, drawn independently; the same for the same step. Processes
        get their parts of one draw."""
        rng = np.random.default_rng((self.seed, 8, step, 0))
        mine = slice(rank * count, (rank + 1) * count)
        pose, betas = (
            torch.from_numpy(rng.integers(len(pool), size=count * processes)[mine])
            for pool in (self.poses, self.betas)
        )
        return self.poses[pose], self.betas[betas]
