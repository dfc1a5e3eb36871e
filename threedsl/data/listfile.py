"""List files of the 3DSL release (`path person camera [clothes]`) and everything else that names pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from threedsl.data.images import SUFFIXES, is_picture
from threedsl.errors import InputError

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in SUFFIXES))
# Greedy up to the last picture name that one to three columns follow, so that paths with spaces survive.
_LINE = re.compile(rf"(?P<path>.*\.(?:{_SUFFIX}))(?P<columns>(?:\s+\S+){{1,3}})", re.IGNORECASE)
_NAME = re.compile(rf"(?P<path>.*?\.(?:{_SUFFIX}))(?P<columns>(?:\s+\S+)*)", re.IGNORECASE)
_CAMERA = re.compile(r"(?:^|[_-])c(\d{1,2})(?=[s_.-])")
JUNK = "-1"


@dataclass(frozen=True)
class Record:
    """One picture. Person, camera and clothes are labels as written in the list; "" means unknown."""

    path: Path
    pid: str = ""
    camid: str = ""
    clothes: str = ""


def read_list(path: str | Path, root: str | Path | None = None, check_files: bool = True) -> list[Record]:
    """Read `path person [camera [clothes]]` lines; blank lines, # comments and junk (person -1) are left out.

    Args:
        path: the list file, UTF-8.
        root: what relative paths start from; by default the list's folder, or the one above if that is `list`.
        check_files: demand that every picture exists.

    A missing camera is taken from a file name with the `_c3` of Market-1501, DukeMTMC and LTCC.

    Raises:
        InputError: naming file and line.
    """
    path = Path(path)
    folder = path.absolute().parent
    root = Path(root) if root is not None else folder.parent if folder.name == "list" else folder
    records = []
    for number, line in enumerate(_read_text(path).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        record = _parse(line, root, f"{path}, line {number}")
        if record.pid == JUNK:
            continue
        if check_files and not record.path.is_file():
            raise InputError(f"{path}, line {number}: picture {record.path} does not exist.")
        records.append(record)
    if not records:
        raise InputError(f"{path} lists no picture; each line is `path person camera [clothes]`.")
    return records


def write_list(records: Iterable[Record], path: str | Path, root: str | Path | None = None) -> None:
    """Write records so that read_list gives them back; paths below root become relative to it. Atomic."""
    path = Path(path)
    lines = []
    for record in records:
        columns = [record.pid, record.camid, record.clothes]
        while columns and not columns[-1]:
            columns.pop()
        if not columns or any(not column or column.split() != [column] for column in columns):
            raise InputError(
                f"{record.path}: person, camera and clothes must be words without spaces for a list file."
            )
        lines.append(" ".join([_relative(record.path, root), *columns]))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    part.replace(path)


def records_from(source: str | Path) -> list[Record]:
    """Records of a list file, a dataset folder (its list/gallery.txt), a folder of pictures, a folder with
    one sub-folder a person (its name becomes the pid), or a single picture.

    Raises:
        InputError: nothing there, or no picture in it.
    """
    source = Path(source)
    if source.is_dir():
        gallery_list = source / "list" / "gallery.txt"
        return read_list(gallery_list) if gallery_list.is_file() else _records_in_folder(source)
    if not source.is_file():
        raise InputError(f"{source} does not exist; give a folder of pictures, a list file or a saved index.")
    return [Record(source)] if is_picture(source) else read_list(source)


def _records_in_folder(folder: Path) -> list[Record]:
    records = [Record(path) for path in sorted(folder.iterdir()) if is_picture(path) and path.is_file()]
    for person in sorted(folder.iterdir()):
        if person.is_dir() and not person.name.startswith("."):
            records += [Record(path, person.name) for path in _pictures_below(person)]
    if not records:
        raise InputError(f"Folder {folder} holds no picture ({', '.join(sorted(SUFFIXES))}).")
    return records


def _pictures_below(folder: Path) -> list[Path]:
    found = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if is_picture(path))


def _read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is not a text file in UTF-8; a list file has lines `path person camera`."
        ) from None
    except OSError as error:
        raise InputError(f"List file {path} cannot be read ({error.strerror}).") from None
    if "\0" in text:
        raise InputError(f"{path} is not a text file; a list file has lines `path person camera`.")
    return text


def _parse(line: str, root: Path, where: str) -> Record:
    match = _LINE.fullmatch(line)
    if match is None:
        name = _NAME.fullmatch(line)
        if name is None:
            raise InputError(f"{where}: no picture name (.jpg, .png …) found in {line[:80]!r}.")
        count = len(name["columns"].split())
        problem = (
            "no person after the path"
            if count == 0
            else f"{count} columns after the path, at most 3 are allowed"
        )
        raise InputError(f"{where}: {problem}; a line is `path person camera [clothes]`.")
    pid, camid, clothes = [*match["columns"].split(), "", ""][:3]
    if not camid and (camera := _CAMERA.search(Path(match["path"]).name)):
        camid = camera[1]
    return Record(root / match["path"], pid, camid, clothes)


def _relative(path: Path, root: str | Path | None) -> str:
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.as_posix()
