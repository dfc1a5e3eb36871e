"""Say how alike the people in two photos are, and where their bodies differ."""

from __future__ import annotations

import argparse

from threedsl.cli.common import add_model_arguments, cut_out, in_words, load_model, print_json, read_query


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
    parser.add_argument("photos", nargs=2, metavar="PHOTO", help="a photo or a person crop")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print similarities, what they mean where that was measured, and the bodies' differences."""
    from threedsl.calibration import Calibration
    from threedsl.comparison import (
        HEIGHT,
        compare_figures,
        figure,
        in_a_sentence,
        one_by_one,
        similarities,
    )

    photos = [read_query(path, args.whole) for path in args.photos]
    model = load_model(args)
    output = model([crop for crop, _, _ in photos])
    scores = similarities(*one_by_one(output))
    calibration = Calibration.read(model.checkpoint_folder)
    shares = {name: calibration.same(name, score) for name, score in scores.items()} if calibration else {}
    difference = None
    if output.bodies is not None:
        figures = [
            figure(model.body, output.bodies.betas[i], output.bodies.displacement[i]) for i in range(2)
        ]
        difference = compare_figures(model.body, *figures)
    if args.json:
        print_json(
            {
                "photos": [
                    {"photo": path} | cut_out(box, people)
                    for path, (_, box, people) in zip(args.photos, photos, strict=True)
                ],
                "similarity": {name: round(score, 6) for name, score in scores.items()},
                "same_share": {name: round(shares[name], 4) if shares else None for name in scores},
                "body_differences": None if difference is None else difference.as_json(),
            }
        )
        return
    for path, (_, box, people) in zip(args.photos, photos, strict=True):
        print(f"{path} ({in_words(box, people)})")
    for name, score in scores.items():
        meaning = f"  {calibration.sentence(name, score)}" if calibration else ""
        print(f"  {name:<10} {score:+.3f}{meaning}")
    if calibration:
        print(calibration.limits)
    if difference is None:
        return
    print(in_a_sentence(difference))
    print(f"{'centimetres at ' + format(HEIGHT, '.0f') + ' cm':<24} first  second  difference")
    for size in difference.sizes:
        print(f"  {size.name:<22} {size.first:5.1f}  {size.second:6.1f}  {size.difference:+10.1f}")
