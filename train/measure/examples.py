"""`python -m train examples`: how the page's example searches turn out, for their order and labels on the page."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from threedsl.body.comparison import standard_body
from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT, find_checkpoint
from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.data.small import fit
from threedsl.descriptors import STREAMS, one_by_one
from threedsl.files import write_whole
from threedsl.gallery import Gallery
from threedsl.gallery.demo import DemoGallery, demo_galleries
from threedsl.gallery.example_photos import digest, reduced
from threedsl.gallery.example_ranks import FILE, ExampleRank, GalleryRanks, Spread, as_json, in_order
from threedsl.people import choose
from threedsl.people.keypoints import in_pixels, seen_in_each, seen_in_photo
from threedsl.pipeline import Output, ThreeDSL

CROP = (640, 480)  # height, width in pixels that the page keeps at most of a person


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        nargs="?",
        default=DEFAULT_CHECKPOINT,
        help="folder of the checkpoint, where the figures are written (default: %(default)s)",
    )


def main(args: argparse.Namespace) -> None:
    folder = find_checkpoint(args.checkpoint)
    model = ThreeDSL.from_pretrained(folder)
    measured = {name: rank_examples(model, demo) for name, demo in demo_galleries().items()}
    text = json.dumps(as_json(model.fingerprint, measured), indent=1) + "\n"
    write_whole(Path(folder) / FILE, text.encode())
    for name, one in measured.items():
        first = ", ".join(f"{count} by {stream}" for stream, count in one.first().items())
        print(f"{name}: right person first in {first}, of {len(one.examples)} examples")


def rank_examples(model: ThreeDSL, demo: DemoGallery) -> GalleryRanks:
    """Search the gallery with each example whose clothes it does not hold for the same person, as the page does: the
    most prominent person is cut out, bodies follow the keypoints, and no picture is left out of the gallery."""
    worn = {(record.pid, record.clothes) for record in demo.listed}
    asked = [record for record in demo.examples if (record.pid, record.clothes) not in worn]
    gallery = Gallery.build(model, demo.records)
    with TemporaryDirectory() as folder:
        photos = [load_image(reduced(Path(record.path), Path(folder))) for record in asked]
    people = [_person(photo) for photo in photos]
    outputs = described(model, [crop for crop, _ in people], [points for _, points in people])
    examples = [
        ExampleRank(
            record.pid,
            digest(Path(record.path)),
            {stream: _rank(gallery, one, stream, record.pid) for stream in STREAMS},
        )
        for record, one in zip(asked, one_by_one(outputs), strict=True)
    ]
    pictures = described(model, [load_image(record.path) for record in demo.records])
    return GalleryRanks(
        len(demo.records),
        tuple(in_order(examples)),
        spread(standing(model, outputs), standing(model, pictures), asked, demo.records),
    )


def described(
    model: ThreeDSL, crops: Sequence[np.ndarray], known: Sequence[np.ndarray | None] | None = None
) -> Output:
    """RGB uint8 crops (H, W, 3) with their bodies as the page shows them: moved to the keypoints seen in each.

    known: for each crop, (17, 3) COCO keypoints x, y as shares of it, confidence; None: to be looked for.
    """
    return model(crops, keypoints=in_pixels(seen_in_each(crops, known), model.input_size))


def _person(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The most prominent person's crop, and their keypoints where the photo shows them well."""
    choice = choose(photo)
    person = None if choice.crop else choice.person
    points = None if person is None else seen_in_photo(person, choice.box, photo.shape[:2])
    return fit(choice.box.crop(photo), *CROP), points


def _rank(gallery: Gallery, output: Output, stream: str, person: str) -> int:
    (matches,) = gallery.search(output, stream, len(gallery))
    return next(place for place, match in enumerate(matches, 1) if match.person == person)


def standing(model: ThreeDSL, output: Output) -> list[np.ndarray]:
    """(V, 3) centimetres for each picture: its body at the common height, arms lowered."""
    return [
        standard_body(model.body, betas, displacement).vertices
        for betas, displacement in zip(output.bodies.betas, output.bodies.displacement, strict=True)
    ]


def spread(
    asked: list[np.ndarray], searched: list[np.ndarray], queries: list[Record], records: list[Record]
) -> Spread:
    """Medians over pairs of an example and a gallery picture, of the mean distance between the same points of both
    bodies; pairs of one person count where the clothes differ."""
    same, others = [], []
    for body, query in zip(asked, queries, strict=True):
        for other, record in zip(searched, records, strict=True):
            if query.pid == record.pid and query.clothes == record.clothes:
                continue
            apart = float(np.linalg.norm(body - other, axis=1).mean())
            (same if query.pid == record.pid else others).append(apart)
    return Spread(float(np.median(same)), float(np.median(others)))
