"""List files of the 3DSL release (`path person camera [clothes]`) and everything else that names pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from threedsl.data.file_names import labels_in_path
from threedsl.data.picture_files import (
    SUFFIXES,
    about_others,
    folders_below,
    is_clutter,
    is_picture,
    other_files,
)
from threedsl.errors import InputError
from threedsl.files import write_whole
from threedsl.reading import read_file

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in SUFFIXES))
# Greedy up to the last picture name that one to three columns follow, so that paths with spaces survive.
_LINE = re.compile(rf"(?P<path>.*\.(?:{_SUFFIX}))(?P<columns>(?:\s+\S+){{1,3}})", re.IGNORECASE)
_NAME = re.compile(rf"(?P<path>.*?\.(?:{_SUFFIX}))(?P<columns>(?:\s+\S+)*)", re.IGNORECASE)
_SEPARATED = re.compile(rf".*\.(?:{_SUFFIX})\"?\s*[,;|]", re.IGNORECASE)
_SUFFIXES = tuple(SUFFIXES)
JUNK = "-1"
MOST_LIST_BYTES = 2**30  # some ten millions of pictures
MOST_LINE = 2**20  # characters; the patterns take minutes on a file without line ends
LONGEST_LABEL = 500  # characters; an array of labels takes for each what the longest takes
UNKNOWN = "-"


@dataclass(frozen=True)
class Record:
    """One picture. Person, camera and clothes are labels as written in the list; "" means unknown.

    time: when it was taken, in seconds since 1970; None if unknown. List files have no column for it.
    """

    path: Path
    pid: str = ""
    camid: str = ""
    clothes: str = ""
    time: float | None = None


def read_list(
    path: str | Path,
    root: str | Path | None = None,
    check_files: bool = True,
    junk: list[Path] | None = None,
) -> list[Record]:
    """Read `path person [camera [clothes]]` lines; repeated ones, comments and junk (person -1) are left out.

    Columns are separated by spaces or tabs, and paths may hold spaces: the last picture name on a line ends the path.
    An absolute path stays as it is. `-` stands for an unknown camera or unknown clothes. Camera and clothes that a
    line does not give are taken from the file name where a public dataset wrote it (see threedsl.data.file_names).

    Args:
        path: the list file, UTF-8 with any line ends.
        root: what relative paths start from; by default the list's folder, or the one above if that is `list`.
        check_files: demand that every picture exists.
        junk: gets the pictures of the lines that are left out as junk.

    Raises:
        InputError: naming file and line.
    """
    path = Path(path)
    folder = path.absolute().parent
    root = Path(root) if root is not None else folder.parent if folder.name == "list" else folder
    records: dict[Record, None] = {}
    seen: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > MOST_LINE:
            raise InputError(
                f"{path}, line {number} has {len(line):,} characters; a line names one picture and its labels."
            )
        name, columns = _split(line, path, number)
        pid, camid, clothes = [*columns, "", ""][:3]
        if pid == JUNK:
            if junk is not None:
                junk.append(root / name)
            continue
        if not (camid and clothes):
            camera_in_name, clothes_in_name = labels_in_path(name)
            camid, clothes = camid or camera_in_name, clothes or clothes_in_name
        if longest := max(
            (label for label in (pid, camid, clothes) if len(label) > LONGEST_LABEL), default=""
        ):
            raise InputError(
                f"{path}, line {number}: {longest[:40]}… is a label of {len(longest):,} characters; shorten it."
            )
        before, there = seen.setdefault(name, (pid, number))
        if before != pid:
            raise InputError(
                f"{path}, line {number}: {name} is labelled person {pid} here and person {before} on line {there}."
            )
        picture = root / name
        if check_files and not os.path.isfile(picture):
            picture = root / name.replace("\\", "/")
            if not os.path.isfile(picture):
                raise InputError(
                    f"{path}, line {number}: picture {root / name} does not exist; correct the list, or run "
                    "`python -m threedsl prepare` again if the pictures moved."
                )
        record = Record(
            picture, pid, "" if camid == UNKNOWN else camid, "" if clothes == UNKNOWN else clothes
        )
        records.setdefault(record)
    if not records:
        raise InputError(f"{path} lists no picture; each line is `path person camera [clothes]`.")
    return list(records)


def write_list(records: Iterable[Record], path: str | Path, root: str | Path | None = None) -> None:
    """Write records so that read_list gives them back; paths below root become relative to it. Atomic.

    Raises:
        InputError: a path or a label that a list cannot hold, or the file cannot be written.
    """
    path = Path(path)
    text = "".join(f"{_line(record, root)}\n" for record in records)
    write_whole(path, text.encode())


def records_from(source: str | Path) -> list[Record]:
    """Records of a list file, a dataset folder (its list/gallery.txt), a folder of pictures, a folder with
    one sub-folder per person (its name becomes the pid), or a single picture.

    Raises:
        InputError: nothing there, no picture in it, or a dataset folder without that list.
    """
    return records_and_rest(source)[0]


def records_and_rest(source: str | Path) -> tuple[list[Record], list[str]]:
    """`records_from`, and a sentence about the files of the folder that are not pictures, if any."""
    source = Path(source)
    if source.is_dir():
        if lists := _lists_of(source):
            return read_list(_gallery_list(source, lists)), []
        return _records_in_folder(source)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder of pictures, a list file or a saved index.")
    return [Record(source)] if is_picture(source) else read_list(source), []


def may_be_photos(source: str | Path) -> bool:
    """Whether a person has to be looked for in its pictures: in a folder, while lists and datasets name crops."""
    source = Path(source)
    return source.is_dir() and not _lists_of(source)


def about_dataset(source: str | Path) -> str:
    """A sentence for a dataset folder, of which one list is read and not all pictures; "" for everything else."""
    if not (lists := _lists_of(Path(source))):
        return ""
    return f"{source} is a dataset folder: the pictures of {_gallery_list(Path(source), lists)} are used, no others."


def _lists_of(folder: Path) -> list[Path]:
    """The lists of a dataset folder, sorted; none for a folder of pictures, even of a person called `list`."""
    return sorted((folder / "list").glob("*.txt"))


def _gallery_list(folder: Path, lists: list[Path]) -> Path:
    gallery = folder / "list" / "gallery.txt"
    if gallery not in lists:
        raise InputError(
            f"{folder} is a dataset folder without list/gallery.txt; name the list to read, such as {lists[-1]}."
        )
    return gallery


def _records_in_folder(folder: Path) -> tuple[list[Record], list[str]]:
    records = [Record(path) for path in sorted(folder.iterdir()) if path.is_file() and is_picture(path)]
    folders = [folder]
    for person in sorted(folder.iterdir()):
        if person.is_dir() and not is_clutter(person.name):
            below = folders_below(person)
            pictures = [
                path for place in below for path in place.iterdir() if path.is_file() and is_picture(path)
            ]
            records += [Record(path, person.name) for path in sorted(pictures)]
            folders += below
    if not records:
        raise InputError(f"Folder {folder} contains no picture ({', '.join(sorted(SUFFIXES))}).")
    others = [path.relative_to(folder).as_posix() for path in other_files(folders)]
    return records, about_others(others, f"in {folder}")


def _read_text(path: Path) -> str:
    """The file's text with every line ended by a line feed."""
    data = read_file(path, MOST_LIST_BYTES, f"List file {path}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: not text in UTF-8; a list file has lines `path person camera`, saved as UTF-8."
        ) from None
    if "\0" in text:
        raise InputError(f"{path} is not a text file; a list file has lines `path person camera`.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(line: str, path: Path, number: int) -> tuple[str, list[str]]:
    """A line without surrounding space -> (path, one to three columns)."""
    words = line.split(None, 4)
    # Nearly every line has neither spaces in its path nor dots in its labels, and needs no pattern.
    if 2 <= len(words) <= 4 and words[0].endswith(_SUFFIXES) and "." not in line[len(words[0]) :]:
        return words[0], words[1:]
    if match := _LINE.fullmatch(line):
        return match["path"], match["columns"].split()
    where = f"{path}, line {number}"
    if name := _NAME.fullmatch(line):
        count = len(name["columns"].split())
        found = (
            f"{count} columns after the path, at most 3 are allowed" if count else "no person after the path"
        )
        raise InputError(f"{where}: {found}; a line is `path person camera [clothes]`.")
    if _SEPARATED.match(line):
        raise InputError(
            f"{where}: the columns of {line[:80]!r} are not separated by spaces; "
            "a line is `path person camera [clothes]`."
        )
    raise InputError(f"{where}: no picture name (.jpg, .png …) found in {line[:80]!r}.")


def _line(record: Record, root: str | Path | None) -> str:
    """One line that reads back as the record."""
    name = _relative(record.path, root)
    if name.startswith("#") or name != name.strip():
        name = f"./{name}"
    labels = (record.pid, record.camid, record.clothes)
    if (
        record.pid in ("", JUNK)
        or UNKNOWN in labels
        or any(label.split() != [label] for label in labels if label)
    ):
        raise InputError(
            f"{record.path}: in a list file, person, camera and clothes must be words without spaces and other than "
            f"{UNKNOWN}, and the person must be known and not {JUNK}."
        )
    # Labels that the file name suggests but the record lacks are written as unknown.
    suggested = ("", *labels_in_path(name))
    columns = [label or (UNKNOWN if hint else "") for label, hint in zip(labels, suggested, strict=True)]
    while not columns[-1]:
        columns.pop()
    columns = [column or UNKNOWN for column in columns]
    line = " ".join([name, *columns])
    try:
        line.encode("utf-8")
        readable = not set("\r\n\0") & set(line) and _split(line, Path(), 0) == (name, columns)
    except (UnicodeEncodeError, InputError):
        readable = False
    if not readable:
        raise InputError(
            f"{str(record.path)!r} cannot be written to a list file with {columns}; rename the picture."
        )
    return line


def _relative(path: Path, root: str | Path | None) -> str:
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.as_posix()
