"""`python -m train keypoints`: the head that corrects bodies by found keypoints, for a trained checkpoint.

Everything else of the network stays as it is. Best on people whom the network has not been trained on: what it says of
its own training pictures is too good, and the head would rely on it.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from threedsl.arguments import seed
from threedsl.body import BodyModel
from threedsl.body.camera import project
from threedsl.body.coco import SEEN
from threedsl.body.fitting import FEWEST
from threedsl.checkpoint.folder import find_checkpoint
from threedsl.checkpoint.hub import NOTICE, TRAINED
from threedsl.checkpoint.weights import body_of, load_checkpoint, save_checkpoint
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.network.build import attach_keypoint_head
from threedsl.network.keypoint_head import KeypointHead
from threedsl.pipeline import ThreeDSL
from train.body.clothes import ClothesConfig, learn_clothes
from train.body.regressed import CHUNK, Regressed, held_out, regress
from train.config import TrainConfig
from train.data.dataset import TrainingSet
from train.data.found_keypoints import as_found
from train.data.listing import Listing, training_list
from train.data.validation import draw_validation
from train.export import check_out, copy_files
from train.losses import keypoint_loss
from train.synthesize.truth import Truth

log = logging.getLogger("train")

RECORD = "training-keypoints.json"
"""How the head was trained, next to `training.json` in the checkpoint."""


@dataclass(frozen=True)
class HeadConfig:
    """How the head is trained; weights are those of the losses."""

    steps: int = 3000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    hidden: int = 768
    versions: int = 2  # of each picture: itself, and augmented ones
    seed: int = 0
    found: float = 0.5  # share of the pictures with the finder's own keypoints, where it has looked for them
    pose: float = 10
    joints: float = 10  # per metre
    keypoints: float = 60  # projected, as L_key
    betas: float = 0.2
    clothes: ClothesConfig = field(default_factory=ClothesConfig)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="an exported run with a shape stream")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder of `train synthesize`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint with the head")
    parser.add_argument(
        "--steps", type=int, default=HeadConfig.steps, help="of 256 pictures (default: %(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=0)


def main(args: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if args.steps < 1:
        raise InputError(f"--steps must be at least 1, not {args.steps}.")
    settings = HeadConfig(steps=args.steps, seed=args.seed)
    folder = find_checkpoint(args.checkpoint)
    check_out(args.out, folder)
    config, network = load_checkpoint(folder)
    if network.shape_stream is None:
        raise InputError(f"{folder} has no shape stream, so it regresses no bodies.")
    config = replace(config, keypoint_head=settings.hidden)
    body = BodyModel.load(body_of(folder)).eval()
    defaults = TrainConfig()
    validation = draw_validation(training_list(args.data), defaults.validation, defaults.validation_seed)
    listing = Listing.read([args.data], validation.people if validation else ())
    truth = listing.truth()
    torch.manual_seed(settings.seed)
    attach_keypoint_head(network, config)
    size = config.height, config.width
    data = TrainingSet(listing, size, truth)
    regressed, truths = regress(network.eval(), data, defaults.augment, settings.versions, settings.seed)
    head = network.shape_stream.keypoint_head
    held = held_out(network, args.data, validation, size) if validation else None
    scores = {}

    def judge(step: int) -> None:
        if held is not None:
            values = errors(head, *held, body, size)
            scores[step] = {name: round(value, 1) for name, value in values.items()}
            log.info("step %d, validation people: %s", step, scores[step])

    judge(0)
    train_head(head, regressed, truths, body, size, settings, judge)
    learn_clothes(ThreeDSL(network, config, body, "cpu"), data, settings.clothes, settings.seed)
    save_checkpoint(network, config, args.out, half=True)
    copy_files(folder, args.out, (*TRAINED, NOTICE, "body.npz"))
    record = {"data": str(args.data), "people": listing.people, "pictures": len(listing.records)}
    record |= {"settings": asdict(settings), "validation people, by step": scores}
    write_whole(args.out / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def train_head(
    head: KeypointHead,
    regressed: Regressed,
    truth: Truth,
    body: BodyModel,
    size: tuple[int, int],
    settings: HeadConfig,
    judge: Callable[[int], None],
) -> None:
    """Train in place; judge is called with the number of steps done, every 500."""
    head.standardise(regressed.evidence)
    head.train()
    with torch.no_grad():
        posed = [
            body.skeleton(*pair)[0]
            for pair in zip(truth.betas.split(CHUNK), truth.pose.split(CHUNK), strict=True)
        ]
    joints = centred_joints(torch.cat(posed))
    optimizer = torch.optim.AdamW(
        head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.steps, pct_start=0.1
    )
    random = torch.Generator().manual_seed(settings.seed)
    for step in range(1, settings.steps + 1):
        rows = torch.randint(len(joints), (settings.batch,), generator=random)
        batch = Regressed(*(value[rows] for value in regressed))
        looked = (batch.found[..., 2] >= SEEN).sum(1) >= FEWEST
        looked &= torch.rand(len(rows), generator=random) < settings.found
        points = torch.where(looked[:, None, None], batch.found, as_found(batch.keypoints, size[0], random))
        betas, pose, camera = head(*batch[:4], points, size)
        posed, coco = body.skeleton(betas, pose)
        pixels, _ = project(coco, camera, size)
        loss = (
            settings.pose * (pose - truth.pose[rows]).square().mean()
            + settings.joints * (centred_joints(posed) - joints[rows]).norm(dim=2).mean()
            + settings.keypoints
            * keypoint_loss(pixels, batch.keypoints[..., :2], (batch.keypoints[..., 2] > 0).float(), size[0])
            + settings.betas * (betas - truth.betas[rows]).square().mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0 or step == settings.steps:
            log.info("step %d of %d: loss %.3f", step, settings.steps, loss.item())
            head.eval()
            judge(step)
            head.train()
    head.eval()


def centred_joints(joints: Tensor) -> Tensor:
    """(B, 24, 3) from the pelvis."""
    return joints - joints[:, :1]


@torch.inference_mode()
def errors(
    head: KeypointHead, regressed: Regressed, truth: Truth, body: BodyModel, size: tuple[int, int]
) -> dict[str, float]:
    """Mean over pictures in mm and degrees, and the share that faces more than 90 degrees wrong in percent."""
    betas, pose, _ = head(*regressed[:4], regressed.found, size)
    apart = centred_joints(body.skeleton(betas, pose)[0]) - centred_joints(
        body.skeleton(truth.betas, truth.pose)[0]
    )
    trace = (pose[:, 0] * truth.pose[:, 0]).sum((1, 2))
    degrees = torch.rad2deg(torch.arccos(((trace - 1) / 2).clamp(-1, 1)))
    return {
        "MPJPE mm": 1000 * apart.norm(dim=2).mean().item(),
        "orientation degrees": degrees.median().item(),
        "> 90 degrees %": 100 * (degrees > 90).float().mean().item(),
    }
