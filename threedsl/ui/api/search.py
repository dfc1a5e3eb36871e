"""The endpoint /search: its signature and docstring are its schema, and below it is what it returns."""

import time
from collections.abc import Sequence

import gradio as gr

from threedsl.errors import InputError
from threedsl.ui.api.endpoint import endpoint
from threedsl.ui.api.photo import box_input, photo_as_json, photo_input, taken, whole_input
from threedsl.ui.demo_galleries import Progress
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import MOST_PHOTOS
from threedsl.ui.search.rankings import RankedMatch
from threedsl.ui.service import MOST_MATCHES, Service, check_k
from threedsl.ui.uploads import path_of


def add_search_endpoint(service: Service, limits: dict) -> None:
    """Register the endpoint on the Blocks being built; `limits` are its concurrency arguments."""

    @endpoint
    def search(photo, gallery, k, box=None, photos=None, whole=False, progress=gr.Progress()):
        """Rank a gallery by appearance, by 3D body shape and by both, for the person in a photo.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 64 MB.
            gallery: name of a gallery.
            k: matches per ranking, 1 to 20.
            box: optional [x0, y0, x1, y1] in pixels of the upright photo; without it the most prominent person is
                taken; a photo where no person is found is an error.
            photos: optional list of up to 4 more picture files of the same person, whose most prominent people count
                as much as the first.
            whole: true to use the whole of every picture instead of a person; a box comes before it.

        Returns:
            query (box, people found, size of the photo, notice), more (the same for each of photos), gallery, results
            (appearance, shape, combined: lists of rank, person, picture, score, same_person, which is null where the
            identity is unknown, same_share: the share of measured pairs with this score that were one person, null
            where it was not measured, and other_ranks: the same picture's rank in the other lists) and seconds.
        """
        return search_as_json(service, photo, gallery, k, box, progress, photos, whole)

    names = list(service.shelf.demos)
    gr.Button(visible=False).click(
        search,
        [
            photo_input(),
            gr.Textbox(names[0], label="gallery", visible=False),
            gr.Number(5, label=f"k (1 to {MOST_MATCHES})", visible=False),
            box_input(),
            gr.File(label="photos", file_count="multiple", visible=False),
            whole_input(),
        ],
        gr.JSON(label="answer", visible=False),
        api_name="search",
        **limits,
    )


def search_as_json(
    service: Service,
    photo: str | None,
    gallery: str,
    k: int,
    box: list[float] | None = None,
    progress: Progress | None = None,
    photos: Sequence[str] | None = None,
    whole: bool = False,
) -> dict:
    """Search with a photo file, and perhaps more of the same person."""
    check_k(k)
    path = path_of(photo)
    others = [path_of(other) for other in photos or ()]
    if 1 + len(others) > MOST_PHOTOS:
        raise InputError(f"A search takes at most {MOST_PHOTOS} photos of one person; choose fewer.")
    opened = service.open_gallery(gallery, None, progress)
    start = time.perf_counter()
    read = [read_photo(path, box), *map(read_photo, others)]
    people = [taken(photo, whole) for photo in read]
    answer = service.search(people, opened, k, bodies=False)
    query, *more = map(photo_as_json, read, people)
    return {
        "query": query,
        "more": more,
        "gallery": gallery,
        "results": matches_as_json(answer.rows),
        "seconds": round(time.perf_counter() - start, 3),
    }


def matches_as_json(rows: dict[str, list[RankedMatch]]) -> dict[str, list[dict]]:
    """The rows as plain JSON, best first."""
    return {
        stream: [
            {
                "rank": card.rank,
                "person": card.person,
                "picture": card.picture,
                "score": round(card.score, 6),
                "same_person": card.same_person,
                "same_share": None if card.same_share is None else round(card.same_share, 4),
                "other_ranks": dict(card.other_ranks),
            }
            for card in cards
        ]
        for stream, cards in rows.items()
    }
