"""Building, showing, exporting and deleting a visitor's galleries: plain values in, plain values out."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np

from threedsl.data.contents import repeated
from threedsl.data.images import MIN_SIDE, Limits, load_image
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.gallery.archive import LONGEST_LABEL, TooMuch, shorten
from threedsl.gallery.exchange import most_pictures_in, read_exported, write_exported
from threedsl.gallery.upload import MOST_PICTURES, Source, Upload, open_upload
from threedsl.people import query_box, whole_picture
from threedsl.ui.demo_galleries import THUMBNAIL, OpenGallery, Progress
from threedsl.ui.pictures import data_uri, fit, jpeg
from threedsl.ui.security.written import note
from threedsl.ui.service import Service
from threedsl.ui.sessions import Building, Session, clean_title, one_line
from threedsl.ui.uploads import files_of

AT_A_TIME = 8  # pictures between two checks that the visitor is still waiting
MOST_SECONDS = 600  # of one build
READERS = 2
SAME = 1e-4  # between the descriptors of one picture; those of two differ by a hundred times more


@dataclass(frozen=True)
class Built:
    """A gallery that was just made, and a sentence for every file it does not hold."""

    gallery: OpenGallery
    left_out: list[str]
    imported: bool = False
    copies: tuple[str, ...] = ()  # sentences about pictures that it holds more than once


@dataclass(frozen=True)
class _ReadPicture:
    source: Source
    digest: bytes  # of the file
    crop: np.ndarray  # RGB uint8 of the model's input size
    thumbnail: str  # data URI
    box: tuple[int, int, int, int] | None


def build(
    service: Service,
    uploads: object,
    title: str | None,
    session: Session,
    progress: Progress | None = None,
) -> Built:
    """Make a gallery of what a visitor brings, or import one exported earlier.

    session: whose it will be; None for the API.

    Raises:
        InputError: nothing usable, too much of it, or no room; then nothing of it is kept.
    """
    with open_upload(files_of(uploads)) as upload:
        title = clean_title(title or upload.title)
        exported = upload.exported
        pictures = min(MOST_PICTURES, most_pictures_in(exported)) if exported else len(upload.sources)
        with service.visitors.building(session, pictures) as ticket:
            if exported is not None:
                return _import(service, upload, title, ticket)
            return _describe(service, upload, title, ticket, progress)


def _describe(
    service: Service, upload: Upload, title: str, ticket: Building, progress: Progress | None
) -> Built:
    read, left_out, parts = [], list(upload.left_out), []
    started, total = time.monotonic(), len(upload.sources)
    look = partial(_read, find=not upload.crops, size=service.model.input_size)
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, total, AT_A_TIME):
            if progress is not None:
                progress((start, total), desc="Processing the pictures")
            ticket.check()
            if time.monotonic() - started > MOST_SECONDS:
                raise InputError("These pictures take too long to read; send fewer, or smaller ones.")
            good = []
            for found in readers.map(look, upload.sources[start : start + AT_A_TIME]):
                if isinstance(found, TooMuch):
                    raise found
                if isinstance(found, InputError):
                    left_out.append(str(found))
                else:
                    good.append(found)
            if good:
                parts.append(service.describe([one.crop for one in good]))
                read += good
    if not read:
        several = f"None of the {total} pictures can be read; the first: " if total > 1 else ""
        raise InputError(several + left_out[-total])
    index = Gallery(
        [one.source.record for one in read],
        np.concatenate([part.appearance for part in parts]),
        np.concatenate([part.shape for part in parts]),
        service.model.fingerprint,
        boxes=[one.box for one in read],
        shape_share=service.model.config.shape_share,
    )
    gallery = service.visitors.create(ticket, title, index, [one.thumbnail for one in read])
    return Built(gallery, left_out, copies=copies_in(index.records, [one.digest for one in read]))


def _read(source: Source, find: bool, size: tuple[int, int]) -> _ReadPicture | InputError:
    """One picture as the model and the page need it, or why not, so that the others go on."""
    try:
        content, name = source.content(), shorten(source.record.path.as_posix())
        image = load_image(content, name, Limits(packed=False))
    except InputError as error:
        return error
    box = query_box(image)[0] if find else whole_picture(image)
    crop = box.crop(image)
    return _ReadPicture(
        source,
        hashlib.sha256(content if isinstance(content, bytes) else content.read_bytes()).digest(),
        resize_crop(crop, size),
        data_uri(jpeg(thumbnail(crop))),
        None if box.whole else (box.x0, box.y0, box.x1, box.y1),
    )


def thumbnail(crop: np.ndarray) -> np.ndarray:
    """A crop RGB uint8 (H, W, 3) small enough to keep; the short side of a strip stays readable."""
    least = MIN_SIDE / min(crop.shape[:2])
    height, width = (ceil(least * length) for length in crop.shape[:2])
    return fit(crop, max(THUMBNAIL[0], height), max(THUMBNAIL[1], width))


def _import(service: Service, upload: Upload, title: str, ticket: Building) -> Built:
    config = service.model.config
    widths = config.descriptor, config.shape_width
    model = service.model
    exported = read_exported(
        upload.exported, model.fingerprint, widths, MOST_PICTURES, model.config.shape_share
    )
    thumbnails = [data_uri(jpeg(thumbnail(picture))) for picture in exported.thumbnails]
    title = title if title != clean_title(upload.title) else exported.title or title
    gallery = service.visitors.create(ticket, title, exported.gallery, thumbnails)
    # The files themselves are not exported; the same picture has the same descriptors.
    described = np.hstack([exported.gallery.appearance, exported.gallery.shape])
    copies = copies_in(exported.gallery.records, first_equals(described))
    return Built(gallery, upload.left_out, imported=True, copies=copies)


def first_equals(descriptors: np.ndarray) -> list[int]:
    """For each of N rows the first one that equals it but for float error, as one picture's do in two batches."""
    return [
        int(np.argmax(np.abs(descriptors[: i + 1] - row).max(1) < SAME)) for i, row in enumerate(descriptors)
    ]


def copies_in(records: Sequence[Record], contents: Sequence[bytes] | Sequence[int]) -> tuple[str, ...]:
    """Sentences about pictures that are there more than once. contents: equal where two pictures are the same."""
    numbers = {content: number for number, content in enumerate(dict.fromkeys(contents))}
    ids = np.array([numbers[content] for content in contents], np.int64)
    shown = [replace(record, path=Path(shorten(record.path.as_posix()))) for record in records]
    return tuple(repeated(shown, ids, "the gallery"))


def export(service: Service, name: str, session: Session) -> str:
    """Write a visitor's gallery to a zip among the files that are swept, in a folder with an unguessable name.

    Returns its path.

    Raises:
        InputError: it is unknown, or another visitor's.
    """
    gallery = own_gallery(service, name, session)
    folder = service.files / f"export-{secrets.token_hex(16)}"
    path = folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', gallery.title).strip('-') or 'gallery'}.zip"
    thumbnails = [base64.b64decode(uri.partition(",")[2]) for uri in gallery.thumbnails]
    service.visitors.exported(session, gallery.name, folder)
    note(folder)
    write_exported(path, gallery.title, gallery.index, thumbnails)
    own_gallery(
        service, name, session
    )  # it may have been deleted since, and with it what was there of the file
    return str(path)


def own_gallery(service: Service, name: str | None, session: Session) -> OpenGallery:
    """One of the visitor's own; InputError for any other."""
    if not name:
        raise InputError("Choose one of your galleries first, or build one.")
    return service.visitors.get(session, name)


def name_people(service: Service, name: str | None, session: Session, names: object) -> OpenGallery:
    """Write who is in the pictures of a visitor's gallery.

    names: row of the picture, as text, to a person's name, "" if unknown. Rows that are not named stay as they are.

    Raises:
        InputError: the gallery is unknown, another visitor's, or has no such picture.
    """
    gallery = own_gallery(service, name, session)
    records = list(gallery.index.records)
    for row, person in names.items() if isinstance(names, dict) else ():
        if not (isinstance(row, str) and row.isdecimal() and len(row) < 7 and int(row) < len(records)):
            raise InputError(
                "The pictures in this gallery have changed; choose it again and enter the names there."
            )
        records[int(row)] = replace(records[int(row)], pid=one_line(person, LONGEST_LABEL))
    old = gallery.index
    index = Gallery(records, old.appearance, old.shape, old.fingerprint, old.kind, old.boxes, old.shape_share)
    return service.visitors.replace(session, gallery.name, index)


def people_in(gallery: OpenGallery) -> int:
    """How many people its labels name."""
    return len({record.pid for record in gallery.index.records if record.pid})


def bytes_of(gallery: OpenGallery) -> int:
    """What it takes of the server's memory: descriptors and thumbnails."""
    index = gallery.index
    return index.appearance.nbytes + index.shape.nbytes + sum(map(len, gallery.thumbnails))
