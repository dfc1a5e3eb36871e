"""Score how similar the people in two photos are, and show where their bodies differ."""

from __future__ import annotations

import argparse

from threedsl.cli.common import add_model_arguments, cut_out, in_words, load_model, print_json, read_query

NOTHING = "Nothing is concluded from these scores: "
WHOLE = f"{NOTHING}with --whole no person is looked for; leave it out for what they mean and where the bodies differ."
PART = f"{NOTHING}they were measured on whole people; use such photos for what they mean and where the bodies differ."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument("photos", nargs=2, metavar="PHOTO", help="a photo or a person crop")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print similarities, their calibrated meaning where available, and the body differences; similarities alone where
    the pictures were taken whole without a look, or do not show whole people."""
    from threedsl.body.comparison import (
        HEIGHT,
        compare_bodies,
        in_a_sentence,
        standard_body,
    )
    from threedsl.calibration import Calibration
    from threedsl.descriptors import similarity

    photos = [read_query(path, args.whole) for path in args.photos]
    model = load_model(args)
    output = model(
        [crop for crop, _ in photos], keypoints=[choice.keypoints(model.input_size) for _, choice in photos]
    )
    scores = similarity(output.rows(slice(0, 1)), output.rows(slice(1, 2)))
    partial = any(choice.warning for _, choice in photos)
    calibration = None if args.whole or partial else Calibration.read(model.checkpoint_folder)
    shares = (
        {name: calibration.same_of_two(name, score) for name, score in scores.items()} if calibration else {}
    )
    difference = None
    if output.bodies is not None:
        figures = [
            standard_body(model.body, output.bodies.betas[i], output.bodies.displacement[i]) for i in range(2)
        ]
        difference = compare_bodies(model.body, *figures)
    if args.json:
        print_json(
            {
                "photos": [
                    {"photo": path} | cut_out(choice)
                    for path, (_, choice) in zip(args.photos, photos, strict=True)
                ],
                "similarity": {name: round(score, 6) for name, score in scores.items()},
                "same_share": {name: round(shares[name], 4) if shares else None for name in scores},
                "body_differences": None if difference is None else difference.as_json(),
            }
        )
        return
    for path, (_, choice) in zip(args.photos, photos, strict=True):
        print(f"{path} ({in_words(choice)})")
    for name, score in scores.items():
        meaning = f"  {calibration.sentence(name, score)}" if calibration else ""
        print(f"  {name:<10} {score:+.3f}{meaning}")
    if calibration:
        print(calibration.limits)
    if args.whole or partial:
        print(WHOLE if args.whole else PART)
        return
    if difference is None:
        return
    print(in_a_sentence(difference))
    print(f"{'centimetres at ' + format(HEIGHT, '.0f') + ' cm':<24} first  second  difference")
    for size in difference.sizes:
        print(f"  {size.name:<22} {size.first:5.1f}  {size.second:6.1f}  {size.difference:+10.1f}")
