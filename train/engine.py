"""`python -m train run CONFIG [--resume]`: the training loop, readable from top to bottom."""

import argparse
import logging
import math
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import torch
from tqdm import tqdm

from threedsl.errors import InputError, Stopped
from train.config import TrainConfig
from train.configs.read import load_config
from train.export import export
from train.held_out import evaluate_validation
from train.learner import Term, total_loss
from train.losses import adversarial_loss, discriminator_loss
from train.measure.shares import choose_shares
from train.run_state import LOG, has_state, only_run, save_state
from train.setup import Run, set_up
from train.stages import with_its_network
from train.stopping import StopRequest

log = logging.getLogger("train")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="a YAML file, such as train/configs/3dsl-lite.yaml")
    parser.add_argument(
        "--resume", action="store_true", help="continue from the last saved state of the same run"
    )
    parser.add_argument(
        "--with",
        dest="changes",
        action="append",
        type=Path,
        default=[],
        metavar="YAML",
        help="a file whose fields replace the configuration's, such as train/configs/lite.yaml",
    )
    parser.add_argument(
        "--set", action="append", metavar="FIELD=VALUE", help="override a field, e.g. steps=100"
    )
    parser.add_argument("--stop-at", type=int, help="save the state and stop after this step")


def main(args: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with StopRequest() as request:
        train(load_config(args.config, args.set, args.changes), args.resume, args.stop_at, request)


def learning_rate(step: int, peak: float, warmup: int, cycle: int) -> float:
    """Linear warm-up from 1 % of the peak, then half a cosine to zero at `cycle` steps, and again from the start
    (warm restarts: Loshchilov and Hutter, ICLR 2017)."""
    step %= cycle
    if step < warmup:
        return peak * (0.01 + 0.99 * step / warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, cycle - warmup)))


def train(
    config: TrainConfig,
    resume: bool = False,
    stop_at: int | None = None,
    request: StopRequest | None = None,
) -> Path:
    """Run a configuration to its last step and return the folder of the exported checkpoint.

    Raises:
        InputError: the data, the configuration or the state does not fit, or nothing can be written.
        Stopped: `request` received a signal; the state after the last step is saved.
    """
    config = with_its_network(config)
    out, request = Path(config.out), request or StopRequest()
    if not resume and has_state(out / "last"):
        raise InputError(f"{out} already contains a run; continue it with --resume or choose another `out`.")
    run = set_up(config, resume)
    if stop_at is not None and not run.start < stop_at <= config.steps:
        raise InputError(
            f"--stop-at {stop_at} must be after step {run.start} and no later than step {config.steps}."
        )
    leads = run.accelerator.is_main_process
    with only_run(out, run.start if resume else None) if leads else nullcontext():
        return follow(config, run, stop_at, request)


def follow(config: TrainConfig, run: Run, stop_at: int | None, request: StopRequest) -> Path:
    """The steps of a run that is set up, and its export; as `train`."""
    out = Path(config.out)
    accelerator, network, leads = run.accelerator, run.network, run.accelerator.is_main_process
    rank, processes = accelerator.process_index, accelerator.num_processes
    writer = summary_writer(out, run.start) if leads else None
    chooses = run.validation is not None and network.shape_stream is not None and not config.keeps_shares

    progress = tqdm(total=config.steps, initial=run.start, desc=config.name, disable=not leads)
    time_left, clock, seen, stopped = TimeLeft(run.start), time.monotonic(), 0, False
    run.learner.train()
    request.wait_for_a_step()
    for step in range(run.start, config.steps):
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(step, group["peak"], config.warmup, config.cycle or config.steps)

        turns = range(step * config.accumulate, (step + 1) * config.accumulate)
        bodies, logged = [], Means(config.accumulate)
        run.optimizer.zero_grad()
        for turn in turns:
            batch = run.batches[turn]
            losses, output = run.learner(batch)
            if run.prior:
                fooled = adversarial_loss(run.discriminator(output.pose, output.betas))
                losses["adversarial"] = Term(fooled, config.losses.adversarial)
                bodies.append((output.pose.detach(), output.betas.detach()))
            loss = total_loss(losses)
            accelerator.backward(loss / config.accumulate)
            logged.add({name: term.value for name, term in losses.items()} | {"total": loss})
            seen += len(batch.labels) * processes
        accelerator.clip_grad_norm_(run.learner.parameters(), 5.0)
        run.optimizer.step()

        if run.prior:
            run.discriminator_optimizer.zero_grad()
            for turn, (pose, betas) in zip(turns, bodies, strict=True):
                real = run.prior.sample(len(pose), turn, rank, processes)
                real_pose, real_betas = (value.to(accelerator.device) for value in real)
                scores = run.discriminator(torch.cat([real_pose, pose]), torch.cat([real_betas, betas]))
                loss = discriminator_loss(*scores.chunk(2))
                accelerator.backward(loss / config.accumulate)
                logged.add({"discriminator": loss})
            run.discriminator_optimizer.step()

        done = step + 1
        stopped = request.asked(accelerator.device) and done not in (config.steps, stop_at)
        saves = stopped or done % config.save_every == 0 or done in (config.steps, stop_at)
        # Reading a loss synchronises with the GPU, so it is done rarely, but always before anything is saved.
        if (saves or done % config.log_every == 0) and not torch.isfinite(logged["total"]):
            raise InputError(
                f"The loss is no longer finite at step {done}; start again with a lower learning_rate "
                "and another `out`."
            )
        progress.update()
        if done % config.log_every == 0 and leads:
            rate = run.optimizer.param_groups[0]["lr"]
            speed = seen / (time.monotonic() - clock)
            log_losses(writer, done, config.steps, logged, speed, rate, time_left)
            clock, seen = time.monotonic(), 0
        # Before anything is scored: what fails there must not cost the steps.
        if saves and leads:
            save_state(out / "last", run.modules, run.optimizers, run.info(done))
        if (done % config.evaluate_every == 0 or done == config.steps) and run.validation:
            described = evaluate_validation(
                network, run.validation, run.body, accelerator.device, writer, done
            )
            if done == config.steps and chooses:
                choose_shares(network, run.validation, *described, config.shares)
            run.learner.train()  # evaluation left all of it in training mode, frozen parts too
            clock, seen = time.monotonic(), 0
        if stopped or done == stop_at:
            break
    progress.close()
    if run.start == config.steps and chooses:
        # A complete run whose export failed; the shares are not part of its state.
        described = run.validation.describe(network, accelerator.device)
        choose_shares(network, run.validation, *described, config.shares)
    if leads:
        writer.close()
    if stopped:
        raise Stopped(
            f"stopped at step {done} of {config.steps}; its state is in {out / 'last'}: rerun the same command "
            "with --resume to continue.",
            128 + request.signal,
        )
    if stop_at is not None and done == stop_at < config.steps:
        log.info("stopped at step %d of %d; --resume continues", done, config.steps)
        return out / "last"
    if leads:
        if run.shares_chosen_on:
            log.info("shares of streams and parts: %s", run.shares_chosen_on)
        export(config, network, out / "export", run.shares_chosen_on, run.data.listing.sizes())
    return out / "export"


class Means(dict[str, torch.Tensor]):
    """Means by name over the batches of a step; they stay on their device until they are read."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def add(self, values: dict[str, torch.Tensor]) -> None:
        for name, value in values.items():
            self[name] = self.get(name, 0) + value.detach() / self.count


class TimeLeft:
    """How long the rest of a run takes at the pace so far."""

    def __init__(self, start: int):
        self.start, self.clock = start, time.monotonic()

    def after(self, done: int, steps: int) -> float:
        """Seconds from step `done`, which must be after the start, to the last of `steps`."""
        return (time.monotonic() - self.clock) / (done - self.start) * (steps - done)


def log_losses(
    writer, done: int, steps: int, means: Means, speed: float, rate: float, time_left: TimeLeft
) -> None:
    """Write the losses after `done` of `steps` steps, the pictures per second, the learning rate and the time left to
    TensorBoard and to the log."""
    values = {name: value.item() for name, value in means.items()}
    for name, value in values.items():
        writer.add_scalar(f"loss/{name}", value, done)
    left = time_left.after(done, steps)
    writer.add_scalar("pictures per second", speed, done)
    writer.add_scalar("learning rate", rate, done)
    writer.add_scalar("minutes left", left / 60, done)
    losses = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
    log.info(
        "step %d of %d (%.0f %%, %s left)  %.0f pictures/s  learning rate %.2e  %s",
        *(done, steps, 100 * done / steps, timedelta(seconds=round(left)), speed, rate, losses),
    )


def summary_writer(out: Path, start: int):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(out / LOG, purge_step=start + 1 if start else None)
