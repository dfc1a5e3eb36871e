"""`python -m train backgrounds`: a folder of photos without people, from Debian packages under free licences.

The packages are pinned by version and sha256 (Debian 12) and fetched by apt-get, or read from a folder. Photos in
which the people finder sees someone are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from threedsl.errors import InputError
from threedsl.files import whole_folder
from threedsl.people import find_people
from train.synthesize.places.backgrounds import LONGEST_SIDE

MOST_BYTES = 64 << 20  # of one file of a package
QUALITY = 92
_THUMBNAIL = 5000  # bytes


@dataclass(frozen=True)
class Photos:
    """A Debian package and its photos.

    paths: files below usr/share, or parts of one: `name.rcc#3` is the picture number 3 in a Qt resource file.
    """

    name: str
    version: str
    sha256: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}={self.version}"


_PLASMA = ("BytheWater", "ColdRipple", "DarkestHour", "EveningGlow", "FallenLeaf", "Path", "summer_1am")
_MONUMENTS = tuple(i for i in range(49) if i not in (26, 28, 32, 33, 38))  # no statues, no view from the air
_DETAILS = (0, 1, 3, 5, 6, 9, 11, 13, 14, 16, 18, 19, 21)  # the others are paintings

PACKAGES = (
    Photos(
        "gcompris-qt-data", "3.1-2", "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
        tuple(f"gcompris-qt/rcc/explore_monuments.rcc#{i}" for i in _MONUMENTS)
        + tuple(f"gcompris-qt/rcc/details.rcc#{i}" for i in _DETAILS),
    ),
    Photos(
        "lomiri-wallpapers-16.04", "20.04.0-2", "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
        tuple(
            f"backgrounds/{name}.jpg"
            for name in (
                "Bridge_by_Sander_Klootwijk", "Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi",
                "life_by_Aitzol_Berasategi", "picosdeeuropa_by_Aitzol_Berasategi", "seeding_by_Clements_Engelhardt",
                "sunset_by_Aitzol_Berasategi",
            )
        ),
    ),
    Photos(
        "lomiri-wallpapers-20.04", "20.04.0-2", "d44e89b8473aafe64a5b678f014862dc31335aaaf18665c544d985d854f1a709",
        ("backgrounds/Kleiber_by_Lukas_Baubkus.jpg",),
    ),
    Photos(
        "mate-backgrounds", "1.26.0-1", "7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04",
        tuple(f"backgrounds/mate/nature/{name}.jpg" for name in ("Dune", "Garden", "GreenMeadow", "Storm", "Wood")),
    ),
    Photos(
        "plasma-workspace-wallpapers", "4:5.27.5-2",
        "32cd18b71c8c938a18b3b351f217c02ac590e323caa3cf322fbb875ce8892f8b",
        tuple(f"wallpapers/{name}/contents/images/2560x1600.jpg" for name in _PLASMA),
    ),
)  # fmt: skip


def fetch(package: Photos, folder: Path) -> Path:
    """The package's .deb in folder: the one that lies there already, else fetched by apt-get.

    Raises:
        InputError: apt-get is missing, or it does not fetch the package.
    """
    pattern = f"{package.name}_*.deb"
    if not any(folder.glob(pattern)):
        if shutil.which("apt-get") is None:
            raise InputError(
                f"apt-get was not found: download Debian 12's {package} elsewhere and pass its folder as --debs."
            )
        try:
            done = subprocess.run(
                ["apt-get", "download", str(package)],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=1800,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"apt-get did not fetch {package} within 30 minutes; try again later.") from None
        if done.returncode or not any(folder.glob(pattern)):
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [
                "no reason given"
            ]
            raise InputError(
                f"apt-get could not fetch {package} ({lines[0]}); run `apt-get update` and try again, or pass a folder "
                "that holds the package as --debs."
            )
    return next(folder.glob(pattern))


def check(package: Photos, deb: Path) -> None:
    """Refuses a file that is not the package.

    Raises:
        InputError: its sha256 is another one.
    """
    digest = hashlib.sha256()
    with open(deb, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    found = digest.hexdigest()
    if found != package.sha256:
        raise InputError(
            f"{deb} is not {package}: its sha256 is {found[:12]}…, expected {package.sha256[:12]}…; delete it."
        )


def read_files(deb: Path, wanted: set[str]) -> dict[str, bytes]:
    """{path: content} of the wanted files of a .deb; paths as in the package, without a leading slash.

    Raises:
        InputError: dpkg-deb is missing or cannot read it, or it lacks one of the files.
    """
    if shutil.which("dpkg-deb") is None:
        raise InputError(
            "dpkg-deb was not found: install the package dpkg, or run this command on Debian or Ubuntu."
        )
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as unpacking:
        found = {}
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                for member in archive:
                    name = str(PurePosixPath(member.name.removeprefix("./")))
                    if name in wanted and member.isfile() and member.size <= MOST_BYTES:
                        found[name] = archive.extractfile(member).read()
        except tarfile.TarError as error:
            raise InputError(f"{deb} is damaged ({error}); delete it and fetch it again.") from None
    missing = wanted - found.keys()
    if missing:
        raise InputError(f"{deb} contains no {min(missing)}; it is not the expected package.")
    return found


def pictures_in(resource: bytes) -> list[bytes]:
    """The WebP files in a Qt resource file, in their order and without thumbnails: they lie there as they are."""
    found = []
    for match in re.finditer(rb"RIFF....WEBP", resource, re.DOTALL):
        start = match.start()
        size = int.from_bytes(resource[start + 4 : start + 8], "little") + 8
        if size > _THUMBNAIL:
            found.append(resource[start : start + size])
    return found


def photos_of(package: Photos, deb: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, RGB uint8 picture (h,w,3), at most `LONGEST_SIDE` a side) of each photo of the package."""
    files = read_files(deb, {f"usr/share/{path.split('#')[0]}" for path in package.paths})
    for path in package.paths:
        name, _, number = path.partition("#")
        content = files[f"usr/share/{name}"]
        if number:
            content = pictures_in(content)[int(number)]
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{deb}: {path} cannot be read as a picture.")
        zoom = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
        image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) if zoom < 1 else image
        parts = PurePosixPath(name).parts
        stem = parts[1] if parts[0] == "wallpapers" else PurePosixPath(name).stem
        yield f"{package.name}_{stem}{'_' + number if number else ''}", image[..., ::-1]


def copyright_of(package: Photos, deb: Path) -> bytes:
    """The package's copyright file."""
    path = f"usr/share/doc/{package.name}/copyright"
    return read_files(deb, {path})[path]


def is_complete(folder: Path) -> bool:
    """Whether an earlier call wrote all of it."""
    return all((folder / _copyright_name(package)).is_file() for package in PACKAGES)


def _copyright_name(package: Photos) -> str:
    return f"{package.name}-copyright.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; a complete one is left as it is"
    )
    parser.add_argument(
        "--debs", type=Path, help="a folder that holds the .deb files already, or that keeps them"
    )


def main(args: argparse.Namespace) -> None:
    if is_complete(args.out):
        print(f"{args.out} is complete already.")
        return
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise InputError(f"--out {args.out} exists and is not an empty folder; choose another one.")
    kept = peopled = 0
    with tempfile.TemporaryDirectory() as scratch, whole_folder(args.out) as fresh:
        debs = args.debs or Path(scratch)
        debs.mkdir(parents=True, exist_ok=True)
        for package in PACKAGES:
            deb = fetch(package, debs)
            check(package, deb)
            for name, image in photos_of(package, deb):
                if find_people(np.ascontiguousarray(image)):
                    peopled += 1
                    continue
                encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
                (fresh / f"{name}.jpg").write_bytes(encoded.tobytes())
                kept += 1
            (fresh / _copyright_name(package)).write_bytes(copyright_of(package, deb))
    print(
        f"{kept} photos in {args.out}; {peopled} more show people or what looks like them and were left out."
    )
