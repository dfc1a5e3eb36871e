"""Write the network as ONNX, checked against torch."""

from __future__ import annotations

import argparse
from pathlib import Path

from threedsl.cli.common import add_model_arguments, load_model, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        help="a new or empty folder for network.onnx and its weights (default: onnx/ in the user's cache, one folder "
        "per checkpoint)",
    )
    add_model_arguments(parser, photos=False, backends=False)


def run(args: argparse.Namespace) -> None:
    """Write the files for other programs, and the graphs that this program runs with the backend onnx."""
    args.backend = "torch"
    model = load_model(args)
    from threedsl.files import cache_folder
    from threedsl.inference.graph import find_graph, write_graphs
    from threedsl.inference.standalone import BATCHES, GRAPH, write_standalone

    folder = args.out or cache_folder() / "onnx" / model.fingerprint[:32]
    differences = write_standalone(model, folder)
    if None in (find_graph(model.config, bodies) for bodies in (False, True)):
        write_graphs(model.network, model.config)
    if args.json:
        print_json({"out": str(folder), "batches": list(BATCHES), "differences": differences})
        return
    batches = ", ".join(str(batch) for batch in BATCHES)
    print(f"{folder / GRAPH}, the same as torch in batches of {batches}; largest difference:")
    for name, difference in differences.items():
        print(f"  {name:12s} {difference:.1e}")
