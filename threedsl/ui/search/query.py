"""What is searched with: photos of one person, and which person of each photo is meant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from threedsl.errors import InputError
from threedsl.ui.search.photo import PersonCrop, Photo, with_area

MOST_PHOTOS = 5  # of one person; each keeps its crops in the session
NO_ONE_CHOSEN = "No person was found in this photo; choose an area of it, or the whole image."


@dataclass(frozen=True)
class Query:
    """At least one photo; `chosen[i]` is an index into `photos[i].people`, or None where no person was found and the
    visitor has not decided what to do about it."""

    photos: tuple[Photo, ...]
    chosen: tuple[int | None, ...]

    @property
    def ready(self) -> bool:
        """Whether something is chosen in every photo."""
        return None not in self.chosen

    @property
    def people(self) -> list[PersonCrop]:
        """The chosen person of every photo.

        Raises:
            InputError: nothing is chosen in one of them.
        """
        if not self.ready:
            raise InputError(NO_ONE_CHOSEN)
        return [
            photo.people[index]
            for photo, index in zip(self.photos, self.chosen, strict=True)
            if index is not None
        ]


def add(query: Query | None, photos: Sequence[Photo]) -> Query:
    """The query with more photos, the most prominent person of each chosen, if there is any; files it already has are
    left out.

    Raises:
        InputError: there would be more than MOST_PHOTOS.
    """
    has = {photo.digest for photo in query.photos} if query else set()
    new = {photo.digest: photo for photo in photos if photo.digest not in has}
    old = query or Query((), ())
    if len(old.photos) + len(new) > MOST_PHOTOS:
        raise InputError(f"A search takes at most {MOST_PHOTOS} photos of one person; choose fewer.")
    first = [None if photo.no_person else 0 for photo in new.values()]
    return Query((*old.photos, *new.values()), (*old.chosen, *first))


def choose(query: Query, photo: int, person: int) -> Query:
    """Another person of one photo; indices that do not exist change nothing."""
    if not (0 <= photo < len(query.photos) and 0 <= person < len(query.photos[photo].people)):
        return query
    return replace(query, chosen=(*query.chosen[:photo], person, *query.chosen[photo + 1 :]))


def choose_area(query: Query, photo: int, box: object) -> Query:
    """An area of one photo, [x0, y0, x1, y1] in pixels of the upright photo; a photo that does not exist changes
    nothing.

    Raises:
        InputError: as `read_photo`.
    """
    if not 0 <= photo < len(query.photos):
        return query
    changed = with_area(query.photos[photo], box)
    photos = (*query.photos[:photo], changed, *query.photos[photo + 1 :])
    return choose(replace(query, photos=photos), photo, len(changed.people) - 2)


def remove(query: Query, photo: int) -> Query | None:
    """The query without one photo; None when it was the last."""
    kept = [i for i in range(len(query.photos)) if i != photo]
    if not kept:
        return None
    return Query(tuple(query.photos[i] for i in kept), tuple(query.chosen[i] for i in kept))
