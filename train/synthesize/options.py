"""The options of `python -m train synthesize`, and the settings they give."""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
from pathlib import Path

from threedsl.arrays import MOST_UNPACKED, read_npz
from threedsl.errors import InputError
from threedsl.reading import read_file
from train.synthesize.clothing.fetch import data_folder, default_folder
from train.synthesize.places.backgrounds import photos_in
from train.synthesize.studio import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from threedsl.body import DEFAULT_BODY

    parser.add_argument(
        "--out", type=Path, required=True, help="dataset folder; an interrupted run is resumed in it"
    )
    parser.add_argument("--people", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--outfits", type=int, nargs=2, default=(4, 6), metavar=("MIN", "MAX"), help="outfits a person"
    )
    parser.add_argument(
        "--uniforms",
        type=int,
        default=0,
        metavar="N",
        help="everyone wears the same N outfits (one set for women, one for men), as in fine-grained re-identification",
    )
    parser.add_argument(
        "--team",
        type=int,
        default=0,
        metavar="PEOPLE",
        help="with --uniforms: people per team; each team has N outfits of its own (default: one team)",
    )
    parser.add_argument(
        "--pictures-per-outfit", type=int, default=4, help="each from a different camera (at least 3)"
    )
    parser.add_argument(
        "--cameras",
        type=int,
        default=12,
        help="total number of cameras; each person is seen by four to six of them",
    )
    parser.add_argument("--test-share", type=float, default=0.2, help="share of people in query and gallery")
    parser.add_argument(
        "--samples", type=int, default=2, help="rays per pixel side (1 is faster but coarser)"
    )
    parser.add_argument(
        "--backgrounds",
        type=Path,
        help="a folder of photos without people to use as backgrounds (`python -m train backgrounds` fetches some)",
    )
    parser.add_argument(
        "--background-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="with --backgrounds: pictures that show a photo, the others a drawn place (default: %(default)s)",
    )
    parser.add_argument(
        "--poses",
        choices=("broad", "walking"),
        default="broad",
        help="broad: people also run, sit, bend and use their arms; walking: they walk or stand (default: %(default)s)",
    )
    parser.add_argument(
        "--changing",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="people whose hair, hat, glasses, beard and bag change with the outfit (default: %(default)s)",
    )
    parser.add_argument("--wardrobe", help="wardrobe folder, or 'none' for clothes cut from the base mesh")
    parser.add_argument(
        "--body", type=Path, default=DEFAULT_BODY, help="body file whose betas are written as ground truth"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.add_argument(
        "--preview", type=Path, metavar="FILE.png", help="also write a sheet of the first people"
    )
    parser.add_argument(
        "--preview-truth", action="store_true", help="draw keypoints and mask outlines on the sheet"
    )


def checked(args: argparse.Namespace) -> Settings:
    """The settings given by the arguments.

    Raises:
        InputError: an argument is invalid.
    """
    if args.people < 1:
        raise InputError("--people must be at least 1.")
    if args.seed < 0:
        raise InputError("--seed must be 0 or more.")
    if not 2 <= args.outfits[0] <= args.outfits[1]:
        raise InputError("--outfits needs two numbers of at least 2, the smaller one first.")
    if args.pictures_per_outfit < 3:
        raise InputError(
            "--pictures-per-outfit must be at least 3: every query needs gallery pictures of each outfit from "
            "other cameras."
        )
    if args.uniforms < 0 or args.uniforms == 1:
        raise InputError("--uniforms must be 0 or at least 2, so that people can change clothes.")
    if args.team < 0 or args.team == 1 or (args.team and not args.uniforms):
        raise InputError("--team must be 0 or at least 2, and requires --uniforms.")
    if args.cameras < 4:
        raise InputError("--cameras must be at least 4.")
    if not 0 <= args.test_share < 1:
        raise InputError("--test-share must be at least 0 and below 1.")
    if args.samples not in (1, 2, 3, 4) or args.workers < 1:
        raise InputError("--samples must be 1 to 4 and --workers at least 1.")
    if not 0 <= args.background_share <= 1 or not 0 <= args.changing <= 1:
        raise InputError("--background-share and --changing must be between 0 and 1.")
    _check_body(args.body)
    if args.backgrounds and not args.backgrounds.is_dir():
        raise InputError(f"--backgrounds {args.backgrounds} is not a folder; give a folder of photos.")
    if args.backgrounds and not photos_in(args.backgrounds):
        raise InputError(f"--backgrounds {args.backgrounds} contains no picture.")
    return Settings(
        seed=args.seed,
        outfits=tuple(args.outfits),
        pictures=args.pictures_per_outfit,
        cameras=args.cameras,
        samples=args.samples,
        wardrobe=_wardrobe(args.wardrobe),
        backgrounds=str(args.backgrounds) if args.backgrounds else None,
        body=str(args.body),
        uniforms=args.uniforms,
        team=args.team,
        poses=args.poses,
        background_share=args.background_share,
        changing=args.changing,
    )


def _check_body(path: Path) -> None:
    """Refuses a body file whose shape space cannot represent Anny's bodies."""
    if not path.is_file():
        raise InputError(f"--body {path} does not exist; create it with `python -m train body`.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"--body {path} is not an .npz file; create one with `python -m train body`.")
    arrays = read_npz(
        read_file(path, MOST_UNPACKED), f"--body {path}", "create one with `python -m train body`"
    )
    missing = {"base_index", "v_template", "shapedirs"} - arrays.keys()
    if missing:
        raise InputError(
            f"--body {path} lacks {', '.join(sorted(missing))}: synthetic people need a body distilled from Anny; "
            "create one with `python -m train body`."
        )


def _wardrobe(chosen: str | None) -> str | None:
    if chosen == "none":
        return None
    data = data_folder(Path(chosen) if chosen else default_folder())
    if data is None and chosen:
        raise InputError(
            f"{chosen} contains no wardrobe; fetch one with `python -m train wardrobe --out {chosen}`."
        )
    if data is None:
        print(
            "No wardrobe found, so people wear plain clothes; `python -m train wardrobe` fetches one.",
            file=sys.stderr,
        )
    return None if data is None else str(data)
