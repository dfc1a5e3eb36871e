"""A visitor's upload for a gallery, as labelled pictures that can be read one by one: files, a zip, a list.

People are the folders of a zip, as in threedsl.data.listfile.records_from; one folder around it all is not a person.
A list gives the labels itself: `list/gallery.txt` or the one list file of a zip, or a list given with the pictures.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from threedsl.data.images import MAX_BYTES
from threedsl.data.listfile import Record, read_list
from threedsl.data.picture_files import HEAD, SUFFIXES, about_others, has_picture_name, starts_like_picture
from threedsl.errors import InputError
from threedsl.gallery.archive import (
    ARCHIVES,
    LONGEST_NAME,
    MOST_BYTES,
    Archive,
    Entry,
    composed,
    open_archive,
    short_label,
    shorten,
)
from threedsl.gallery.exchange import is_exported

MOST_PICTURES = 500  # per gallery
MOST_LIST_BYTES = 2**20
LIST_HEAD = 4096  # bytes that tell whether a text is a list
LISTS = (".txt", ".lst", ".list")
CHOSEN = "gallery.txt"  # the list of a zip with several
_LISTED = re.compile(rf".*\.({'|'.join(suffix[1:] for suffix in sorted(SUFFIXES))})\s+\S", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A picture to describe; its record's path is only a name."""

    record: Record
    content: Callable[[], Path | bytes]  # raises InputError


@dataclass(frozen=True)
class Upload:
    """An upload as understood."""

    title: str  # the zip's name, or ""
    sources: list[Source]
    crops: bool  # from a list: every picture is already a person crop, as in datasets
    left_out: list[str]  # a sentence for each file that is not a source
    exported: Archive | None = None  # the upload is a gallery exported earlier, and has no sources


@contextmanager
def open_upload(files: Sequence[Path]) -> Iterator[Upload]:
    """Interpret uploaded files; their contents can be read until the block ends.

    Raises:
        InputError: nothing uploaded, too much, mixed kinds, or what the archive and list readers refuse.
    """
    if not files:
        raise InputError("Add pictures first, or one .zip of them.")
    zips = [path for path in files if path.suffix.lower() == ".zip"]
    lists = [path for path in files if path.suffix.lower() in LISTS]
    pictures = [path for path in files if path not in zips and path not in lists]
    for path in pictures:
        if path.suffix.lower() in ARCHIVES:
            raise InputError(f"{shorten(path.name)} is another kind of archive; send a .zip.")
    if zips and len(files) > 1:
        raise InputError(
            "Send either one .zip or pictures, not both, and only one zip; a zip may contain its own list."
        )
    if len(lists) > 1:
        raise InputError("More than one list file was sent; send one, with the pictures it names.")
    if zips:
        with open_archive(zips[0], shorten(zips[0].name)) as archive:
            yield _from_archive(archive, zips[0].stem)
    else:
        yield _from_files(pictures, lists)


def _from_files(pictures: list[Path], lists: list[Path]) -> Upload:
    if not pictures:
        raise InputError("The list came without its pictures; send both together, or in one .zip.")
    _check_count(len(pictures))
    if sum(path.stat().st_size for path in pictures if path.is_file()) > MOST_BYTES:
        raise InputError(f"The pictures are more than {MOST_BYTES // 2**20} MB in total; leave some out.")
    if not lists:
        return Upload("", [_source(Record(Path(p.name)), partial(_itself, p)) for p in pictures], False, [])
    by_name: dict[str, list[Callable]] = {}
    for path in pictures:
        by_name.setdefault(path.name, []).append(partial(_itself, path))
    if not lists[0].is_file() or lists[0].stat().st_size > MOST_LIST_BYTES:
        raise InputError(
            f"{shorten(lists[0].name)} has more than {MOST_LIST_BYTES // 2**20} MB, or no longer exists."
        )
    listed = _read_list(lists[0].read_bytes(), lists[0].name)
    sources, left_out = _listed(*listed, by_name, lists[0].name)
    return Upload("", sources, True, left_out)


def _from_archive(archive: Archive, title: str) -> Upload:
    if is_exported(archive):
        return Upload(title, [], True, archive.left_out, archive)
    pictures = {entry.name for entry in archive.entries if _is_picture(archive, entry)}
    kept = [entry for entry in archive.entries if entry.name in pictures or _may_be_list(archive, entry)]
    entries = dict(zip(_without_wrapper([entry.name for entry in kept]), kept, strict=True))
    left_out = list(archive.left_out)
    found = {name: entry for name, entry in entries.items() if entry.name in pictures}
    chosen = _choose_list(entries, archive)
    used = pictures | ({entries[chosen].name} if chosen else set())
    others = [shorten(entry.name) for entry in archive.entries if entry.name not in used]
    left_out += about_others(others, f"in {archive.shown}")
    if chosen:
        # Names in a list start where the list is, or above its folder `list`.
        base = PurePosixPath(chosen).parent
        base = base.parent if base.name == "list" else base
        contents = {
            str(PurePosixPath(name).relative_to(base)): [partial(archive.read, entry)]
            for name, entry in found.items()
            if PurePosixPath(name).is_relative_to(base)
        }
        listed = _read_list(archive.read(entries[chosen], MOST_LIST_BYTES), chosen)
        sources, missing = _listed(*listed, contents, chosen)
        elsewhere = [
            _unlisted(name, chosen) for name in found if not PurePosixPath(name).is_relative_to(base)
        ]
        return Upload(title, sources, True, left_out + missing + elsewhere)
    if not found:
        more = f" ({left_out[0]})" if left_out else ""
        raise InputError(
            f"{archive.shown} contains no picture{more}; put pictures or folders of pictures in it."
        )
    _check_count(len(found))
    sources = []
    for name in sorted(found):
        parts = PurePosixPath(name).parts
        person = parts[0] if len(parts) > 1 else ""
        sources.append(_source(Record(Path(name), person), partial(archive.read, found[name])))
    return Upload(title, sources, False, left_out)


def _is_picture(archive: Archive, entry: Entry) -> bool:
    """As threedsl.data.picture_files.is_picture has it; an entry that cannot be unpacked is judged by its name."""
    if has_picture_name(entry.name):
        return True
    try:
        return starts_like_picture(archive.head(entry, HEAD))
    except InputError:
        return False


def _may_be_list(archive: Archive, entry: Entry) -> bool:
    """Whether a text file is called as a list is, or begins as one; other texts, such as a licence next to the folder
    of people, do not tell what the pictures' folders mean. One that cannot be unpacked is judged by its name."""
    if not entry.name.lower().endswith(LISTS):
        return False
    if PurePosixPath(entry.name).name == CHOSEN:
        return True
    try:
        return _lists_pictures(archive.head(entry, LIST_HEAD))
    except InputError:
        return True


def _choose_list(entries: Mapping[str, object], archive: Archive) -> str | None:
    """The name of the zip's list: list/gallery.txt, gallery.txt, or the only text file whose first line lists a
    picture."""
    for name in (f"list/{CHOSEN}", CHOSEN):
        if name in entries:
            return name
    texts = [name for name in entries if name.lower().endswith(LISTS) and name.count("/") <= 1]
    lists = [
        name
        for name in texts
        if entries[name].info.file_size <= MOST_LIST_BYTES and _lists_pictures(archive.read(entries[name]))
    ]
    if len(lists) > 1:
        raise InputError(
            f"{archive.shown} contains {len(lists)} lists; name the one to use gallery.txt: "
            f"{', '.join(shorten(name) for name in lists[:3])}."
        )
    return lists[0] if lists else None


def _lists_pictures(text: bytes) -> bool:
    lines = (line.strip() for line in text[:LIST_HEAD].decode("utf-8", "replace").splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return bool(_LISTED.match(first))


def _read_list(text: bytes, name: str) -> tuple[list[Record], list[Path]]:
    """The records of a list's bytes and the pictures it calls junk, by the list reader, with error sentences that use
    the name the visitor knows."""
    with tempfile.TemporaryDirectory(prefix="threedsl-list-") as folder:
        path = Path(folder) / "list.txt"
        path.write_bytes(text)
        try:
            junk: list[Path] = []
            return read_list(path, root=Path(), check_files=False, junk=junk), junk
        except InputError as error:
            raise InputError(str(error).replace(str(path), shorten(name))) from None


def _listed(
    records: list[Record], junk: list[Path], contents: Mapping[str, Sequence[Callable]], name: str
) -> tuple[list[Source], list[str]]:
    """The list's records whose pictures came with it, and a sentence for each of the others and for each picture that
    the list does not name.

    A picture is found by its path, or by its bare name where only one has it: a browser sends files without folders.
    """
    whole: dict[str, list[Callable]] = {}
    bare: dict[str, list[Callable]] = {}
    for path, there in contents.items():
        whole.setdefault(composed(path), []).extend(there)
        bare.setdefault(PurePosixPath(composed(path)).name, []).extend(there)

    def sent(path: str) -> Sequence[Callable]:
        path = composed(path)
        return whole.get(path) or bare.get(PurePosixPath(path).name, ())

    named = {content for path in junk for content in sent(_with_slashes(path))}
    sources, missing = [], []
    for record in dict.fromkeys(records):
        path = _with_slashes(record.path)
        there = sent(path)
        named.update(there)
        if len(there) == 1:
            sources.append(_source(record, there[0]))
        else:
            reason = "was sent more than once under this name" if there else "was not sent with it"
            missing.append(f"{shorten(path)}, named in {shorten(name)}, {reason}.")
    if not sources:
        raise InputError(f"No picture that {shorten(name)} names was sent; the first: {missing[0]}")
    _check_count(len(sources))
    unlisted = [
        _unlisted(path, name) for path, there in contents.items() for one in there if one not in named
    ]
    return sources, missing + unlisted


def _unlisted(path: str, name: str) -> str:
    return f"{shorten(path)} was sent, but {shorten(name)} does not list it."


def _with_slashes(path: Path) -> str:
    return path.as_posix().replace("\\", "/")


def _without_wrapper(names: list[str]) -> list[str]:
    """Names without the folders that all of them share."""
    while (
        names and all("/" in name for name in names) and len({name.split("/", 1)[0] for name in names}) == 1
    ):
        if names[0].split("/", 1)[0] == "list":
            break
        names = [name.split("/", 1)[1] for name in names]
    return names


def _source(record: Record, content: Callable[[], Path | bytes]) -> Source:
    labels = (record.pid, record.camid, record.clothes)
    # A list may put any folders before it, which an exported gallery may not have.
    parts = _with_slashes(record.path)[-LONGEST_NAME:].split("/")
    name = "/".join(part for part in parts if part not in ("", ".", ".."))
    name = "".join(c if c.isprintable() else "?" for c in composed(name))
    pid, camid, clothes = (
        short_label("".join(c if c.isprintable() else "?" for c in composed(label))) for label in labels
    )
    return Source(Record(Path(name), pid, camid, clothes), content)


def _itself(path: Path) -> Path:
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise InputError(f"{shorten(path.name)} has more than {MAX_BYTES // 2**20} MB; make it smaller.")
    return path


def _check_count(count: int) -> None:
    if count > MOST_PICTURES:
        raise InputError(
            f"This upload has {count:,} pictures; a gallery takes at most {MOST_PICTURES}, so leave some out."
        )
