"""Bodies corrected by found keypoints: the picture tells what lies in front of what, the keypoints where it is."""

import torch
from torch import Tensor, nn

from threedsl.body.coco import SEEN
from threedsl.body.rotation import matrix_from_6d, sixd_from_matrix
from threedsl.network.heads import BETAS, CAMERA, POSE, plausible_camera

DROPPED = 0.6  # share of the evidence that is left out in training: it knows the training pictures too well
DROPPED_HIDDEN = 0.2


class KeypointHead(nn.Module):
    """Evidence, a regressed body and 17 found keypoints -> corrections of the body.

    Args:
        evidence: width of NetworkOutput.evidence.
        hidden: width of the two layers.
        vertices: of the body model's coarse topology.

    `clothes` (V, 3), metres, is added to the displacement of corrected bodies: what the average outfit adds to them
    (`train.body.clothes`).
    """

    def __init__(self, evidence: int, hidden: int, vertices: int):
        super().__init__()
        self.register_buffer("clothes", torch.zeros(vertices, 3))
        self.register_buffer("mean", torch.zeros(evidence))
        self.register_buffer("spread", torch.ones(evidence))
        self.drop = nn.Dropout(DROPPED)
        self.mlp = nn.Sequential(
            nn.Linear(evidence + 3 * 17 + POSE + CAMERA + BETAS, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPPED_HIDDEN),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPPED_HIDDEN),
        )
        self.correction = nn.Linear(hidden, POSE + CAMERA + BETAS)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    @torch.no_grad()
    def standardise(self, evidence: Tensor) -> None:
        """evidence (N, E) of the training pictures, whose mean and spread are what the head expects."""
        self.mean.copy_(evidence.mean(0))
        self.spread.copy_(evidence.std(0).clamp_min(1e-3))

    def forward(
        self,
        evidence: Tensor,
        betas: Tensor,
        pose: Tensor,
        camera: Tensor,
        keypoints: Tensor,
        size: tuple[int, int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Correct B bodies.

        Args:
            evidence: (B, E). betas: (B, 10). pose: (B, 24, 3, 3). camera: (B, 3). All as NetworkOutput has them.
            keypoints: (B, 17, 3) COCO x, y in pixels of the network's input, confidence; those below SEEN are left out.
            size: (height, width) of the network's input in pixels.

        Returns:
            betas, pose and camera.
        """
        body = torch.cat([sixd_from_matrix(pose).flatten(1), camera, betas], dim=1)
        known = self.drop((evidence - self.mean) / self.spread)
        body = body + self.correction(self.mlp(torch.cat([known, *centred(keypoints, size), body], dim=1)))
        pose, camera, betas = body.split((POSE, CAMERA, BETAS), dim=1)
        return betas, matrix_from_6d(pose.unflatten(1, (24, 6))), plausible_camera(camera)


def centred(keypoints: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(B, 17, 3) -> (B, 34) x and y from the picture's middle in heights of the picture, 0 where unseen, and (B, 17)
    1 where seen."""
    height, width = size
    seen = (keypoints[..., 2] >= SEEN).to(keypoints.dtype)
    middle = keypoints.new_tensor([width / 2, height / 2])
    place = (keypoints[..., :2] - middle) / height * seen[..., None]
    return place.flatten(1), seen
