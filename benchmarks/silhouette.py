"""The silhouette renderer and PyTorch3D's on the same CPU: speed, agreement, and the share of a training step."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.peers import environment_folder, new_environment
from benchmarks.table import machine, replace_section, spread, table

ROOT = Path(__file__).resolve().parents[1]
# The wheel goes with this torch and not with newer ones; PyPI's torch for Linux is the CUDA build.
PACKAGES = ("torch==2.12.1", "easypytorch3d==0.7.9.post1", "numpy>=2.2,<3", "smplx>=0.1.28,<0.2")
PROBE = "from pytorch3d import _C; import smplx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        type=Path,
        help="folder of an environment with PyTorch3D, set up where it is missing or empty; by default pytorch3d in "
        "the user's cache",
    )
    parser.add_argument("--repeats", type=int, default=7, help="rounds, in each of which both work once")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--bodies", type=int, default=64, help="random bodies on which they are compared")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    python = find_environment(args.env)
    report = race(python, args)
    sections = [f"{machine()}.", *standings(report, args)]
    for section in sections:
        print(section, end="\n\n", flush=True)
    sections.append(step_share(report, args.repeats))
    print(sections[-1])
    if args.write:
        replace_section("silhouette", "\n\n".join(sections))


def find_environment(named: Path | None) -> str:
    """A Python that imports PyTorch3D: this one, the folder's, or the folder's after setting it up."""
    folder = environment_folder(named, "pytorch3d")
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    for candidate in (sys.executable, python):
        if (
            Path(candidate).is_file()
            and not subprocess.run([candidate, "-c", PROBE], capture_output=True).returncode
        ):
            return candidate
    print(
        f"Setting up {folder} (once; with PyPI's torch about 5 GB and some minutes) …",
        file=sys.stderr,
    )
    new_environment(folder, clear=named is None)
    for command in (
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES],
        [python, "-c", PROBE],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"error: {' '.join(command)[:200]} failed:\n{done.stderr[-2000:]}")
    return python


def race(python: str, args: argparse.Namespace) -> dict:
    """What benchmarks.renderers measured over there."""
    options = [f"--{name}={getattr(args, name)}" for name in ("repeats", "batch", "bodies")]
    command = [python, "-m", "benchmarks.renderers", *options]
    # As for the program and the trainer, which set it before torch is imported: see threedsl/__init__.py.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"error: the renderers stopped with code {done.returncode}; their message is above.")
    return json.loads(done.stdout)


def standings(report: dict, args: argparse.Namespace) -> list[str]:
    """Speed by number of threads, and agreement by PyTorch3D's faces per pixel."""
    settings = report["settings"]
    sections = [
        f"64 x 32 pictures of {settings['faces']:,} faces, batches of {args.batch}, sigma 0.025 square pixels; "
        f"torch {settings['torch']}, easypytorch3d {settings['pytorch3d']}. Milliseconds per picture; median (range) "
        f"of {args.repeats} rounds."
    ]
    header = ["renderer", "forward, CPU", "backward, CPU", "both, clock", "times ours, CPU", "by the clock"]
    for threads, rounds in report["rounds"].items():
        rows = []
        for name, done in rounds.items():
            ratios = [
                spread(
                    [theirs[kind] / ours[kind] for theirs, ours in zip(done, rounds["ours"], strict=True)], 0
                )
                for kind in ("cpu", "clock")
            ]
            rows.append(
                [
                    "threedsl" if name == "ours" else f"PyTorch3D, {name} faces per pixel",
                    *(spread([part[kind] for part in done]) for kind in ("forward", "backward", "clock")),
                    *(["1", "1"] if name == "ours" else ratios),
                ]
            )
        title = "One thread" if threads == "1" else f"{threads} threads"
        sections.append(f"{title}:\n\n{table(header, rows)}")
    rows = [
        [name, low_middle(found["iou"]), low_middle(found["cosine"]), f"{found['difference']:.6f}"]
        for name, found in report["agreement"].items()
    ]
    header = ["faces per pixel", "IoU", "cosine of gradients", "largest difference"]
    sections.append(
        f"Agreement on {args.bodies} random bodies, lowest and median: IoU of the pictures cut at one half, cosine of "
        "the gradients with respect to the vertices in metres under the training's silhouette loss against another "
        f"body's mask, largest difference of a pixel.\n\n{table(header, rows)}"
    )
    return sections


def low_middle(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[0]:.4f}, {statistics.median(ordered):.4f}"


def step_share(report: dict, repeats: int) -> str:
    """CPU time of one training step of the lite configuration, and of the silhouettes in it, on one thread."""
    import torch

    from benchmarks.trainer.step import CONFIG, ON_A_CPU, toy_step
    from threedsl.render.project import project_silhouette
    from train.configs.read import load_config
    from train.learner import total_loss
    from train.losses import silhouette_loss

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = load_config(CONFIG, ON_A_CPU)
    learner, batch = toy_step(config)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-5)
    steps, silhouettes = [], []
    for repeat in range(repeats + 1):
        start = time.process_time()
        losses, output = learner(batch)
        optimizer.zero_grad()
        total_loss(losses).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        optimizer.step()
        stepped = time.process_time() - start
        with torch.no_grad():
            vertices = learner.body(output.betas, output.pose, output.displacement).vertices
        vertices.requires_grad_()
        camera = output.camera.detach().requires_grad_()
        start = time.process_time()
        mask = project_silhouette(vertices, camera, learner.faces, config.mask_size, config.sigma)
        silhouette_loss(mask, batch.masks).backward()
        drawn = time.process_time() - start
        if repeat:  # the first one warms up
            steps.append(stepped)
            silhouettes.append(drawn)
    shares = [100 * drawn / stepped for drawn, stepped in zip(silhouettes, steps, strict=True)]
    theirs = statistics.median(part["cpu"] for part in report["rounds"]["1"]["20"])
    count = len(batch.images)
    network = config.network
    return (
        f"A training step of {CONFIG.stem} at {network.height} x {network.width}, batch {count}, one thread, torch "
        f"{torch.__version__}: {spread(steps)} CPU seconds; its silhouettes with projection and loss, forward and "
        f"backward, on the step's own bodies: {spread(silhouettes, 3)} s, which is {spread(shares)} % of the step. "
        f"PyTorch3D would need {theirs * count / 1000:.1f} s for them."
    )
