"""What a running page has: one model, its galleries, and the functions the handlers call. No Gradio in here."""

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.demo import DemoGallery
from threedsl.errors import InputError
from threedsl.pipeline import ThreeDSL
from threedsl.ui.answer import Body, Prediction, Stopwatch, draw_body, predict, rank
from threedsl.ui.cards import Card
from threedsl.ui.gpu import on_gpu, on_zero_gpu
from threedsl.ui.people import CROP_HEIGHT, Person
from threedsl.ui.pictures import jpeg
from threedsl.ui.shelf import Shelf

GPU_SECONDS = 20  # longest borrowing for one query on ZeroGPU
MOST_MATCHES = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """Everything one query shows."""

    rows: dict[str, list[Card]]
    body: Body
    laps: dict[str, float]  # seconds per step


class Service:
    """Answers queries about crops; holds nothing of any visitor."""

    def __init__(
        self, model: ThreeDSL, demos: Mapping[str, DemoGallery], files: Path, cache: Path | None = None
    ):
        """`files` is where GLB files go: a folder that is swept."""
        self.model = model
        self.shelf = Shelf(model, demos, cache)
        self.files = files
        self._predict = on_gpu(GPU_SECONDS)(self._predict_here)

    def warm_up(self) -> None:
        """Open every gallery and run once through a query, in a background thread beside the page.

        Not on ZeroGPU, where a GPU exists only within a request.
        """
        if not on_zero_gpu():
            threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        grey = Person("", np.full((CROP_HEIGHT, CROP_HEIGHT // 2, 3), 128, np.uint8), (0, 0, 1, 1))
        for name in self.shelf.demos:
            try:
                Path(self.search(grey, name, 1).body.glb).unlink()
            except Exception:
                log.exception("gallery %s could not be prepared", name)

    def _predict_here(self, crop: np.ndarray) -> Prediction:
        return predict(self.model, crop)

    def search(self, person: Person, gallery: str, k: int, digest: str = "") -> Answer:
        """Rankings and body of one crop.

        Raises:
            InputError: unknown gallery or k out of range.
        """
        k = check_k(k)
        opened = self.shelf.get(gallery)
        watch = Stopwatch()
        prediction = self._predict(person.crop)
        watch.lap("network")
        rows = rank(prediction, opened, k, opened.known.get(digest))
        watch.lap("ranking")
        body = draw_body(prediction, person.crop, self.files, watch)
        return Answer(rows, body, watch.laps)

    def rank(self, person: Person, gallery: str, k: int, digest: str = "") -> dict[str, list[Card]]:
        """Rankings of one crop without drawing its body; raises as `search` does."""
        opened, k = self.shelf.get(gallery), check_k(k)
        return rank(self._predict(person.crop), opened, k, opened.known.get(digest))

    def reconstruct(self, person: Person) -> Body:
        """The body of one crop."""
        return draw_body(self._predict(person.crop), person.crop, self.files, Stopwatch())

    def write_picture(self, image: np.ndarray) -> str:
        """A JPEG among the files that are swept, under a name nobody can guess; returns its path."""
        self.files.mkdir(parents=True, exist_ok=True)
        path = self.files / f"overlay-{secrets.token_hex(12)}.jpg"
        path.write_bytes(jpeg(image))
        return str(path)


def check_k(k: object) -> int:
    """k as an int from 1 to 20.

    Raises:
        InputError: it is not.
    """
    is_number = isinstance(k, int | float) and not isinstance(k, bool)
    if not is_number or not 1 <= k <= MOST_MATCHES or k != int(k):
        raise InputError(f"k must be a whole number from 1 to {MOST_MATCHES}, not {k!r}.")
    return int(k)
