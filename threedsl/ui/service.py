"""What a running page has: one model, its galleries, and the functions the handlers call. No Gradio in here."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from threedsl.calibration import Calibration
from threedsl.comparison import merge
from threedsl.demo import DemoGallery
from threedsl.errors import InputError
from threedsl.pipeline import Output, ThreeDSL
from threedsl.ui.answer import (
    Body,
    Look,
    Prediction,
    Ranking,
    Stopwatch,
    look,
    predict,
    rank,
    show_bodies,
    together,
)
from threedsl.ui.cards import Card
from threedsl.ui.filters import Filter, filters, hidden_rows
from threedsl.ui.gpu import on_gpu, on_zero_gpu
from threedsl.ui.pair import Pair, make_pair
from threedsl.ui.people import CROP_HEIGHT, Person
from threedsl.ui.pictures import jpeg, new_file
from threedsl.ui.query import Asked
from threedsl.ui.shelf import OpenGallery, Shelf
from threedsl.ui.visitors import BUILT, OWN, Visitors

GPU_SECONDS = 20  # longest borrowing for one query on ZeroGPU
MOST_MATCHES = 20
DEMO_BODIES = 32  # of the demo galleries that are kept ready for the next visitor who opens the same match

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """What a session keeps of its last search, so that nothing is computed twice."""

    keys: tuple[tuple[str, int], ...]  # of the people searched with
    looks: dict[tuple[str, int], Look]
    body: Body
    ranking: Ranking


@dataclass(frozen=True)
class Answer:
    """Everything one query shows."""

    shown: Shown
    filters: dict[str, Filter]
    laps: dict[str, float]  # seconds per step

    @property
    def rows(self) -> dict[str, list[Card]]:
        """The best matches by every stream."""
        return self.shown.ranking.rows

    @property
    def body(self) -> Body:
        """The body of every chosen person."""
        return self.shown.body


class Service:
    """Answers queries about crops; `visitors` alone holds anything of theirs."""

    def __init__(
        self, model: ThreeDSL, demos: Mapping[str, DemoGallery], files: Path, cache: Path | None = None
    ):
        """`files` is where GLB files go: a folder that is swept."""
        self.model = model
        self.shelf = Shelf(model, demos, cache)
        self.visitors = Visitors()
        self.files = files
        self.calibration = Calibration.read(model.checkpoint_folder)
        self._predict = on_gpu(GPU_SECONDS)(self._predict_here)
        self._describe = on_gpu(GPU_SECONDS)(self._describe_here)
        self._of_demo = lru_cache(maxsize=DEMO_BODIES)(self._predict_of_demo)

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

    def _predict_here(self, crops: list[np.ndarray]) -> list[Prediction]:
        return predict(self.model, crops)

    def _describe_here(self, crops: list[np.ndarray]) -> Output:
        return self.model(crops, bodies=False)

    def gallery(self, name: str, session: str | None = None) -> OpenGallery:
        """The gallery of this name that `session` (gr.Request.session_hash; None for the API) may use: a demo
        gallery, one of the visitor's own, or one built through the API, whose name nobody can guess.

        Raises:
            InputError: there is none, or it is another visitor's, in the same words.
        """
        if isinstance(name, str) and name.startswith((OWN, BUILT)):
            return self.visitors.get(session, name)
        return self.shelf.get(name if isinstance(name, str) else str(name))

    def describe(self, crops: list[np.ndarray]) -> Output:
        """Descriptors of crops, RGB uint8 (H, W, 3), without their bodies."""
        return self._describe(crops)

    def search(self, person: Person, gallery: str, k: int, digest: str = "") -> Answer:
        """Rankings and body of one crop; raises as `answer` does, and for an unknown gallery."""
        return self.answer([Asked(person, digest)], self.gallery(gallery), k)

    def answer(
        self,
        asked: Sequence[Asked],
        opened: OpenGallery,
        k: int,
        hide: Sequence[str] = (),
        before: Shown | None = None,
    ) -> Answer:
        """Rankings and bodies of one person's crops, which go through the network together.

        hide: which of the filters "clothes" and "camera" to use. before: the session's last search; crops that it
        has seen are not computed again.

        Raises:
            InputError: no crop, or k out of range.
        """
        k = check_k(k)
        watch = Stopwatch()
        looks = {one.key: before.looks[one.key] for one in asked if before and one.key in before.looks}
        new = {one.key: one for one in asked if one.key not in looks}
        predictions = self._predict([one.person.crop for one in new.values()]) if new else []
        watch.lap("network")
        for one, prediction in zip(new.values(), predictions, strict=True):
            looks[one.key] = look(prediction, one.person.crop, watch)
        keys = tuple(one.key for one in asked)
        if before and keys == before.keys and Path(before.body.glb).is_file():
            body = before.body
        else:
            chosen = [looks[key] for key in keys]
            merged = together(self.model, [one.prediction for one in chosen])
            body = show_bodies(chosen, merged, self.files, watch)
        digests = [one.digest for one in asked]
        found = filters(opened.index.records, opened.known, digests)
        ranking = rank(
            body.prediction.output,
            opened,
            k,
            one_person(opened, digests),
            hidden_rows(found, hide),
            self.calibration,
        )
        watch.lap("ranking")
        return Answer(Shown(keys, looks, body, ranking), found, watch.laps)

    def rank(
        self, person: Person, gallery: str, k: int, digest: str = "", more: Sequence[Asked] = ()
    ) -> dict[str, list[Card]]:
        """Rankings without bodies of one crop, or of one and more of the same person; raises as `search` does."""
        opened, k = self.gallery(gallery), check_k(k)
        asked = [Asked(person, digest), *more]
        output = merge([self._describe([one.person.crop for one in asked])])
        person = one_person(opened, [one.digest for one in asked])
        return rank(output, opened, k, person, calibration=self.calibration).rows

    def reconstruct(self, person: Person) -> Body:
        """The body of one crop."""
        watch = Stopwatch()
        (prediction,) = self._predict([person.crop])
        return show_bodies([look(prediction, person.crop, watch)], prediction, self.files, watch)

    def compare(self, first: Person, second: Person) -> Pair:
        """Two crops side by side, from one forward pass."""
        return make_pair(self.model, *self._predict([first.crop, second.crop]), self.files, self.calibration)

    def compare_match(self, query: Prediction, opened: OpenGallery, index: int) -> Pair:
        """The query beside a picture of a gallery.

        Raises:
            InputError: the gallery has no such row.
        """
        if not 0 <= index < len(opened.index):
            raise InputError("This picture is not in the gallery any more; search again.")
        if opened.name in self.shelf.demos:
            match = self._of_demo(opened.name, index)
        else:
            (match,) = self._predict([opened.picture(index)])
        return make_pair(self.model, query, match, self.files, self.calibration)

    def _predict_of_demo(self, name: str, index: int) -> Prediction:
        (prediction,) = self._predict([self.shelf.get(name).picture(index)])
        return prediction

    def write_picture(self, image: np.ndarray) -> str:
        """A JPEG among the files that are swept, under a name nobody can guess; returns its path."""
        path = new_file(self.files, "overlay.jpg")
        path.write_bytes(jpeg(image))
        return str(path)


def one_person(opened: OpenGallery, digests: Sequence[str]) -> str | None:
    """Who photos with these digests show, where the gallery knows all of them and they agree."""
    people = {opened.known[digest].pid if digest in opened.known else None for digest in digests}
    return people.pop() if len(people) == 1 else None


def check_k(k: object) -> int:
    """k as an int from 1 to 20.

    Raises:
        InputError: it is not.
    """
    is_number = isinstance(k, int | float) and not isinstance(k, bool)
    if not is_number or not 1 <= k <= MOST_MATCHES or k != int(k):
        raise InputError(f"k must be a whole number from 1 to {MOST_MATCHES}, not {k!r}.")
    return int(k)
