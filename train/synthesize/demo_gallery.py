"""`python -m train demo`: the demo page's small synthetic gallery, taken from the test identities of a dataset."""

import argparse
import shutil
from pathlib import Path

import numpy as np

from threedsl.arguments import seed
from threedsl.data.listfile import Record, read_list, write_list
from threedsl.errors import InputError
from threedsl.files import whole_folder
from threedsl.gallery.demo import SYNTHETIC

OWN = {"query.txt", "gallery.txt", "images"}
ABOUT = ("ATTRIBUTION.txt", "dataset.json")  # of the dataset, where it has them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="dataset folder of `python -m train synthesize`")
    parser.add_argument("--out", type=Path, default=SYNTHETIC, help="folder to write (default: %(default)s)")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=5, help="gallery pictures per person")
    parser.add_argument("--seed", type=seed, default=0)


def main(args: argparse.Namespace) -> None:
    records = [
        record
        for name in ("query", "gallery")
        for record in read_list(args.data / "list" / f"{name}.txt", args.data)
    ]
    if args.data.resolve().is_relative_to(args.out.resolve()):
        raise InputError(f"--out must not be {args.data} itself, nor contain it.")
    there = {path.name for path in args.out.iterdir()} if args.out.exists() else set()
    if there and not OWN <= there <= OWN | set(ABOUT):  # a dataset's lists have the same names
        raise InputError(f"{args.out} is not empty and is not a demo gallery; choose another --out.")
    people = sorted({record.pid for record in records})
    if len(people) < args.people:
        raise InputError(f"{args.data} has {len(people)} test people; --people asks for {args.people}.")
    rng = np.random.default_rng(args.seed)
    chosen = rng.choice(people, args.people, replace=False)
    query, gallery = [], []
    for pid in sorted(chosen):
        one, others = pick([record for record in records if record.pid == pid], args.pictures, rng)
        query.append(one)
        gallery += others
    with whole_folder(args.out) as fresh:
        for name, part in (("query", query), ("gallery", gallery)):
            write_list([copy(record, fresh) for record in part], fresh / f"{name}.txt", fresh)
        for name in ABOUT:
            if (args.data / name).is_file():
                shutil.copyfile(args.data / name, fresh / name)
    print(f"{len(query)} queries and {len(gallery)} gallery pictures of {args.people} people in {args.out}")


def pick(pictures: list[Record], count: int, rng: np.random.Generator) -> tuple[Record, list[Record]]:
    """A query, and gallery pictures of the same person in other clothes from other cameras."""
    query = pictures[rng.integers(len(pictures))]
    others = [r for r in pictures if r.clothes != query.clothes and r.camid != query.camid]
    if not others:
        raise InputError(f"Person {query.pid} has no picture in other clothes from another camera.")
    return query, [others[i] for i in rng.permutation(len(others))[:count]]


def copy(record: Record, out: Path) -> Record:
    """The record with its picture copied into out/images."""
    target = out / "images" / record.path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(record.path, target)
    return Record(target, record.pid, record.camid, record.clothes)
