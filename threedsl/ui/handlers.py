"""What happens on an event: plain values in, plain values out, so that no browser is needed to test it."""

import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

from threedsl.errors import InputError
from threedsl.ui.answer import reconstruction, results
from threedsl.ui.pair import Pair, Shot
from threedsl.ui.people import Person, Photo, read_crop, read_photo
from threedsl.ui.query import MOST_PHOTOS, Asked, Query, add
from threedsl.ui.service import Answer, Service, Shown, check_k
from threedsl.ui.shelf import OpenGallery

Progress = Callable[..., object]  # called as progress((done, total), desc=sentence)


def path_of(upload: dict | str | None) -> Path:
    """The file behind an upload: a path, or Gradio's file as a dict.

    Raises:
        InputError: there is none, or it has been deleted since.
    """
    path = upload.get("path") if isinstance(upload, dict) else upload
    if not path:
        raise InputError("Add a photo first: upload one, paste one or take one.")
    if not Path(path).is_file():
        raise InputError("This photo has been deleted in the meantime; add it again.")
    return Path(path)


def answer_photo(
    service: Service,
    upload: dict | None,
    photo: Photo | None,
    chosen: int,
    gallery: str,
    k: int,
    progress: Progress | None = None,
) -> tuple[Answer, float]:
    """`answer_query` for one photo; read from the upload where it is None."""
    query = None if photo is None else Query((photo,), (chosen if 0 <= chosen < len(photo.people) else 0,))
    answer, _, seconds = answer_query(service, upload, query, gallery, k, progress=progress)
    return answer, seconds


def answer_query(
    service: Service,
    upload: dict | None,
    query: Query | None,
    gallery: str,
    k: int,
    hide: Sequence[str] = (),
    before: Shown | None = None,
    session: str | None = None,
    progress: Progress | None = None,
) -> tuple[Answer, Query, float]:
    """The page's search.

    The upload is read again where `query` is lost, or belongs to the picture before an unreadable one.

    Returns:
        The answer, what was searched with, and the seconds it took, not counting the wait for a gallery that is
        being built.
    """
    check_k(k)
    opened = open_gallery(service, gallery, session, progress)
    start = time.perf_counter()
    if query is None or (upload and path_of(upload) not in {photo.path for photo in query.photos}):
        query = add(None, [read_photo(path_of(upload))])
    answer = service.answer(query.asked, opened, k, hide, before)
    return answer, query, time.perf_counter() - start


def search(
    service: Service,
    photo: str | None,
    gallery: str,
    k: int,
    box: list[float] | None = None,
    progress: Progress | None = None,
    photos: Sequence[str] | None = None,
) -> dict:
    """The API's search: a photo file, and perhaps more of the same person, in; JSON out."""
    check_k(k)
    path = path_of(photo)
    others = [path_of(other) for other in photos or ()]
    if 1 + len(others) > MOST_PHOTOS:
        raise InputError(f"A search takes at most {MOST_PHOTOS} photos of one person; choose fewer.")
    open_gallery(service, gallery, None, progress)
    start = time.perf_counter()
    person, read = read_crop(path, box)
    more = [read_crop(other) for other in others]
    rows = service.rank(person, gallery, k, read.digest, [Asked(one, photo.digest) for one, photo in more])
    answer = {
        "query": describe(person, read),
        "more": [describe(one, photo) for one, photo in more],
        "gallery": gallery,
        "results": results(rows),
    }
    return answer | {"seconds": round(time.perf_counter() - start, 3)}


def reconstruct(service: Service, photo: str | None, box: list[float] | None = None) -> tuple[dict, str, str]:
    """The API's reconstruction: a photo file in; JSON, path of the GLB and path of the overlay out."""
    start = time.perf_counter()
    person, read = read_crop(path_of(photo), box)
    body = service.reconstruct(person)
    report = reconstruction(body.prediction) | {"query": describe(person, read)}
    overlay = service.write_picture(body.overlay)
    return report | {"seconds": round(time.perf_counter() - start, 3)}, body.glb, overlay


def read_photos(uploads: Sequence[dict | str]) -> list[Photo]:
    """Every upload decoded, with the people in it.

    Raises:
        InputError: none was given, too many were, or one cannot be read; then none is taken.
    """
    paths = [path_of(upload) for upload in uploads]
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise InputError(f"A search takes 1 to {MOST_PHOTOS} photos of one person; choose fewer.")
    return [read_photo(path) for path in paths]


def open_match(
    service: Service,
    gallery: str,
    query: Query | None,
    shown: Shown | None,
    index: object,
    session: str | None = None,
) -> tuple[Pair, Shot, Shot]:
    """The query beside a row of the gallery that was searched.

    Raises:
        InputError: the session has forgotten the search, or the gallery is gone.
    """
    if query is None or shown is None or not str(index).isdecimal():
        raise InputError("This search has been forgotten in the meantime; search again.")
    opened, row = service.gallery(gallery, session), int(str(index))
    pair = service.compare_match(shown.body.prediction, opened, row)
    record = opened.index.records[row]
    found = Shot(record.pid or record.path.name, opened.picture(row))
    return pair, Shot("Your photo", query.asked[0].person.crop), found


def describe(person: Person, photo: Photo) -> dict:
    """What was searched with, as JSON; boxes are [x0, y0, x1, y1] in pixels of the upright photo of `size`."""
    return {
        "box": list(person.box),
        "people": [list(other.box) for other in photo.people if not other.whole],
        "size": list(photo.size),
        "notice": photo.notice,
    }


def open_gallery(
    service: Service, gallery: str, session: str | None, progress: Progress | None
) -> OpenGallery:
    """The gallery of this name, waiting for its first build where that is still going on.

    Raises:
        InputError: the gallery is unknown, or belongs to another visitor.
    """
    if gallery in service.shelf.demos:
        wait_for_gallery(service, gallery, progress)
    return service.gallery(gallery, session)


def wait_for_gallery(service: Service, gallery: str, progress: Progress | None, poll: float = 0.2) -> None:
    """Return once the gallery is open, telling `progress` how far its first build has come.

    Raises:
        InputError: the gallery is unknown.
    """
    if service.shelf.is_open(gallery):
        return
    # ZeroGPU finds the visitor's quota in the context of the request, so the thread has to inherit it.
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(context.run, service.shelf.get, gallery)
        while True:
            try:
                opening.result(timeout=poll)
                return
            except NotYet:
                if progress is not None:
                    progress(service.shelf.progress(gallery), desc="Preparing the gallery, once")
