"""The curves as one SVG picture."""

from __future__ import annotations

import io
import re
from pathlib import Path

from threedsl.errors import InputError
from threedsl.files import write_whole

COLOURS = {"flat": "#7a5195", "ivfsq": "#ef5675", "ivfpq": "#ffa600", "torch": "#7a5195", "onnx": "#ef5675"}


def draw(curves: dict, target: Path) -> None:
    """Time above, memory below, of galleries, batches and photos.

    curves: {"gallery" or "batch" or "photo": {name: {"sizes": [...], "build s": [...], ...}}}.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise InputError(
            "The plot needs matplotlib; `pip install -r train/requirements.txt` brings it."
        ) from None
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "font.size": 9, "axes.spines.right": False})
    matplotlib.rcParams.update(
        {"axes.spines.top": False, "svg.fonttype": "none", "font.family": "sans-serif"}
    )
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(10, 5.2), layout="constrained", sharex="col")
    columns = (
        ("gallery", "query ms", "disk bytes", "pictures in the gallery", "ms a query", "GB on disk"),
        ("batch", "ms", "memory bytes", "crops described together", "ms a crop", "GB, peak"),
        ("photo", "ms", "memory bytes", "megapixels of a photo", "ms to read it, find people", "GB, peak"),
    )
    for (above, below), (kind, time, memory, across, upward, held) in zip(axes.T, columns, strict=True):
        for name, curve in curves[kind].items():
            style = {"marker": "o", "markersize": 3, "color": COLOURS.get(name, "#003f5c"), "label": name}
            above.plot(curve["sizes"], curve[time], **style)
            below.plot(curve["sizes"], [value / 1e9 for value in curve[memory]], **style)
        above.set(ylabel=upward, xscale="log", yscale="log" if kind == "gallery" else "linear")
        below.set(ylabel=held, xlabel=across, xscale="log", yscale="log" if kind == "gallery" else "linear")
        for axis in (above, below):
            axis.grid(True, alpha=0.25)
            if kind != "gallery":
                axis.set_ylim(bottom=0)
        if len(curves[kind]) > 1:
            above.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    write_whole(target, re.sub(rb"[ \t]+\n", b"\n", content.getvalue()))
