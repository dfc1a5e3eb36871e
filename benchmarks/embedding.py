"""Embedding crops: the network compared with torchreid's OSNet x1.0, both eager and both exported."""

import argparse
import importlib.util
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.table import machine, replace_section, table

BATCHES = (1, 32)
SIZE = (256, 128)
TRUNKS = 2  # appearance and 3D stream
SEED = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/3dsl-lite"))
    parser.add_argument("--threads", type=int, default=1, help="of torch and onnxruntime (default 1)")
    parser.add_argument("--rounds", type=int, default=5, help="after one for warming up (default 5)")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")


def main(args: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(args.threads)
    runs = contenders(args.checkpoint, args.threads)
    rows = []
    for batch in BATCHES:
        images = np.random.default_rng(SEED).random((batch, 3, *SIZE), np.float32)
        taken: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
        for number in range(args.rounds + 1):  # in turn, so that another load on the machine meets all alike
            for key, run in runs.items():
                start = time.perf_counter()
                run(images)
                if number:
                    taken[key].append(1000 * (time.perf_counter() - start) / batch)
        for (name, runtime), times in taken.items():
            ratio = median(
                mine / theirs for mine, theirs in zip(times, taken["OSNet x1.0", runtime], strict=True)
            )
            rows.append(
                [str(batch), runtime, name, f"{median(times):.1f}", f"{min(times):.1f}", f"{ratio:.2f}"]
            )
    header = ["batch", "runtime", "network", "ms / picture", "best", "times OSNet x1.0"]
    report = "\n".join(
        [
            f"{machine()}; {args.threads} of its threads; crops of 256 x 128, median of {args.rounds} rounds. Ours has "
            f"{TRUNKS} trunks, so {TRUNKS} in the last column is the same cost per trunk.",
            "",
            table(header, rows),
        ]
    )
    print(report)
    if args.write:
        replace_section("embedding", report)


def contenders(checkpoint: Path, threads: int) -> dict[tuple[str, str], Callable[[np.ndarray], object]]:
    """Functions of (B, 3, 256, 128) float32 pictures, by network and runtime."""
    import onnxruntime
    import torch

    from threedsl.pipeline import ThreeDSL

    model = ThreeDSL.from_pretrained(checkpoint, device="cpu", backend="onnx")
    peer = osnet().eval()
    content = io.BytesIO()
    torch.onnx.export(
        peer,
        (torch.rand(2, 3, *SIZE),),
        content,
        input_names=["images"],
        dynamic_shapes={"x": {0: torch.export.Dim("pictures")}},
        dynamo=True,
        verbose=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(content.getvalue(), options, providers=["CPUExecutionProvider"])

    def eager(network: Callable) -> Callable[[np.ndarray], object]:
        def run(images: np.ndarray) -> object:
            with torch.inference_mode():
                return network(torch.from_numpy(images))

        return run

    return {
        ("OSNet x1.0", "torch"): eager(peer),
        ("threedsl, descriptors", "torch"): eager(lambda images: model.network(images, bodies=False)),
        ("threedsl, bodies as well", "torch"): eager(model.network),
        ("OSNet x1.0", "onnxruntime"): lambda images: session.run(None, {"images": images}),
        ("threedsl, descriptors", "onnxruntime"): lambda images: model._onnx(images, False),
        ("threedsl, bodies as well", "onnxruntime"): lambda images: model._onnx(images, True),
    }


def osnet():
    """torchreid's OSNet x1.0 with random weights, whose file is loaded by path: its package needs torchvision."""
    found = importlib.util.find_spec("torchreid")
    if found is None:
        raise SystemExit("error: torchreid is not installed: `pip install --no-deps torchreid==0.2.5`.")
    path = Path(os.path.dirname(found.origin)) / "reid" / "models" / "osnet.py"
    spec = importlib.util.spec_from_file_location("peer_osnet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.osnet_x1_0(num_classes=1, pretrained=False)
