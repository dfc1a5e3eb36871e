"""Write the body in a photo as a GLB file, upright on level ground."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from threedsl.cli.common import (
    add_model_arguments,
    cut_out,
    in_words,
    load_model,
    print_json,
    read_query,
    writable,
)
from threedsl.errors import InputError
from threedsl.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from threedsl.bodies import Bodies

PICTURES = (".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
    parser.add_argument("photo", metavar="PHOTO", help="a photo or a person crop")
    parser.add_argument("--out", required=True, help="the .glb file to write")
    parser.add_argument("--overlay", help="also write a picture of the body over the photo (.png or .jpg)")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Reconstruct, write the files, print the body's proportions."""
    import torch

    from threedsl.bodies import body_as_json
    from threedsl.body.export import write_glb
    from threedsl.body.measures import body_measures

    out = writable(args.out)
    overlay = writable(args.overlay, PICTURES) if args.overlay else None
    crop, box, people = read_query(args.photo, args.whole)
    model = load_model(args)
    bodies = model([crop]).bodies
    if bodies is None:
        raise InputError(
            "This model has no shape stream and reconstructs no body; use the shipped 3dsl-lite."
        )
    write_glb(bodies.upright[0], bodies.faces, out)
    if overlay is not None:
        write_overlay(overlay, crop, bodies)
    with torch.inference_mode():
        measures = body_measures(model.body, bodies.betas[0], bodies.displacement[0])
    if args.json:
        answer = {"photo": args.photo, "glb": str(out), "overlay": args.overlay} | cut_out(box, people)
        print_json(answer | body_as_json(bodies.betas[0], bodies.camera[0], measures))
        return
    print(f"{args.photo} ({in_words(box, people)}): body in {out}")
    for name, value in measures.items():
        print(f"  {name}: {value:.3f}")


def write_overlay(path: Path, crop: np.ndarray, bodies: Bodies) -> None:
    """The first body over its crop (H, W, 3). Atomic."""
    import cv2

    from threedsl.render.overlay import draw_on_crop

    aspect = bodies.size[1] / bodies.size[0]
    drawn = draw_on_crop(crop, bodies.vertices[0], bodies.camera[0], bodies.faces, aspect)
    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    write_whole(path, encoded.tobytes())
