"""What a visitor searches with: photos of one person, and who of each photo is meant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from threedsl.errors import InputError
from threedsl.ui.people import Person, Photo

MOST_PHOTOS = 5  # of one person; each keeps its crops in the session


@dataclass(frozen=True)
class Asked:
    """One person of one photo."""

    person: Person
    digest: str = ""  # sha256 of the photo's file
    key: tuple[str, int] = ("", 0)  # the photo's path and the person's index in it


@dataclass(frozen=True)
class Query:
    """At least one photo; `chosen[i]` is an index into `photos[i].people`."""

    photos: tuple[Photo, ...]
    chosen: tuple[int, ...]

    @property
    def asked(self) -> list[Asked]:
        """The chosen person of every photo."""
        return [
            Asked(photo.people[index], photo.digest, (str(photo.path), index))
            for photo, index in zip(self.photos, self.chosen, strict=True)
        ]

    @property
    def notices(self) -> list[str]:
        """Sentences that help to choose who of a photo is meant."""
        return self._sentences(nobody=False)

    @property
    def warnings(self) -> list[str]:
        """Sentences about photos in which nobody was found, so that what follows means little."""
        return self._sentences(nobody=True)

    def _sentences(self, nobody: bool) -> list[str]:
        many = len(self.photos) > 1
        return [
            f"Photo {i}: {photo.notice}" if many else photo.notice
            for i, photo in enumerate(self.photos, 1)
            if photo.notice and photo.nobody == nobody
        ]


def add(query: Query | None, photos: Sequence[Photo]) -> Query:
    """The query with more photos, the most prominent person of each chosen; files it already has are left out.

    Raises:
        InputError: there would be more than MOST_PHOTOS.
    """
    has = {photo.digest for photo in query.photos} if query else set()
    new = {photo.digest: photo for photo in photos if photo.digest not in has}
    old = query or Query((), ())
    if len(old.photos) + len(new) > MOST_PHOTOS:
        raise InputError(f"A search takes at most {MOST_PHOTOS} photos of one person; choose fewer.")
    return Query((*old.photos, *new.values()), (*old.chosen, *[0] * len(new)))


def choose(query: Query, photo: int, person: int) -> Query:
    """Another person of one photo; indices that do not exist change nothing."""
    if not (0 <= photo < len(query.photos) and 0 <= person < len(query.photos[photo].people)):
        return query
    return replace(query, chosen=(*query.chosen[:photo], person, *query.chosen[photo + 1 :]))


def remove(query: Query, photo: int) -> Query | None:
    """The query without one photo; None when it was the last."""
    kept = [i for i in range(len(query.photos)) if i != photo]
    if not kept:
        return None
    return Query(tuple(query.photos[i] for i in kept), tuple(query.chosen[i] for i in kept))
