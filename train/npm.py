"""Packages of the npm registry: fetched by the npm client, checked against a pinned sha512, unpacked safely."""

from __future__ import annotations

import base64
import gzip
import hashlib
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from threedsl.errors import InputError

MOST_BYTES = 1 << 30  # unpacked


@dataclass(frozen=True)
class Package:
    """One version of a package.

    integrity: of its tarball, as npm writes it (`npm view NAME@VERSION dist.integrity`).
    """

    name: str
    version: str
    integrity: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def fetch_tarball(package: Package, folder: Path, command: str) -> Path:
    """Lets `npm pack` download the package into folder and returns the tarball's path.

    command: the user's command, for the sentence that says to run it again.

    Raises:
        InputError: npm is missing, or it does not fetch the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"npm was not found: install Node.js (it comes with npm) and run `{command}`.")
    arguments = [npm, "pack", str(package), "--ignore-scripts", "--json"]
    try:
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=1800)
    except subprocess.TimeoutExpired:
        raise InputError(f"npm did not fetch {package} within 30 minutes; try again later.") from None
    tarball = next(folder.glob("*.tgz"), None)
    if done.returncode != 0 or tarball is None:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        messages = [line for line in lines if not line.lower().startswith("npm warn")] or lines
        reason = messages[0] if messages else "no reason given"
        raise InputError(f"npm could not fetch {package} ({reason}); check the network and try again.")
    return tarball


def check_integrity(package: Package, tarball: Path) -> None:
    """Refuses a tarball whose sha512 is not the package's.

    Raises:
        InputError: it is another file.
    """
    digest = hashlib.sha512()
    with open(tarball, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if found != package.integrity:
        raise InputError(
            f"{tarball} is not {package}: its checksum is {found[:24]}…, expected {package.integrity[:24]}…; "
            "delete it and fetch it again."
        )


def unpack(tarball: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> None:
    """Unpacks the plain files of an npm tarball below folder.

    wanted: which of them, by their names in the tarball (`package/…`).

    Raises:
        InputError: it is not a tarball, is truncated, or contains links, devices or paths that lead out of the folder.
    """
    try:
        _unpack(tarball, folder, wanted)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{tarball} is damaged ({error}): delete it and fetch it again.") from None


def _unpack(tarball: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    total = 0
    with tarfile.open(tarball, "r:gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name)
            if member.isdir():
                continue
            if not member.isfile() or parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
                raise InputError(
                    f"{tarball} contains {member.name!r}, which is not a plain file inside the package."
                )
            total += member.size
            if total > MOST_BYTES:
                raise InputError(
                    f"{tarball} unpacks to more than {MOST_BYTES >> 20} MB; it is not the package."
                )
            if not wanted(member.name):
                continue
            target = folder.joinpath(*parts.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)
