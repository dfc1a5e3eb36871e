"""What happens when two photos are compared: plain values in, plain values out."""

import time

from threedsl.ui.handlers import describe, path_of
from threedsl.ui.pair import Pair, Shot, as_json
from threedsl.ui.people import read_crop, read_photo
from threedsl.ui.query import Query, add
from threedsl.ui.service import Service


def read_side(upload: dict | str | None) -> Query | None:
    """The photo of one side, with the people in it; None where there is none.

    Raises:
        InputError: it cannot be read.
    """
    return None if upload is None else add(None, [read_photo(path_of(upload))])


def compare_photos(
    service: Service,
    uploads: tuple[dict | None, dict | None],
    sides: tuple[Query | None, Query | None],
) -> tuple[Pair, Shot, Shot]:
    """The page's comparison of the chosen person of each side.

    An upload is read again where its side is lost, or belongs to the picture before an unreadable one.

    Raises:
        InputError: a photo is missing or cannot be read.
    """
    first, second = (
        side if side and side.photos[0].path == path_of(upload) else read_side(path_of(upload))
        for upload, side in zip(uploads, sides, strict=True)
    )
    people = [side.asked[0].person for side in (first, second)]
    pair = service.compare(*people)
    return pair, Shot("First photo", people[0].crop), Shot("Second photo", people[1].crop)


def compare(
    service: Service,
    photo: str | None,
    other: str | None,
    box: list[float] | None = None,
    other_box: list[float] | None = None,
) -> tuple[dict, str, str]:
    """The API's comparison: two photo files in; JSON, path of the GLB with both bodies and path of the GLB with their
    differences out."""
    start = time.perf_counter()
    first, second = path_of(photo), path_of(other)
    (person, read), (other_person, other_read) = read_crop(first, box), read_crop(second, other_box)
    pair = service.compare(person, other_person)
    answer = as_json(pair) | {
        "photo": describe(person, read),
        "other": describe(other_person, other_read),
    }
    return answer | {"seconds": round(time.perf_counter() - start, 3)}, pair.glb, pair.heat_glb
