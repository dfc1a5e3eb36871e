"""The network as ONNX files for other programs: the graph, and its weights in pieces below 10 MB."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from threedsl.errors import InputError
from threedsl.files import whole_folder
from threedsl.inference.graph import IMAGES, Exported, to_onnx

if TYPE_CHECKING:
    import onnx

    from threedsl.pipeline import ThreeDSL

GRAPH = "network.onnx"
PIECE_NAME = re.compile(r"weights-\d+\.bin")
PIECE = 9_000_000  # bytes; a single weight may be larger
SMALL = 1024  # bytes of weights that stay in the graph
BATCHES = (1, 2, 7)
TOLERANCE = 1e-4
SEED = 0


def write_standalone(model: ThreeDSL, folder: Path) -> dict[str, float]:
    """Write network.onnx and its weights, check them by onnxruntime against torch, and only then replace `folder`.

    Weights that half precision holds exactly, as those of the shipped checkpoint, are stored in it and cast when the
    graph is loaded; all that is computed is float32. Input: images (N, 3, H, W) float32 RGB in [0, 1]. Outputs: those
    of threedsl.inference.graph.Exported by their names.

    Returns:
        The largest difference from torch of each output.

    Raises:
        InputError: a package is missing, an output differs by more than TOLERANCE, nothing can be written there, or
            the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        if not (folder / GRAPH).is_file():
            raise InputError(f"{folder} holds something else; choose a new or empty folder.")
    exported = Exported(model.network.to("cpu"), bodies=True).eval()
    try:
        graph = to_onnx(exported, model.input_size)
        with whole_folder(folder, lambda name: name == GRAPH or PIECE_NAME.fullmatch(name)) as scratch:
            save_in_pieces(graph, scratch)
            return check(scratch / GRAPH, exported, model.input_size)
    finally:
        model.network.to(model.device)


def save_in_pieces(model: onnx.ModelProto, folder: Path) -> None:
    """Write the graph, and next to it its weights as weights-00.bin, weights-01.bin and so on."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    casts, pieces = [], [bytearray()]
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.nbytes <= SMALL:
            continue
        name = tensor.name
        if array.dtype == np.float32 and np.array_equal(array.astype(np.float16).astype(np.float32), array):
            array = array.astype(np.float16)
            tensor.name = f"{name}.half"
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
        content = array.tobytes()
        if pieces[-1] and len(pieces[-1]) + len(content) > PIECE:
            pieces.append(bytearray())
        places = {
            "location": f"weights-{len(pieces) - 1:02d}.bin",
            "offset": str(len(pieces[-1])),
            "length": str(len(content)),
        }
        pieces[-1] += content
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in places.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    nodes = [*casts, *model.graph.node]  # a node comes after what it reads
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for number, content in enumerate(pieces):
        (folder / f"weights-{number:02d}.bin").write_bytes(content)
    (folder / GRAPH).write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(folder / GRAPH))


def check(path: Path, exported: Exported, size: tuple[int, int]) -> dict[str, float]:
    """The largest difference of each output from torch's over batches of BATCHES pictures of seeded noise.

    Raises:
        InputError: onnxruntime is missing or refuses the graph, or a difference is above TOLERANCE.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError("Checking the ONNX graph needs onnxruntime: `pip install onnxruntime`.") from None
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise InputError(f"onnxruntime refuses the exported graph ({str(error)[:200]}).") from None
    noise = np.random.default_rng(SEED)
    worst = dict.fromkeys(exported.outputs, 0.0)
    for batch in BATCHES:
        images = noise.random((batch, 3, *size), np.float32)
        with torch.inference_mode():
            expected = exported(torch.from_numpy(images))
        for name, ours, value in zip(
            exported.outputs, expected, session.run(None, {IMAGES: images}), strict=True
        ):
            difference = float(np.abs(ours.numpy() - value).max())
            if not difference <= TOLERANCE:  # NaN as well
                raise InputError(
                    f"The exported graph's {name} differs from torch's by {difference:.2g} on {batch} pictures, more "
                    f"than {TOLERANCE:g}, so nothing was written; install other versions of onnx and onnxruntime."
                )
            worst[name] = max(worst[name], difference)
    return worst
