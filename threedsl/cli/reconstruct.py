"""Write the body in a photo as a GLB file, upright on level ground; with --all, those of everyone in it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from threedsl.cli.common import (
    add_model_arguments,
    check_spared,
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

    from threedsl.body.bodies import Bodies
    from threedsl.output import People
    from threedsl.people import Box, Choice
    from threedsl.pipeline import ThreeDSL

PICTURES = (".png", ".jpg", ".jpeg")
NO_SHAPE = "This model has no shape stream and cannot reconstruct bodies; use the shipped 3dsl-lite."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument("photo", metavar="PHOTO", help="a photo or a person crop")
    parser.add_argument("--out", required=True, help="the .glb file to write")
    parser.add_argument("--overlay", help="also write a picture of the body over the photo (.png or .jpg)")
    parser.add_argument(
        "--all",
        action="store_true",
        help="the bodies of everyone in the photo: one picture, and one GLB with them side by side",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Reconstruct, write the files, print the body's proportions."""
    if args.all and args.whole:
        raise InputError("--all detects everyone and --whole skips person detection; use only one of them.")
    out = writable(args.out, (".glb",))
    overlay = writable(args.overlay, PICTURES) if args.overlay else None
    for target in (out, overlay):
        check_spared(target, [args.photo])
    if args.all:
        return run_all(args, out, overlay)
    from threedsl.body.export import write_glb

    crop, choice = read_query(args.photo, args.whole)
    model = load_model(args)
    bodies = model([crop], keypoints=[choice.keypoints(model.input_size)]).bodies
    if bodies is None:
        raise InputError(NO_SHAPE)
    write_glb(bodies.upright[0], bodies.faces, out)
    if overlay is not None:
        write_overlay(overlay, crop, bodies, choice.box)
    answer = {"photo": args.photo, "glb": str(out), "overlay": args.overlay} | cut_out(choice)
    answer |= keypoints_as_json(choice, bodies) | described(model, bodies, 0)
    answer["warning"] = answer["warning"] or doubtful(bodies, 0)
    if args.json:
        return print_json(answer)
    print(f"{args.photo} ({in_words(choice)}): body in {out}")
    print_body(answer, doubtful(bodies, 0))
    return None


def run_all(args: argparse.Namespace, out: Path, overlay: Path | None) -> None:
    """Everybody in the photo."""
    from threedsl.body.export import write_row_glb
    from threedsl.data.images import load_image
    from threedsl.render.overlay import draw_bodies

    image = load_image(args.photo)
    model = load_model(args)
    people = model.people(image)
    if not len(people):
        raise InputError(f"No person was found in {args.photo}; use another photo.")
    bodies = people.bodies
    if bodies is None:
        raise InputError(NO_SHAPE)
    # Side by side as in the photo.
    order = sorted(range(len(people)), key=lambda row: people.boxes[row][0] + people.boxes[row][2])
    write_row_glb([bodies.upright[row] for row in order], bodies.faces, out)
    if overlay is not None:
        drawn = draw_bodies(image, bodies.vertices, people.vertex_pixels(), bodies.camera, bodies.faces)
        write_picture(overlay, drawn)
    each = [person_as_json(model, people, row) for row in order]
    if args.json:
        answer = {"photo": args.photo, "glb": str(out), "overlay": args.overlay, "people": len(people)}
        return print_json(answer | {"bodies": each})
    print(f"{args.photo}: {len(people)} {'person' if len(people) == 1 else 'people'}, bodies in {out}")
    for number, one in enumerate(each, 1):
        print(
            f"{number}. box {' '.join(f'{value:.0f}' for value in one['box'])}, {one['facing'] or 'not seen'}"
        )
        print_body(one, one["warning"])
    return None


def person_as_json(model: ThreeDSL, people: People, row: int) -> dict:
    """One of the people in a photo, with the fields of a single body."""
    from threedsl.body.coco import view

    found = people.found[row]
    told = found.to_dict() if found else {}
    points = people.body_keypoints()[row]
    return {
        "box": [round(float(value), 1) for value in people.boxes[row]],
        "warning": people.warning(row),
        "found": told.get("keypoints"),
        "keypoints": projected_as_json(points),
        "facing": view(points) if found else None,
    } | described(model, people.bodies, row)


def described(model: ThreeDSL, bodies: Bodies, row: int) -> dict:
    """JSON fields of one body: confidence (None where there were no keypoints), betas, camera, measures."""
    import torch

    from threedsl.body.bodies import body_as_json
    from threedsl.body.measures import body_measures

    with torch.inference_mode():
        measures = body_measures(model.body, bodies.betas[row], bodies.displacement[row])
    share = float(bodies.confidence[row])
    fields = {"confidence": round(share, 3) if share == share else None}
    return fields | body_as_json(bodies.betas[row], bodies.camera[row], measures)


def doubtful(bodies: Bodies, row: int) -> str:
    """A sentence for a body that agrees too little with its keypoints, else ""."""
    from threedsl.output import doubt

    return doubt(float(bodies.confidence[row]))


def print_body(body: dict, warning: str) -> None:
    """A body's proportions for people to read, and what speaks against it."""
    if warning:
        print(f"  {warning}")
    if body["confidence"] is not None:
        print(f"  agreement with keypoints: {100 * body['confidence']:.0f} %")
    for name, value in body["measures"].items():
        print(f"  {name}: {value:.3f}")


def keypoints_as_json(choice: Choice, bodies: Bodies) -> dict:
    """JSON fields with COCO's 17 keypoints [x, y, confidence] in pixels of the upright photo: `found` by the people
    finder, `keypoints` of the first body, projected; and `facing` by the body. None if no person was found."""
    from threedsl.body.coco import view

    points = choice.box.from_crop(bodies.keypoints[0], bodies.size)
    found = choice.person.to_dict() if choice.person else {}
    return {
        "found": found.get("keypoints"),
        "keypoints": projected_as_json(points),
        "facing": view(points) if found else None,
    }


def projected_as_json(points: np.ndarray) -> list[list[float]]:
    """(17, 2) pixels -> [x, y, confidence] of each; a body knows all of its keypoints."""
    return [[round(float(x), 2), round(float(y), 2), 1.0] for x, y in points]


def write_overlay(path: Path, crop: np.ndarray, bodies: Bodies, box: Box) -> None:
    """The first body over its crop (H, W, 3), plain where the crop reaches beyond the photo. Atomic."""
    from threedsl.render.overlay import draw_on_crop

    aspect = bodies.size[1] / bodies.size[0]
    inside = box.inside(crop.shape[:2])
    write_picture(
        path, draw_on_crop(crop, bodies.vertices[0], bodies.camera[0], bodies.faces, aspect, inside)
    )


def write_picture(path: Path, picture: np.ndarray) -> None:
    """RGB uint8 (H, W, 3) as the kind of file its name says. Atomic."""
    import cv2

    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_whole(path, encoded.tobytes())
