"""What happens on an event: plain values in, plain values out, so that no browser is needed to test it."""

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

from threedsl.errors import InputError
from threedsl.ui.answer import reconstruction, results
from threedsl.ui.people import Person, Photo, read_crop, read_photo
from threedsl.ui.service import Answer, Service, check_k

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
    """The page's search for the chosen person of `photo`.

    The upload is read again where `photo` is lost, or belongs to the picture before an unreadable one.

    Returns:
        The answer and the seconds it took, not counting the wait for a gallery that is being built.
    """
    check_k(k)
    wait_for_gallery(service, gallery, progress)
    start = time.perf_counter()
    path = path_of(upload)
    if photo is None or photo.path != path:
        photo, chosen = read_photo(path), 0
    person = photo.people[chosen if 0 <= chosen < len(photo.people) else 0]
    answer = service.search(person, gallery, k, photo.digest)
    return answer, time.perf_counter() - start


def search(
    service: Service,
    photo: str | None,
    gallery: str,
    k: int,
    box: list[float] | None = None,
    progress: Progress | None = None,
) -> dict:
    """The API's search: a photo file in, JSON out."""
    check_k(k)
    path = path_of(photo)
    wait_for_gallery(service, gallery, progress)
    start = time.perf_counter()
    person, read = read_crop(path, box)
    rows = service.rank(person, gallery, k, read.digest)
    return {
        "query": describe(person, read),
        "gallery": gallery,
        "results": results(rows),
        "seconds": round(time.perf_counter() - start, 3),
    }


def reconstruct(service: Service, photo: str | None, box: list[float] | None = None) -> tuple[dict, str, str]:
    """The API's reconstruction: a photo file in; JSON, path of the GLB and path of the overlay out."""
    start = time.perf_counter()
    person, read = read_crop(path_of(photo), box)
    body = service.reconstruct(person)
    report = reconstruction(body.prediction) | {"query": describe(person, read)}
    overlay = service.write_picture(body.overlay)
    return report | {"seconds": round(time.perf_counter() - start, 3)}, body.glb, overlay


def describe(person: Person, photo: Photo) -> dict:
    """What was searched with, as JSON; boxes are [x0, y0, x1, y1] in pixels of the upright photo of `size`."""
    return {
        "box": list(person.box),
        "people": [list(other.box) for other in photo.people if not other.whole],
        "size": list(photo.size),
        "notice": photo.notice,
    }


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
