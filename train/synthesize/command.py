"""`python -m train synthesize`: a dataset folder of synthetic people, on all cores, resumable."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from threedsl.errors import InputError, Stopped
from threedsl.files import write_whole
from threedsl.reading import read_object
from train.synthesize import files
from train.synthesize.clothing.assets import attribution, list_assets
from train.synthesize.options import add_arguments, checked
from train.synthesize.person import make_person
from train.synthesize.studio import Settings, Studio

VERSION = 4

__all__ = ["add_arguments", "main"]

_studio: Studio | None = None
_settings: Settings | None = None


def main(args: argparse.Namespace) -> None:
    settings = checked(args)
    out = args.out
    assets = list_assets(Path(settings.wardrobe)) if settings.wardrobe else None
    _start(out, settings, args.test_share)
    todo = [index for index in range(args.people) if not files.is_complete(out, index)]
    bar = tqdm(total=args.people, initial=args.people - len(todo), desc="people", unit="person")
    with _stopped_with_a_word(out, bar), bar:
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
    write_whole(out / "ATTRIBUTION.txt", attribution(assets).encode())
    if args.preview:
        from train.synthesize.preview import write_sheet

        write_sheet(out, args.preview, people=min(args.people, 12), truth=args.preview_truth)
    print(f"{count} pictures of {args.people} people in {out}")


def _make_all(settings: Settings, out: Path, todo: list[int], workers: int, bar: tqdm) -> None:
    """Generates the people in several processes; the first failure ends them all, also a process that is killed."""
    from train.body.anny_body import load_anny

    load_anny()  # builds Anny's own cache once, not once in each process
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare, (settings,)) as pool:
        try:
            with _ctrl_c_ignored():  # also for the worker processes, which start here: this process ends them
                people = [pool.submit(_make, index, out) for index in todo]
            for done in as_completed(people):
                done.result()
                bar.update()
        except BrokenProcessPool:
            raise InputError(
                "A worker process was killed (out of memory?); rerun the same command with fewer --workers to resume."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _stopped_with_a_word(out: Path, bar: tqdm) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped: {bar.n} of {bar.total} people are in {out}; the same command generates the rest."
        ) from None


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(out: Path, settings: Settings, test_share: float) -> None:
    """Writes dataset.json, or refuses a folder started with other settings."""
    described = asdict(settings) | {"test_share": test_share, "version": VERSION}
    described["wardrobe"] = settings.wardrobe is not None
    described["backgrounds"] = Path(settings.backgrounds).name if settings.backgrounds else None
    described["body"] = Path(settings.body).name
    described["outfits"] = list(settings.outfits)
    path = out / "dataset.json"
    if path.is_file():
        before = _described(path)
        if before.get("version") != VERSION:
            raise InputError(
                f"{out} was started by another version of this program, which makes other people; choose another --out "
                "or delete it."
            )
        changed = [key for key, value in described.items() if before.get(key) != value]
        if changed:
            raise InputError(
                f"{out} was started with other values of {', '.join(changed)}; choose another --out or delete it."
            )
        return
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; choose a folder.")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty and was not created by this command; choose another --out.")
    write_whole(path, (json.dumps(described, indent=1) + "\n").encode())


def _described(path: Path) -> dict:
    """The settings in dataset.json of the run that started the folder."""
    return read_object(path, "choose another --out or delete the folder")


def _prepare(settings: Settings) -> None:
    """Prepares a process for `_make`, which does everything that can fail, since its errors reach the user."""
    global _settings, _studio
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _settings, _studio = settings, None
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A process whose parent was killed would otherwise make all the people that are left, or wait for ever."""
    parent.join()
    os._exit(1)


def _make(index: int, out: Path) -> None:
    global _studio
    if _studio is None:
        _studio = Studio(_settings)
    files.write_person(out, index, make_person(_studio, index))
