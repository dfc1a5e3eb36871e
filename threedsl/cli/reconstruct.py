"""Write the body in a photo as a GLB file."""

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

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from threedsl.bodies import Bodies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
    parser.add_argument("photo", metavar="PHOTO", help="a photo or a person crop")
    parser.add_argument("--out", required=True, help="the .glb file to write")
    parser.add_argument("--overlay", help="also write a picture of the body over the photo (.png or .jpg)")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Reconstruct, write the files, print the body's proportions."""
    import torch

    from threedsl.body.export import write_glb
    from threedsl.body.measures import body_measures

    out = writable(args.out)
    overlay = writable(args.overlay) if args.overlay else None
    crop, box, people = read_query(args.photo, args.whole)
    model = load_model(args)
    bodies = model([crop]).bodies
    if bodies is None:
        raise InputError(
            "This model has no shape stream and reconstructs no body; use the shipped 3dsl-lite."
        )
    write_glb(bodies.vertices[0], bodies.faces, out)
    if overlay is not None:
        write_overlay(overlay, crop, bodies)
    with torch.inference_mode():
        measures = body_measures(model.body, bodies.betas[0], bodies.displacement[0])
    measures = {name: round(float(value), 4) for name, value in measures.items()}
    if args.json:
        parameters = {
            name: getattr(bodies, name)[0].astype(float).round(5).tolist() for name in ("betas", "camera")
        }
        answer = {"photo": args.photo, "glb": str(out), "overlay": args.overlay} | cut_out(box, people)
        print_json(answer | parameters | {"measures": measures})
        return
    print(f"{args.photo} ({in_words(box, people)}): body in {out}")
    for name, value in measures.items():
        print(f"  {name}: {value:.3f}")


def write_overlay(path: Path, crop: np.ndarray, bodies: Bodies) -> None:
    """The first body over its crop (H, W, 3).

    The camera holds for the aspect of the network's input: the body is drawn on the crop stretched to that aspect,
    and the picture is stretched back.
    """
    import cv2

    from threedsl.data.transforms import resize_crop
    from threedsl.render.overlay import draw_overlay

    height, width = crop.shape[:2]
    stretched = resize_crop(crop, (height, round(height * bodies.size[1] / bodies.size[0])))
    drawn = draw_overlay(stretched, bodies.vertices[0], bodies.camera[0], bodies.faces)
    drawn = cv2.cvtColor(resize_crop(drawn, (height, width)), cv2.COLOR_RGB2BGR)
    try:
        _, encoded = cv2.imencode(path.suffix or ".png", drawn)
    except cv2.error:
        raise InputError(f"{path} has an ending this program cannot write; use .png or .jpg.") from None
    path.write_bytes(encoded.tobytes())
