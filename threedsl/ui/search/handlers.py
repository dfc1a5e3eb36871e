"""What happens on an event of the Search tab: plain values in, plain values out, so that no browser is needed to test
it."""

import time
from collections.abc import Mapping, Sequence

from threedsl.errors import InputError
from threedsl.ui.compare.pair import Pair, PairPhoto
from threedsl.ui.demo_galleries import Progress
from threedsl.ui.search.notices import warnings
from threedsl.ui.search.photo import Photo, read_photo
from threedsl.ui.search.query import MOST_PHOTOS, Query, add, choose, choose_area, remove
from threedsl.ui.service import Answer, Service, check_k
from threedsl.ui.uploads import path_of


def search(
    service: Service,
    upload: dict | None,
    query: Query | None,
    gallery: str,
    k: int,
    hide: Sequence[str] = (),
    before: Answer | None = None,
    session: str | None = None,
    progress: Progress | None = None,
) -> tuple[Answer, Query, float]:
    """Search with the photos on the page.

    The upload is read again where `query` is lost, or is of an earlier picture because this one could not be read.

    Returns:
        The answer, what was searched with, and the seconds it took, not counting the wait for a gallery that is
        being built.
    """
    check_k(k)
    opened = service.open_gallery(gallery, session, progress)
    start = time.perf_counter()
    query = current_query(upload, query)
    answer = service.search(query.people, opened, k, hide, before)
    return answer, query, time.perf_counter() - start


def current_query(upload: dict | None, query: Query | None) -> Query:
    """The query of the photos on the page: `query`, unless it is lost or is of an earlier picture.

    Raises:
        InputError: the upload is missing or cannot be read.
    """
    if query is None or (upload and path_of(upload) not in {photo.path for photo in query.photos}):
        return add(None, [read_photo(path_of(upload))])
    return query


def add_photos(
    service: Service, upload: dict | None, query: Query | None, more: Sequence[dict | str]
) -> Query:
    """The photos on the page and more of the same person; those of the first screen are not the visitor's.

    Raises:
        InputError: a photo cannot be read, or there would be too many; then none is added.
    """
    query = None if service.is_first(query) else query
    if upload:
        query = current_query(upload, query)
    return add(query, read_photos(more))


def is_removed(upload: dict | None, before: Query, query: Query | None) -> bool:
    """Whether the photo in the box was searched with before and no longer is."""
    had, has = ({str(photo.path) for photo in one.photos} if one else set() for one in (before, query))
    return bool(upload) and str(upload.get("path")) in had - has


def change(query: Query, told: Mapping) -> Query | None:
    """The query after a click of people_clicks.js: {photo, person}, {photo, box} or {remove}, all as text, `box` as
    four numbers with spaces between. What does not exist changes nothing.

    Raises:
        InputError: the box is not one inside the photo, or the photo is gone.
    """
    numbers = {name: int(value) for name, value in told.items() if _is_index(value)}
    if "remove" in numbers:
        return remove(query, numbers["remove"])
    if "box" in told:
        return choose_area(query, numbers.get("photo", -1), _box(told["box"]))
    return choose(query, numbers.get("photo", -1), numbers.get("person", -1))


def _is_index(value: object) -> bool:
    return isinstance(value, str) and value.isdecimal() and len(value) < 5


def _box(text: object) -> list[float]:
    try:
        return [float(part) for part in str(text)[:100].split()]
    except ValueError:
        raise InputError("Enter a whole number of pixels for each side of the area.") from None


def read_photos(uploads: Sequence[dict | str]) -> list[Photo]:
    """Every upload decoded, with the people in it.

    Raises:
        InputError: none was given, too many were, or one cannot be read; then none is taken.
    """
    paths = [path_of(upload) for upload in uploads or ()]
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise InputError(f"A search takes 1 to {MOST_PHOTOS} photos of one person; choose fewer.")
    return [read_photo(path) for path in paths]


def open_match(
    service: Service,
    gallery: str,
    query: Query | None,
    answer: Answer | None,
    index: object,
    session: str | None = None,
) -> tuple[Pair, PairPhoto, PairPhoto]:
    """The query next to a row of the gallery that was searched.

    Raises:
        InputError: the search has expired, or the gallery is gone.
    """
    if query is None or answer is None or not _is_index(str(index)):
        raise InputError("This search has expired; please search again.")
    opened, row = service.gallery(gallery, session), int(str(index))
    pair = service.compare_match(answer.body.prediction, opened, row)
    record = opened.index.records[row]
    found = PairPhoto(record.pid or record.path.name, opened.picture(row))
    return pair, PairPhoto("Your photo", query.people[0].shown, " ".join(warnings(query))), found
