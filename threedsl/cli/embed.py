"""Write the embeddings of many pictures to an .npz file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.cli.common import (
    SOURCES,
    add_model_arguments,
    check_spared,
    load_model,
    open_gallery,
    pictures_named,
    print_json,
    writable,
)
from threedsl.errors import InputError
from threedsl.files import cache_folder, whole_file

if TYPE_CHECKING:
    from threedsl.embedding.blocks import Job
    from threedsl.gallery import Gallery
    from threedsl.pipeline import ThreeDSL

MOST_PROCESSES = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "A stopped run goes on where it was when the same command is given again. Several processes share the list\n"
        "when each has its RANK (from 0) and WORLD_SIZE (how many) in the environment, as `accelerate launch` and\n"
        "torchrun set them; the last one writes the file."
    )
    parser.add_argument("source", metavar="LIST_OR_FOLDER", help=SOURCES)
    parser.add_argument("--out", required=True, help="the .npz file to write")
    parser.add_argument("--no-cache", action="store_true", help="neither use nor fill the descriptor cache")
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Compute the embeddings and write the file."""
    out = writable(args.out, (".npz",))
    check_spared(out, [args.source])
    rank, world = own_share()
    from threedsl.gallery import storage

    if storage.is_saved(args.source):
        gallery = open_gallery(args.source, load_model(args), args.whole)
        write_npz(gallery, out)
        say(args, len(gallery), gallery.skipped)
        return
    job, left_out = open_job(args, out)
    check_spared(out, (record.path for record in job.records))
    from threedsl.embedding.blocks import compute, finish
    from threedsl.progress import progress_bar

    if not job.is_complete:
        with progress_bar("Describing the pictures") as report:
            compute(job, rank, world, report)
    done = finish(job)
    if done is None:
        sentence = f"Process {rank} of {world} has done its share; {args.out} appears when all have."
        print_json({"out": args.out, "rank": rank, "pictures": None}) if args.json else print(sentence)
        return
    for sentence in [*done[1], *left_out]:
        print(f"left out: {sentence}", file=sys.stderr)
    for sentence in copies(job):
        print(sentence, file=sys.stderr)
    say(args, done[0], [*done[1], *left_out])


def say(args: argparse.Namespace, pictures: int, skipped: list[str]) -> None:
    """The report."""
    if args.json:
        print_json({"out": args.out, "pictures": pictures, "skipped": skipped})
    else:
        print(f"{pictures} embeddings in {Path(args.out)}")


def own_share() -> tuple[int, int]:
    """(rank, number of processes) from RANK and WORLD_SIZE; (0, 1) without them.

    Raises:
        InputError: they are not two numbers that fit each other.
    """
    rank, world = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    fits = rank.isdecimal() and world.isdecimal() and int(rank) < int(world) <= MOST_PROCESSES
    if not fits:
        raise InputError(
            f"RANK {rank!r} and WORLD_SIZE {world!r} in the environment must be whole numbers, RANK from 0 and below "
            f"WORLD_SIZE, which is at most {MOST_PROCESSES}; unset both for one process."
        )
    return int(rank), int(world)


def open_job(args: argparse.Namespace, out: Path) -> tuple[Job, list[str]]:
    """What is to be computed, and a sentence about files of a folder that are no pictures."""
    from threedsl.embedding.blocks import Job
    from threedsl.evaluation.descriptor_cache import DescriptorCache

    records, left_out, find = pictures_named(args.source, args.whole)
    if not records:
        raise InputError("The gallery is empty: it needs at least one picture.")
    model: ThreeDSL = load_model(args)
    cache = None
    if not args.no_cache:
        cache = DescriptorCache(cache_folder() / "descriptors", model.fingerprint, False, model.backend)
    return Job(model, records, find, out, cache), left_out


def copies(job: Job) -> list[str]:
    """Sentences about pictures that are in the file more than once."""
    import numpy as np

    from threedsl.data.contents import content_ids, repeated

    with np.load(job.out, allow_pickle=False) as file:
        kept = set(file["path"].tolist())
    records = [record for record in job.records if str(record.path) in kept]
    return repeated(records, content_ids([record.path for record in records]), "the gallery")


def write_npz(gallery: Gallery, out: Path) -> None:
    """appearance, shape, combined (N, D); path, pid, camid, clothes (N,) text and, if known, time (N,) in seconds since
    1970; fingerprint () text. Atomic."""
    import numpy as np

    from threedsl.descriptors import combine
    from threedsl.embedding.stored import columns

    gallery = gallery.compacted()
    with whole_file(out) as file:
        np.savez(
            file,
            appearance=gallery.appearance,
            shape=gallery.shape,
            combined=combine(gallery.appearance, gallery.shape, gallery.shape_share),
            fingerprint=np.array(gallery.fingerprint),
            **columns(gallery.records),
        )
