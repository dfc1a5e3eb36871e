"""`python -m train run CONFIG [--resume]`: the training loop, to be read from top to bottom."""

import argparse
import dataclasses
import json
import logging
import math
import shutil
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.checkpoint import save_checkpoint
from threedsl.errors import InputError
from threedsl.network import Discriminator, ThreeDSLNetwork, build_network
from threedsl.network.heads import standing_heights
from train.checkpoint import has_state, load_state, read_info, save_state
from train.config import TrainConfig, load_config
from train.dataset import TrainingSet, TrainingSteps
from train.fusion import choose_shares
from train.learner import Learner, total_loss
from train.losses import adversarial_loss, discriminator_loss
from train.parallel import share_batch_norms
from train.prior import BodyPrior
from train.retrieval import RetrievalSet
from train.sampler import IdentitySampler
from train.start import FIRST_STAGE, SECOND_STAGE, refine_from, start_from
from train.watch import body_pictures, evenly

log = logging.getLogger("train")

MACHINE_FIELDS = {"graph", "log_every", "save_every", "evaluate_every", "data", "more_data", "out"}
"""Fields that change nothing in a step and may differ when a run goes on: a folder may be moved, its content not
changed (`TrainingSet.fingerprint`)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a YAML file, such as train/configs/3dsl-lite.yaml")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last saved state of the same run"
    )
    parser.add_argument(
        "--set", action="append", metavar="FIELD=VALUE", help="override a field, e.g. steps=100"
    )
    parser.add_argument("--stop-at", type=int, help="save the state and stop after this step")


def main(args: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    train(load_config(args.config, args.set), resume=args.resume, stop_at=args.stop_at)


def learning_rate(step: int, peak: float, warmup: int, cycle: int) -> float:
    """Linear warm-up from 1 % of the peak, then half a cosine to zero at `cycle` steps, and again from the start
    (warm restarts: Loshchilov and Hutter, ICLR 2017)."""
    step %= cycle
    if step < warmup:
        return peak * (0.01 + 0.99 * step / warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, cycle - warmup)))


def train(config: TrainConfig, resume: bool = False, stop_at: int | None = None) -> Path:
    """Run a configuration to its last step and return the folder of the exported checkpoint."""
    out = Path(config.out)
    if not resume and has_state(out / "last"):
        raise InputError(f"{out} already holds a run; continue it with --resume or give another `out`.")
    accelerator = Accelerator(mixed_precision=config.precision)
    rank, processes, leads = accelerator.process_index, accelerator.num_processes, accelerator.is_main_process
    set_seed(config.seed)
    # All batches have one size, so the fastest kernels are worth a search.
    torch.backends.cudnn.benchmark = accelerator.device.type == "cuda"

    size = (config.network.height, config.network.width)
    folders = [config.data, *([config.more_data] if config.more_data else [])]
    data = TrainingSet(folders, size, truth=config.losses.needs_truth)
    sampler = IdentitySampler(
        data.labels, data.clothes, config.people, config.pictures, config.seed, config.sampling
    )
    batches = TrainingSteps(
        data, sampler, config.augment, config.mask_size, config.seed, accelerator.device, rank, processes
    )
    retrieval = RetrievalSet(config.data, size) if leads else None

    body_file = config.body or DEFAULT_BODY
    body = BodyModel.load(body_file)
    if config.network.coarse_vertices != body.num_coarse:
        raise InputError(f"network.coarse_vertices must be {body.num_coarse}, as many as {body_file} has.")
    network = build_network(config.network, config.pretrained)
    if network.shape_stream is not None and network.shape_stream.parts is not None:
        network.shape_stream.parts.assign_vertices(standing_heights(body))
    origin = config.start or config.refine or config.pretrained or "SCRATCH: nothing was pre-trained"
    log.info("backbones start from %s", origin)
    learner = Learner(network, body, data.people, config).to(memory_format=torch.channels_last)
    if config.start:
        learner.freeze(start_from(network, config))
    if config.refine:
        learner.freeze(refine_from(network, config))
    share_batch_norms(learner, accelerator.device)
    discriminator = Discriminator()
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in network.parameters() if p.requires_grad], "peak": config.learning_rate},
            {"params": list(learner.classifiers.parameters()), "peak": config.classifier_rate},
        ],
        weight_decay=config.weight_decay,
        fused=accelerator.device.type == "cuda",
    )
    judge = torch.optim.Adam(discriminator.parameters(), lr=config.discriminator_rate)
    adversarial = config.network.shape_stream and config.losses.adversarial > 0
    prior = BodyPrior(body_file, config.seed) if adversarial else None

    modules = {"network": network, "classifiers": learner.classifiers, "discriminator": discriminator}
    optimizers = {"optimizer": optimizer, "judge": judge}
    start = 0
    if resume:
        info = read_info(out / "last")
        refuse_changes(info, config, processes, data.fingerprint)
        load_state(out / "last", modules, optimizers)
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(info["scaler"])
        start = info["step"]
    if stop_at is not None and not start < stop_at <= config.steps:
        raise InputError(f"--stop-at {stop_at} must lie between step {start} and step {config.steps}.")
    learner, discriminator, optimizer, judge = accelerator.prepare(learner, discriminator, optimizer, judge)
    if config.graph and accelerator.device.type == "cuda" and processes == 1:
        record_graph(network, config.precision, batches[start * config.accumulate].images)
    writer = summary_writer(out, start) if leads else None

    progress = tqdm(total=config.steps, initial=start, desc=config.name, disable=not leads)
    clock, seen = time.monotonic(), 0
    learner.train()
    for step in range(start, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, group["peak"], config.warmup, config.cycle or config.steps)

        optimizer.zero_grad()
        for turn in range(step * config.accumulate, (step + 1) * config.accumulate):
            batch = batches[turn]
            losses, output = learner(batch)
            if adversarial:
                losses["adversarial"] = adversarial_loss(discriminator(output.pose, output.betas))
            loss = total_loss(losses, config.losses)
            accelerator.backward(loss / config.accumulate)
        accelerator.clip_grad_norm_(learner.parameters(), 5.0)
        optimizer.step()

        if adversarial:
            poses, betas = (
                value.to(accelerator.device)
                for value in prior.sample(len(batch.images), step, rank, processes)
            )
            poses = torch.cat([poses, output.pose.detach()])
            real, predicted = discriminator(poses, torch.cat([betas, output.betas.detach()])).chunk(2)
            losses["discriminator"] = discriminator_loss(real, predicted)
            judge.zero_grad()
            accelerator.backward(losses["discriminator"])
            judge.step()

        done = step + 1
        saves = done % config.save_every == 0 or done in (config.steps, stop_at)
        # Looking at a loss waits for the GPU, so it is done seldom, and always before anything is kept.
        if (saves or done % config.log_every == 0) and not torch.isfinite(loss):
            raise InputError(
                f"the loss is no longer finite at step {done}; start again with a lower learning_rate "
                "and another `out`."
            )
        seen += len(batch.images) * processes * config.accumulate
        progress.update()
        if done % config.log_every == 0 and leads:
            pace = seen / (time.monotonic() - clock)
            values = {name: value.item() for name, value in losses.items()}
            for name, value in values.items():
                writer.add_scalar(f"loss/{name}", value, done)
            writer.add_scalar("pictures per second", pace, done)
            log.info(
                "step %d  %.0f pictures/s  %s",
                done,
                pace,
                "  ".join(f"{k} {v:.4f}" for k, v in values.items()),
            )
            clock, seen = time.monotonic(), 0
        if (done % config.evaluate_every == 0 or done == config.steps) and leads:
            if network.shape_stream is not None:
                shown = retrieval.query[evenly(len(retrieval.query))]
                sheet = body_pictures(network, body, shown, accelerator.device)
                writer.add_image("bodies", sheet, done, dataformats="HWC")
            protocol = retrieval.protocols[0]
            described = retrieval.describe(network, accelerator.device)
            for stream, scores in retrieval.score(*described, protocol).items():
                rank_1, precision = scores.rank(1), scores.mean_average_precision
                writer.add_scalar(f"{protocol} rank-1/{stream}", rank_1, done)
                writer.add_scalar(f"{protocol} mAP/{stream}", precision, done)
                log.info(
                    "step %d  %s, held-out people, %s: rank-1 %.1f %%  mAP %.1f %%",
                    *(done, protocol, stream, 100 * rank_1, 100 * precision),
                )
            if done == config.steps and network.shape_stream is not None and not config.refine:
                choose_shares(network, retrieval, *described)
            learner.train()  # looking at the network has put all of it into training mode, frozen parts too
            clock, seen = time.monotonic(), 0
        if saves and leads:
            info = {
                "step": done,
                "config": config.to_dict(),
                "processes": processes,
                "training set": data.fingerprint,
            }
            if accelerator.scaler is not None:
                info["scaler"] = accelerator.scaler.state_dict()
            save_state(out / "last", modules, optimizers, info)
        if done == stop_at:
            break
    progress.close()
    if leads:
        writer.close()
        export(config, network, out / "export")
    return out / "export"


def record_graph(network: ThreeDSLNetwork, precision: str, images: torch.Tensor) -> None:
    """Record the network's kernels once and replay them: thousands of small ones cost a CPU more than a GPU."""
    kind = {"no": None, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    network.train()
    with torch.autocast("cuda", dtype=kind, enabled=kind is not None, cache_enabled=False):
        torch.cuda.make_graphed_callables(network, (images,))
    for name, value in network.named_buffers():
        value.copy_(statistics[name])


def refuse_changes(info: dict, config: TrainConfig, processes: int, training_set: str) -> None:
    """InputError when a run would go on as a different one; `training_set` is the data's fingerprint."""
    now = config.to_dict() | {"processes": processes}
    # A field added since the run was started had its default, here and in the network; what `augment` has gained
    # changes pictures by default.
    defaults = TrainConfig().to_dict()
    before = defaults | info["config"] | {"processes": info["processes"]}
    before["network"] = defaults["network"] | before["network"]
    for values in (before, now):
        values["cycle"] = values["cycle"] or values["steps"]
    # Whole cycles of one length: a longer run begins as the shorter one did.
    if before["cycle"] == now["cycle"] and info["step"] <= now["steps"]:
        before["steps"] = now["steps"]
    changed = sorted(key for key in now if key not in MACHINE_FIELDS and before.get(key) != now[key])
    if changed:
        raise InputError(f"The run in {config.out} was started with other values of {', '.join(changed)}.")
    # States from before fingerprints were kept have none to compare.
    if info.get("training set", training_set) != training_set:
        raise InputError(
            f"The run in {config.out} was started with other training pictures, people, clothes or keypoints than "
            f"{config.data} has now; give the data it was started with."
        )


def summary_writer(out: Path, start: int):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(out / "log", purge_step=start + 1 if start else None)


def export(config: TrainConfig, network: ThreeDSLNetwork, folder: Path) -> None:
    """Write the network as `ThreeDSL.from_pretrained` reads it, with the training configuration beside it."""
    chosen = dataclasses.replace(config.network, shape_share=network.shape_share)
    if chosen.parts:
        chosen = dataclasses.replace(chosen, part_shares=network.shape_stream.part_shares)
    save_checkpoint(network, chosen, folder, half=True)
    if config.body:
        shutil.copyfile(config.body, folder / "body.npz")
    # A start that was trained in two stages itself gave its first one.
    told = [Path(config.start) / name for name in (FIRST_STAGE, "training.json")] if config.start else []
    for first in [path for path in told if path.is_file()][:1]:
        shutil.copyfile(first, folder / FIRST_STAGE)
    for name, before in ((FIRST_STAGE, FIRST_STAGE), ("training.json", SECOND_STAGE)):
        if config.refine and (Path(config.refine) / name).is_file():
            shutil.copyfile(Path(config.refine) / name, folder / before)
    (folder / "training.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
