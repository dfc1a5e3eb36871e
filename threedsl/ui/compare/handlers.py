"""What happens on an event of the Compare tab: plain values in, plain values out."""

from threedsl.ui.compare.pair import Pair, PairPhoto
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import Query, add
from threedsl.ui.service import Service
from threedsl.ui.uploads import path_of


def read_side(upload: dict | str | None) -> Query | None:
    """The photo of one side, with the people in it; None where there is none.

    Raises:
        InputError: it cannot be read.
    """
    return None if upload is None else add(None, [read_photo(path_of(upload))])


def current_sides(
    uploads: tuple[dict | None, dict | None], sides: tuple[Query | None, Query | None]
) -> tuple[Query, Query]:
    """Both sides; an upload is read again where its side is lost, or is of an earlier picture.

    Raises:
        InputError: a photo is missing or cannot be read.
    """
    first, second = (
        side if side and side.photos[0].path == path_of(upload) else add(None, [read_photo(path_of(upload))])
        for upload, side in zip(uploads, sides, strict=True)
    )
    return first, second


def compare_photos(
    service: Service,
    uploads: tuple[dict | None, dict | None],
    sides: tuple[Query | None, Query | None],
) -> tuple[Pair, PairPhoto, PairPhoto]:
    """The page's comparison of the chosen person of each side, as `current_sides` has them.

    Raises:
        InputError: a photo is missing, cannot be read, or has no person chosen in it.
    """
    first, second = (side.people[0] for side in current_sides(uploads, sides))
    return (
        service.compare(first, second),
        PairPhoto("First photo", first.shown, first.warning),
        PairPhoto("Second photo", second.shown, second.warning),
    )
