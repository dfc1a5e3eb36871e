"""The prior on bodies: HMR's factorised discriminator (docs/method.md, section 3)."""

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """25 scores: one per joint rotation (23), one on the whole pose, one on betas. Real is 1, predicted is 0."""

    def __init__(self, betas: int = 10, joints: int = 23, width: int = 32, hidden: int = 512):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(9, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.joint_weight = nn.Parameter(torch.randn(joints, width) / width**0.5)
        self.joint_bias = nn.Parameter(torch.zeros(joints))
        self.whole = nn.Sequential(
            nn.Linear(joints * width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.shape = nn.Sequential(
            nn.Linear(betas, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1)
        )

    def forward(self, pose: Tensor, betas: Tensor) -> Tensor:
        """pose (B, 24, 3, 3), whose root is ignored (people face any direction), betas (B, 10) -> (B, 25)."""
        joints = self.embed(pose[:, 1:].flatten(2))
        each = (joints * self.joint_weight).sum(-1) + self.joint_bias
        return torch.cat([each, self.whole(joints.flatten(1)), self.shape(betas)], dim=1)
