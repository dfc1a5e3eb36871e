"""What a running page has: one model, its galleries, and the functions the handlers call. No Gradio in here."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from threedsl.calibration import Calibration
from threedsl.descriptors import STREAMS, merge
from threedsl.errors import InputError
from threedsl.gallery.demo import DemoGallery
from threedsl.gallery.example_ranks import read_example_ranks
from threedsl.pipeline import Output, ThreeDSL
from threedsl.ui.compare.pair import Pair, make_pair
from threedsl.ui.compare.verdict import spread_sentence
from threedsl.ui.demo_galleries import OpenGallery, Progress, Shelf
from threedsl.ui.examples.choice import Example
from threedsl.ui.gpu import on_gpu, on_zero_gpu
from threedsl.ui.pictures import jpeg, new_file
from threedsl.ui.prediction import Prediction, merge_predictions, predict
from threedsl.ui.search.filters import Filter, filters, hidden_rows
from threedsl.ui.search.photo import CROP_HEIGHT, Key, PersonCrop, read_photo
from threedsl.ui.search.query import Query, add
from threedsl.ui.search.rankings import RankedMatch, Rankings, one_person, rank
from threedsl.ui.search.reconstruction import (
    Reconstruction,
    draw_everyone,
    join,
    reconstruct,
    write_body,
)
from threedsl.ui.security.limits import MODEL_AT_ONCE
from threedsl.ui.sessions import BUILT, OWN, Visitors
from threedsl.ui.stopwatch import Stopwatch

GPU_SECONDS = 20  # longest GPU allocation for one query on ZeroGPU
MOST_MATCHES = 20
FIRST_MATCHES = 5  # a row before a visitor chooses
DEMO_BODIES = 32  # of the demo galleries that are kept ready for the next visitor who opens the same match

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """Everything that one search shows. A session keeps its last one, so that nothing is computed twice."""

    rankings: Rankings
    filters: dict[str, Filter]
    laps: dict[str, float]  # seconds per step
    body: Reconstruction | None  # of all photos together; None where only rankings were asked for
    glb: str  # path of its file; "" where there is no body
    bodies: dict[Key, Reconstruction]  # of each person searched with, by PersonCrop.key
    turntable: str = ""  # path of a picture of the body turning, where it was made in advance

    @property
    def rows(self) -> dict[str, list[RankedMatch]]:
        """The best matches by every stream."""
        return self.rankings.rows


@dataclass(frozen=True)
class FirstSearch:
    """The search that the page opens on: that with its first example."""

    example: Example
    query: Query
    answer: Answer


class Service:
    """Answers queries about crops; only `visitors` holds data of theirs."""

    def __init__(
        self, model: ThreeDSL, demos: Mapping[str, DemoGallery], files: Path, cache: Path | None = None
    ):
        """`files` is where GLB files go: a folder that is swept."""
        self.model = model
        self.ranks = read_example_ranks(model.checkpoint_folder, model.fingerprint)
        self.shelf = Shelf(model, demos, cache, self.ranks)
        self.spread = spread_sentence(self.ranks, {name: demo.people for name, demo in demos.items()})
        self.first: FirstSearch | None = None
        self.is_preparing = False  # whether `first` is still being computed
        self.visitors = Visitors()
        self.files = files
        self.calibration = Calibration.read(model.checkpoint_folder, STREAMS)
        # Held for the network alone, so that a picture that decodes slowly does not keep others from it.
        self._model = threading.Semaphore(MODEL_AT_ONCE)
        self._predict = self._in_turn(on_gpu(GPU_SECONDS)(self._predict_here))
        self._describe = self._in_turn(on_gpu(GPU_SECONDS)(self._describe_here))
        self._everyone = self._in_turn(on_gpu(GPU_SECONDS)(self._everyone_here))
        self._of_demo = lru_cache(maxsize=DEMO_BODIES)(self._predict_of_demo)

    def warm_up(self) -> None:
        """Open every gallery and run once through a query, in a background thread while the page is served.

        Not on ZeroGPU, where a GPU exists only within a request.
        """
        if not on_zero_gpu():
            self.is_preparing = True
            threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        grey = PersonCrop("", np.full((CROP_HEIGHT, CROP_HEIGHT // 2, 3), 128, np.uint8), (0, 0, 1, 1))
        for name in self.shelf.demos:
            try:
                Path(self.search([grey], self.gallery(name), 1).glb).unlink()
            except Exception:
                log.exception("gallery %s could not be prepared", name)
                continue
            if self.first is None:
                self._search_first(name)
        self.is_preparing = False

    def _search_first(self, gallery: str) -> None:
        """Search with the first example of a gallery, for the page's first screen."""
        example = next((one for one in self.shelf.examples() if one.gallery == gallery), None)
        if example is None:
            return
        try:
            query = add(None, [read_photo(example.photo)])
            answer = self.search(query.people, self.gallery(gallery), FIRST_MATCHES)
            self.first = FirstSearch(example, query, answer)
        except Exception:
            log.exception("searching with the first example failed")
        self.is_preparing = False

    def is_first(self, query: Query | None) -> bool:
        """Whether this is the query of the first screen, whichever person or area of its photo is chosen."""
        # The path as an object: a visitor who clicks this example has a photo of the same file.
        return bool(query and self.first and query.photos[0].path is self.first.query.photos[0].path)

    def _in_turn(self, function: Callable) -> Callable:
        def waiting(*args):
            with self._model:
                return function(*args)

        return waiting

    def _predict_here(
        self, crops: list[np.ndarray], known: list[np.ndarray | None] | None = None
    ) -> list[Prediction]:
        return predict(self.model, crops, known)

    def _predict_people(self, people: Iterable[PersonCrop]) -> list[Prediction]:
        people = list(people)
        return self._predict([person.crop for person in people], [person.keypoints for person in people])

    def _describe_here(self, crops: list[np.ndarray]) -> Output:
        return self.model(crops, bodies=False)

    def _everyone_here(self, image: np.ndarray) -> np.ndarray | None:
        return draw_everyone(self.model, image)

    def gallery(self, name: str, session: str | None = None) -> OpenGallery:
        """The gallery of this name that `session` (gr.Request.session_hash; None for the API) may use: a demo
        gallery, one of the visitor's own, or one built through the API, whose name cannot be guessed.

        Raises:
            InputError: there is none, or it is another visitor's; the sentence is the same.
        """
        if isinstance(name, str) and name.startswith((OWN, BUILT)):
            return self.visitors.get(session, name)
        return self.shelf.get(name if isinstance(name, str) else str(name))

    def open_gallery(self, name: str, session: str | None, progress: Progress | None) -> OpenGallery:
        """`gallery`, which tells `progress` of a demo gallery's first build while that is still going on."""
        if name in self.shelf.demos:
            self.shelf.wait_for(name, progress)
        return self.gallery(name, session)

    def describe(self, crops: list[np.ndarray]) -> Output:
        """Descriptors of crops, RGB uint8 (H, W, 3), without their bodies."""
        return self._describe(crops)

    def search(
        self,
        people: Sequence[PersonCrop],
        opened: OpenGallery,
        k: int,
        hide: Sequence[str] = (),
        before: Answer | None = None,
        bodies: bool = True,
    ) -> Answer:
        """Rank a gallery for one person, and reconstruct the body.

        Args:
            people: one or more crops of this person, which go through the network together.
            k: matches to show by each stream.
            hide: which of the filters "clothes" and "camera" to use.
            before: the session's last search; crops that it has seen are not computed again.
            bodies: False for rankings alone, which take less time.

        Raises:
            InputError: no crop, or k out of range.
        """
        k = check_k(k)
        watch = Stopwatch()
        if bodies:
            each, body, glb = self._bodies(people, before, watch)
            output = body.prediction.output
        else:
            each, body, glb = {}, None, ""
            output = merge([self._describe([person.crop for person in people])])
            watch.lap("network")
        digests = [person.digest for person in people]
        found = filters(opened.index.records, opened.known, digests)
        known = one_person(opened, digests)
        # The shares were measured on whole people.
        calibration = None if any(person.warning for person in people) else self.calibration
        rankings = rank(output, opened, k, known, hidden_rows(found, hide), calibration)
        watch.lap("ranking")
        return Answer(rankings, found, watch.laps, body, glb, each)

    def _bodies(
        self, people: Sequence[PersonCrop], before: Answer | None, watch: Stopwatch
    ) -> tuple[dict[Key, Reconstruction], Reconstruction, str]:
        """The body of each crop, all of them as one, and its GLB."""
        keys = [person.key for person in people]
        known = before.bodies if before else {}
        new = {person.key: person for person in people if person.key not in known}
        predictions = self._predict_people(new.values()) if new else []
        watch.lap("network")
        made = {
            key: reconstruct(prediction, person, watch)
            for (key, person), prediction in zip(new.items(), predictions, strict=True)
        }
        each = {key: made[key] if key in made else known[key] for key in keys}
        if before and keys == list(before.bodies) and Path(before.glb).is_file():
            return each, before.body, before.glb
        body = each[keys[0]]
        if len(people) > 1:
            merged = merge_predictions(self.model, [each[key].prediction for key in keys])
            body = join(merged, people)
            watch.lap("merging")
        glb = write_body(body.prediction, self.files)
        watch.lap("glb")
        return each, body, glb

    def reconstruct(self, person: PersonCrop) -> tuple[Reconstruction, str]:
        """The body of one crop, and the path of its GLB."""
        (prediction,) = self._predict_people([person])
        body = reconstruct(prediction, person, Stopwatch())
        return body, write_body(body.prediction, self.files)

    def everyone(self, image: np.ndarray) -> np.ndarray | None:
        """A photo, RGB uint8 (H, W, 3), with the bodies of all people in it; None where no person is found."""
        return self._everyone(image)

    def compare(self, first: PersonCrop, second: PersonCrop) -> Pair:
        """Two crops side by side, from one forward pass."""
        return self._pair(*self._predict_people([first, second]))

    def _pair(self, first: Prediction, second: Prediction) -> Pair:
        return make_pair(self.model, first, second, self.files, self.calibration, self.spread)

    def compare_match(self, query: Prediction, opened: OpenGallery, index: int) -> Pair:
        """The query next to a picture of a gallery.

        Raises:
            InputError: the gallery has no such row.
        """
        if not 0 <= index < len(opened.index):
            raise InputError("This picture is no longer in the gallery; search again.")
        if opened.name in self.shelf.demos:
            seen = self._of_demo(opened.name, index)
        else:
            (seen,) = self._predict([opened.picture(index)])
        # A thumbnail's scores would not quite be those of its card.
        ranked = opened.descriptors(index)
        asked = replace(query.output, shape_share=ranked.shape_share)
        return self._pair(replace(query, output=asked), replace(seen, output=ranked))

    def _predict_of_demo(self, name: str, index: int) -> Prediction:
        (prediction,) = self._predict([self.shelf.get(name).picture(index)])
        return prediction

    def write_picture(self, image: np.ndarray) -> str:
        """A JPEG among the files that are swept, under an unguessable path; returns the path."""
        path = new_file(self.files, "overlay.jpg")
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
