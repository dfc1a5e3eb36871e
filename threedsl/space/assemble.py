"""A Hugging Face Space as a folder: exactly what the page needs, without the trainer and the tests."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from threedsl.checkpoint.folder import DEFAULT
from threedsl.errors import InputError
from threedsl.files import check_folder, whole_folder
from threedsl.shipped import ROOT

LIMIT = 10_000_000  # bytes; the Hub requires LFS or Xet for larger files
MARK = "space.json"  # lists the assembled files, so that the next assembly recognises the folder
README = "README.md"
SECTIONS = (
    "Limits",
    "Responsible use",
    "Licences",
)  # of the repository's README, besides its first paragraphs
BINARY = (
    ".safetensors",
    ".npz",
    ".gz",
    ".jpg",
    ".png",
)  # not searched for keys, which would be slow and find nothing
SECRETS = re.compile(
    r"\bhf_[A-Za-z0-9]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)


@dataclass(frozen=True)
class Part:
    """A file, or a folder of which files with these endings are included."""

    path: str
    endings: tuple[str, ...] = ()
    optional: bool = False


PARTS = (
    Part("app.py"),
    Part("requirements.txt"),
    Part("packages.txt", optional=True),
    Part("LICENSE"),
    Part("threedsl", (".py", ".css", ".js", ".gz")),
    Part("assets/synthetic", (".jpg", ".txt", ".json")),
    Part("checkpoints/body", (".npz", ".md")),
    Part("checkpoints/finder", (".safetensors", ".gz", ".md", ".txt")),
    Part(f"checkpoints/{DEFAULT}", (".safetensors", ".json", ".md", ".txt", ".jpg", ".png", ".npz")),
)


@dataclass(frozen=True)
class Assembly:
    """An assembled Space."""

    folder: Path
    sizes: dict[str, int]  # path in the Space -> bytes

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


def assemble(out: Path, repository: Path = ROOT) -> Assembly:
    """Write the Space to `out`: a new or empty folder, or an unmodified earlier assembly, which is replaced.

    The files are assembled next to `out` and replace it at the end; a program killed before leaves `out` as it was.

    Raises:
        InputError: `out` contains something else, or a part is missing, too large or contains what looks like a secret.
    """
    out = out.resolve()
    if out == repository or out in repository.parents:
        raise InputError(f"{out} contains the repository itself; choose a new folder.")
    check_replaceable(out)
    files = dict(parts_of(repository))
    check_folder(out.parent, out)
    with whole_folder(out) as work:
        for name, source in files.items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        (work / README).write_text(space_readme(repository / README), encoding="utf-8")
        sizes = checked_sizes(work)
        listing = {name: digest(work / name) for name in sorted(sizes)}
        (work / MARK).write_text(json.dumps({"files": listing}, indent=1) + "\n", encoding="utf-8")
    return Assembly(out, sizes)


def parts_of(repository: Path) -> Iterator[tuple[str, Path]]:
    """(path in the Space, file) of everything that is included except the README.

    Raises:
        InputError: a part is missing.
    """
    for part in PARTS:
        place = repository / part.path
        found = [place] if place.is_file() else sorted(_inside(place, part.endings))
        if not found and not part.optional:
            raise InputError(f"{place} is missing; the Space needs it: assemble from a complete repository.")
        yield from ((path.relative_to(repository).as_posix(), path) for path in found)


def _inside(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        hidden = any(name.startswith(".") or name == "__pycache__" for name in inner)
        if path.is_file() and path.suffix in endings and not hidden:
            yield path


def space_readme(readme: Path) -> str:
    """The Space's card from the repository's README: front matter, what this is, its limits and licences.

    Raises:
        InputError: a part of it is missing.
    """
    text = readme.read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    introduction, *sections = re.split(r"^(?=## )", body, flags=re.MULTILINE)
    introduction = re.sub(r"^!\[.*\]\(.*\)\n+", "", introduction.split("```")[0], flags=re.MULTILINE).strip()
    by_title = {section[3:].partition("\n")[0].strip(): section.strip() for section in sections}
    if missing := [title for title in SECTIONS if title not in by_title]:
        raise InputError(f"{readme} has no section {missing[0]!r}, which the Space's card needs.")
    chosen = "\n\n".join([introduction, *(by_title[title] for title in SECTIONS)])
    return f"---\n{front}---\n\n{chosen}\n"


def checked_sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of an assembly by its path.

    Raises:
        InputError: a file is too large for a Space, or contains what looks like a key.
    """
    sizes = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        if size > LIMIT:
            raise InputError(
                f"{name} is {size / 1e6:.1f} MB, but a Space takes files up to 10 MB; save it in pieces."
            )
        if path.suffix not in BINARY and SECRETS.search(path.read_text(encoding="utf-8", errors="ignore")):
            raise InputError(
                f"{name} contains what looks like a secret key; remove it before it is published."
            )
        sizes[name] = size
    return sizes


def check_replaceable(out: Path) -> None:
    """Raises InputError unless `out` is new, empty, or an earlier assembly as it was written."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the Space.")
    there = {
        path.relative_to(out).as_posix(): path
        for path in out.rglob("*")
        if not path.is_dir() and "__pycache__" not in path.parts
    }
    if not there:
        return
    listing = _listing(out / MARK)
    if listing is None:
        raise InputError(
            f"{out} is not empty and was not written by this command; name a new or empty folder."
        )
    for name, path in there.items():
        if name != MARK and (name not in listing or digest(path) != listing[name]):
            raise InputError(
                f"{path} was changed or added since the Space was assembled; move it away or name another folder."
            )


def _listing(mark: Path) -> dict[str, str] | None:
    try:
        files = json.loads(mark.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return files if isinstance(files, dict) else None


def digest(path: Path) -> str:
    """sha256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
