"""`python -m train synthesize`: a data set folder of synthetic people, on all cores, resumable."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from threedsl.errors import InputError
from train.synthesize import files
from train.synthesize.person import Settings, Studio, make_person
from train.wardrobe import attribution, data_folder, default_folder, list_assets

VERSION = 2
_UNSAID = {"uniforms": 0, "team": 0}  # what dataset.json meant before it said so
_PHOTOS = (".jpg", ".jpeg", ".png")
_studio: Studio | None = None
_settings: Settings | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from threedsl.body import DEFAULT_BODY

    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the data set; a stopped run continues in it"
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
        help="everybody wears the same N outfits (one set for women, one for men): the fine-grained problem",
    )
    parser.add_argument(
        "--team",
        type=int,
        default=0,
        metavar="PEOPLE",
        help="with --uniforms: every so many people wear N outfits of their own (default: all the same N)",
    )
    parser.add_argument(
        "--pictures-per-outfit", type=int, default=4, help="each from another camera (at least 3)"
    )
    parser.add_argument(
        "--cameras", type=int, default=12, help="cameras in all; a person passes four to six of them"
    )
    parser.add_argument("--test-share", type=float, default=0.2, help="share of people in query and gallery")
    parser.add_argument(
        "--samples", type=int, default=2, help="rays per pixel side (1 is faster and rougher)"
    )
    parser.add_argument(
        "--backgrounds", type=Path, help="a folder of photos to stand before instead of drawn places"
    )
    parser.add_argument(
        "--wardrobe", help="the wardrobe's folder, or 'none' for clothes cut from the base mesh"
    )
    parser.add_argument(
        "--body", type=Path, default=DEFAULT_BODY, help="body file whose betas are written as truth"
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


def main(args: argparse.Namespace) -> None:
    settings = checked(args)
    out = args.out
    assets = list_assets(Path(settings.wardrobe)) if settings.wardrobe else None
    _start(out, settings, args.test_share)
    todo = [index for index in range(args.people) if not files.is_complete(out, index)]
    bar = tqdm(total=args.people, initial=args.people - len(todo), desc="people", unit="person")
    with bar:
        if args.workers > 1 and len(todo) > 1:
            _make_all(settings, out, todo, min(args.workers, len(todo)), bar)
        else:
            _prepare(settings)
            for index in todo:
                _make(index, out)
                bar.update()
    files.remove_leftovers(out)
    count = files.finish(out, args.people, args.test_share, args.seed, uniforms=args.uniforms > 0)
    if assets is not None:
        worn = files.assets_worn(out, args.people)
        assets = {name: asset for name, asset in assets.items() if name in worn}
    files.write_atomic(out / "ATTRIBUTION.txt", attribution(assets).encode())
    if args.preview:
        from train.synthesize.preview import write_sheet

        write_sheet(out, args.preview, people=min(args.people, 12), truth=args.preview_truth)
    print(f"{count} pictures of {args.people} people in {out}")


def _make_all(settings: Settings, out: Path, todo: list[int], workers: int, bar: tqdm) -> None:
    """Makes the people on several processes; the first failure ends them all, and a process that dies is noticed."""
    from train.anny_body import load_anny

    load_anny()  # builds Anny's own cache once, not once in each process
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare, (settings,)) as pool:
        try:
            for done in as_completed([pool.submit(_make, index, out) for index in todo]):
                done.result()
                bar.update()
        except BrokenProcessPool:
            raise InputError(
                "A process that makes people was ended from outside, perhaps for want of memory: "
                "run the same command with fewer --workers, it goes on where it stopped."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def checked(args: argparse.Namespace) -> Settings:
    """The settings that the arguments ask for.

    Raises:
        InputError: a sentence for each argument that cannot be used.
    """
    if args.people < 1:
        raise InputError("--people must be at least 1.")
    if args.seed < 0:
        raise InputError("--seed must be 0 or more.")
    if not 2 <= args.outfits[0] <= args.outfits[1]:
        raise InputError("--outfits needs two numbers, at least 2 and the smaller one first.")
    if args.pictures_per_outfit < 3:
        raise InputError(
            "--pictures-per-outfit must be at least 3: a query needs every outfit in the gallery, "
            "and from another camera than its own."
        )
    if args.uniforms < 0 or args.uniforms == 1:
        raise InputError("--uniforms must be 0 or at least 2: clothes are to change.")
    if args.team < 0 or args.team == 1 or (args.team and not args.uniforms):
        raise InputError("--team must be 0 or at least 2, and needs --uniforms: a team is dressed alike.")
    if args.cameras < 4:
        raise InputError("--cameras must be at least 4.")
    if not 0 <= args.test_share < 1:
        raise InputError("--test-share must be at least 0 and below 1.")
    if args.samples not in (1, 2, 3, 4) or args.workers < 1:
        raise InputError("--samples must be 1 to 4 and --workers at least 1.")
    _check_body(args.body)
    if args.backgrounds and not args.backgrounds.is_dir():
        raise InputError(f"--backgrounds {args.backgrounds} is no folder; give one that holds photos.")
    if args.backgrounds and not any(path.suffix.lower() in _PHOTOS for path in args.backgrounds.rglob("*")):
        raise InputError(f"--backgrounds {args.backgrounds} holds no .jpg or .png picture.")
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
    )


def _check_body(path: Path) -> None:
    """Refuses a body file whose shape space Anny's bodies cannot be written in."""
    if not path.is_file():
        raise InputError(f"--body {path} does not exist; make it with `python -m train body`.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"--body {path} is no .npz file; make one with `python -m train body`.")
    with np.load(path) as file:
        missing = {"base_index", "v_template", "shapedirs"} - set(file.files)
    if missing:
        raise InputError(
            f"--body {path} lacks {', '.join(sorted(missing))}: synthetic people need a body distilled from Anny; "
            "make one with `python -m train body`."
        )


def _wardrobe(chosen: str | None) -> str | None:
    if chosen == "none":
        return None
    data = data_folder(Path(chosen) if chosen else default_folder())
    if data is None and chosen:
        raise InputError(
            f"{chosen} holds no wardrobe: fetch one with `python -m train wardrobe --out {chosen}`."
        )
    if data is None:
        print(
            "No wardrobe yet: people wear plain clothes; `python -m train wardrobe` fetches it.",
            file=sys.stderr,
        )
    return None if data is None else str(data)


def _start(out: Path, settings: Settings, test_share: float) -> None:
    """Writes dataset.json, or refuses a folder begun with other settings."""
    described = asdict(settings) | {"test_share": test_share, "version": VERSION}
    described["wardrobe"] = settings.wardrobe is not None
    described["backgrounds"] = Path(settings.backgrounds).name if settings.backgrounds else None
    described["body"] = Path(settings.body).name
    described["outfits"] = list(settings.outfits)
    path = out / "dataset.json"
    if path.is_file():
        before = _described(path)
        changed = [key for key, value in described.items() if before.get(key, _UNSAID.get(key)) != value]
        if changed:
            raise InputError(
                f"{out} was begun with another {', '.join(changed)}; choose another --out or delete it."
            )
        return
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; choose a folder.")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty and is no data set of this command; choose another --out.")
    files.write_atomic(path, (json.dumps(described, indent=1) + "\n").encode())


def _described(path: Path) -> dict:
    """What dataset.json says of the run that began the folder."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        before = None
    if not isinstance(before, dict):
        raise InputError(
            f"{path} is damaged or of something else; choose another --out or delete the folder."
        )
    return before


def _prepare(settings: Settings) -> None:
    """Makes a process ready for `_make`; what can fail is left to that, whose errors reach the user."""
    global _settings, _studio
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _settings, _studio = settings, None


def _make(index: int, out: Path) -> None:
    global _studio
    if _studio is None:
        _studio = Studio(_settings)
    files.write_person(out, index, make_person(_studio, index))
