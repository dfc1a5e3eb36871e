"""Embedding crops: the network compared with torchreid's OSNet and ResNet-50, all of them eager and exported."""

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
PEERS = {
    "OSNet x1.0": ("osnet.py", "osnet_x1_0"),
    "OSNet x0.25": ("osnet.py", "osnet_x0_25"),
    "ResNet-50": ("resnet.py", "resnet50"),
}
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
    from threedsl.inference.session import open_backend
    from threedsl.pipeline import ThreeDSL

    model = ThreeDSL.from_pretrained(checkpoint, device="cpu", backend="torch")
    ours = open_backend("onnx", model.network, model.config, model.device, threads)
    runs: dict[tuple[str, str], Callable[[np.ndarray], object]] = {}
    for name, (file, function) in PEERS.items():
        peer = torchreid_network(file, function)
        runs[name, "torch"] = eager(peer)
        runs[name, "onnxruntime"] = exported(peer, threads)
    runs["threedsl, descriptors", "torch"] = eager(lambda images: model.network(images, bodies=False))
    runs["threedsl, bodies as well", "torch"] = eager(model.network)
    runs["threedsl, descriptors", "onnxruntime"] = lambda images: ours(images, False)
    runs["threedsl, bodies as well", "onnxruntime"] = lambda images: ours(images, True)
    return runs


def eager(network: Callable) -> Callable[[np.ndarray], object]:
    """A network of torch as a function of arrays."""
    import torch

    def run(images: np.ndarray) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(images))

    return run


def exported(network, threads: int) -> Callable[[np.ndarray], object]:
    """The same network exported to ONNX and run by onnxruntime."""
    import onnxruntime
    import torch

    content = io.BytesIO()
    torch.onnx.export(
        network,
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
    return lambda images: session.run(None, {"images": images})


def torchreid_network(file: str, function: str):
    """A network of torchreid with random weights, whose file is loaded by path: its package needs torchvision."""
    found = importlib.util.find_spec("torchreid")
    if found is None:
        raise SystemExit("error: torchreid is not installed: `pip install --no-deps torchreid==0.2.5`.")
    path = Path(os.path.dirname(found.origin)) / "reid" / "models" / file
    spec = importlib.util.spec_from_file_location("peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, function)(num_classes=1, pretrained=False).eval()
