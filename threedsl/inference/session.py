"""The network's graph run by onnxruntime, with the weights of a network in memory."""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.errors import InputError
from threedsl.inference.graph import BODIES, DESCRIPTORS, IMAGES, Exported, find_graph

if TYPE_CHECKING:
    import onnxruntime
    import torch

    from threedsl.network import NetworkConfig, ThreeDSLNetwork

BACKENDS = ("auto", "torch", "onnx")
AT_ONCE = 8  # pictures: more are slower on a CPU, whose caches hold the maps of a few, and need more memory
REMEDY = "delete it and make it again with `python -m threedsl export`, or choose the backend torch"
MOST_BYTES = 32 * 2**20  # of a graph without weights; those of this program have half a megabyte


class OnnxNetwork:
    """A network's inference as one graph with bodies and one without, each loaded when it is first needed.

    The weights are those at the time of loading; later changes of the network are not seen.

    Raises:
        InputError: a graph is damaged, or onnxruntime refuses it.
    """

    def __init__(self, network: ThreeDSLNetwork, graphs: dict[bool, Path], threads: int):
        self._network, self._graphs, self._threads = network, graphs, threads
        self._sessions: dict[bool, onnxruntime.InferenceSession] = {}
        self._session(False)

    def __call__(self, images: np.ndarray, bodies: bool = True) -> dict[str, np.ndarray | None]:
        """(B, 3, H, W) float32 RGB in [0, 1] -> arrays by the names of NetworkOutput, float32; those of the body only
        with bodies. A stream that the network lacks is None."""
        session = self._session(bodies)
        images = np.ascontiguousarray(images, np.float32)
        parts = [
            session.run(None, {IMAGES: images[start : start + AT_ONCE]})
            for start in range(0, max(len(images), 1), AT_ONCE)
        ]
        values = [np.concatenate(part) for part in zip(*parts, strict=True)]
        found = dict(zip((output.name for output in session.get_outputs()), values, strict=True))
        return dict.fromkeys(DESCRIPTORS + (BODIES if bodies else ())) | found

    def _session(self, bodies: bool) -> onnxruntime.InferenceSession:
        if bodies not in self._sessions:
            values = Exported(self._network, bodies).values()
            self._sessions[bodies] = load_session(self._graphs[bodies], values, self._threads, REMEDY)
        return self._sessions[bodies]


def load_session(
    path: Path, values: dict[str, torch.Tensor], threads: int, remedy: str
) -> onnxruntime.InferenceSession:
    """A graph that `threedsl.inference.graph.packed` made a file of, with these weights.

    Args:
        remedy: how the error's sentence ends: what to do about a graph that cannot be used.

    Raises:
        InputError: the file is damaged, or its graph takes other weights.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Otherwise a large batch's memory is never given back: 260 MB after 32 pictures.
    options.enable_cpu_mem_arena = False
    # Threads that wait in a loop take the cores from those that decode the next pictures, and from other searches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        with gzip.open(path) as file:
            names = json.loads(file.readline(MOST_BYTES))
            graph = file.read(MOST_BYTES)
        arrays = {name: values[name].detach().cpu().contiguous().numpy() for name in names}
        options.add_external_initializers(
            list(arrays), [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        )
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions and zlib's have no common base class
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise InputError(f"The ONNX graph {path} cannot be used ({reason}); {remedy}.") from None


def open_backend(
    backend: str, network: ThreeDSLNetwork, config: NetworkConfig, device: torch.device, threads: int
) -> OnnxNetwork | None:
    """What runs the network: None for torch.

    Args:
        backend: torch, onnx, or auto: onnx on a CPU where onnxruntime and a graph are there.
        threads: of onnxruntime within one batch.

    Raises:
        InputError: another name, or onnx cannot be had, with the reason.
    """
    if backend not in BACKENDS:
        raise InputError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}.")
    if backend == "torch":
        return None
    installed = find_spec("onnxruntime") is not None
    graphs = {bodies: find_graph(config, bodies) for bodies in (False, True)}
    missing = None in graphs.values()
    if backend == "auto" and (not installed or missing or device.type != "cpu"):
        return None
    if not installed:
        raise InputError(
            "backend onnx needs onnxruntime: `pip install onnxruntime`, or choose the backend torch."
        )
    if device.type != "cpu":
        raise InputError(
            f"backend onnx runs on the CPU, not on {device}; leave the device or the backend out."
        )
    if missing:
        raise InputError(
            "There is no ONNX graph of this checkpoint's architecture yet; run `python -m threedsl export` with it "
            "once."
        )
    return OnnxNetwork(network, graphs, threads)
