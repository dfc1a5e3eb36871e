"""`python -m train synthesize`: a data set folder of synthetic people, on all cores, resumable."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from threedsl.errors import InputError
from train.synthesize import files
from train.synthesize.person import Settings, Studio, make_person

VERSION = 1
_studio: Studio | None = None


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
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    parser.add_argument(
        "--preview", type=Path, metavar="FILE.png", help="also write a sheet of the first people"
    )
    parser.add_argument(
        "--preview-truth", action="store_true", help="draw keypoints and mask outlines on the sheet"
    )


def main(args: argparse.Namespace) -> None:
    settings = _settings(args)
    out = args.out
    assets = _assets(settings)
    _start(out, settings, args.test_share)
    todo = [index for index in range(args.people) if not files.record_path(out, index).is_file()]
    bar = tqdm(total=args.people, initial=args.people - len(todo), desc="people", unit="person")
    with bar:
        if args.workers > 1 and len(todo) > 1:
            from train.anny_body import load_anny

            load_anny()
            context = multiprocessing.get_context("spawn")
            workers = min(args.workers, len(todo))
            with context.Pool(workers, _prepare, (settings,)) as pool:
                for _ in pool.imap_unordered(_make, [(index, out) for index in todo]):
                    bar.update()
        elif todo:
            _prepare(settings)
            for index in todo:
                _make((index, out))
                bar.update()
    count = files.finish(out, args.people, args.test_share, args.seed)
    worn = files.assets_worn(out, args.people)
    files.write_atomic(
        out / "ATTRIBUTION.txt", _attribution({k: v for k, v in assets.items() if k in worn}).encode()
    )
    if args.preview:
        from train.synthesize.preview import write_sheet

        write_sheet(out, args.preview, people=min(args.people, 12), truth=args.preview_truth)
    print(f"{count} pictures of {args.people} people in {out}")


def _settings(args: argparse.Namespace) -> Settings:
    """Checks the arguments, each with a sentence of its own."""
    if args.people < 1:
        raise InputError("--people must be at least 1.")
    if not 2 <= args.outfits[0] <= args.outfits[1]:
        raise InputError("--outfits needs two numbers, at least 2 and the smaller one first.")
    if args.pictures_per_outfit < 2:
        raise InputError(
            "--pictures-per-outfit must be at least 2: a query needs its clothes in another camera."
        )
    if args.cameras < 4:
        raise InputError("--cameras must be at least 4.")
    if not 0 <= args.test_share <= 0.9:
        raise InputError("--test-share must lie between 0 and 0.9.")
    if args.samples not in (1, 2, 3, 4) or args.workers < 1:
        raise InputError("--samples must be 1 to 4 and --workers at least 1.")
    if not args.body.is_file():
        raise InputError(f"{args.body} does not exist: run `python -m train body` first.")
    if args.backgrounds and not any(
        path.suffix.lower() in (".jpg", ".jpeg", ".png") for path in args.backgrounds.rglob("*")
    ):
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
    )


def _wardrobe(chosen: str | None) -> str | None:
    from train.wardrobe import data_folder, default_folder

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


def _assets(settings: Settings) -> dict:
    from train.wardrobe import list_assets

    return list_assets(Path(settings.wardrobe)) if settings.wardrobe else {}


def _attribution(assets: dict) -> str:
    from train.wardrobe import attribution

    return attribution(assets)


def _start(out: Path, settings: Settings, test_share: float) -> None:
    """Writes dataset.json, or refuses a folder begun with other settings."""
    described = asdict(settings) | {"test_share": test_share, "version": VERSION}
    described["wardrobe"] = settings.wardrobe is not None
    described["backgrounds"] = Path(settings.backgrounds).name if settings.backgrounds else None
    described["body"] = Path(settings.body).name
    described["outfits"] = list(settings.outfits)
    path = out / "dataset.json"
    if path.is_file():
        before = json.loads(path.read_text())
        changed = [key for key, value in described.items() if before.get(key) != value]
        if changed:
            raise InputError(
                f"{out} was begun with another {', '.join(changed)}; choose another --out or delete it."
            )
        return
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty and is no data set of this command; choose another --out.")
    files.write_atomic(path, (json.dumps(described, indent=1) + "\n").encode())


def _prepare(settings: Settings) -> None:
    global _studio
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _studio = Studio(settings)


def _make(task: tuple[int, Path]) -> int:
    index, out = task
    files.write_person(out, index, make_person(_studio, index))
    return index
