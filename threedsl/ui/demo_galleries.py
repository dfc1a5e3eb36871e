"""The demo galleries: descriptors computed once, in the background, and kept on disk by the model's fingerprint."""

import base64
import contextvars
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.descriptors import Descriptors
from threedsl.errors import InputError
from threedsl.files import cache_folder, settled, whole_folder
from threedsl.gallery import Gallery
from threedsl.gallery.demo import DemoGallery
from threedsl.gallery.example_photos import digest
from threedsl.gallery.example_ranks import GalleryRanks
from threedsl.gallery.storage import RECORDS
from threedsl.pipeline import ThreeDSL
from threedsl.ui.examples.choice import Example, known_people, make_examples, make_pairs
from threedsl.ui.gpu import on_gpu
from threedsl.ui.pictures import data_uri, fit, jpeg

COMPLETE = f"index/{RECORDS}"  # a file that a complete gallery's folder has
THUMBNAIL = (256, 128)  # height, width in pixels
GPU_SECONDS = 60  # longest GPU allocation for one gallery on ZeroGPU

Progress = Callable[..., object]  # called as progress((done, total), desc=sentence)


@dataclass(frozen=True)
class OpenGallery:
    """A gallery that can be searched and shown."""

    name: str
    title: str
    index: Gallery
    thumbnails: list[str]  # data URIs, in the order of the index
    known: dict[str, Record]  # sha256 of its example photos to what they show
    on_disk: bool = True  # whether the records' files can be read; a visitor's pictures are not kept

    def descriptors(self, row: int) -> Descriptors:
        """Those by which a row of the index is ranked."""
        index, rows = self.index, slice(row, row + 1)
        return Descriptors(index.appearance[rows], index.shape[rows], index.fingerprint, index.shape_share)

    def picture(self, row: int) -> np.ndarray:
        """The crop in a row of the index, RGB uint8 (H, W, 3); its thumbnail where the picture itself is not kept."""
        if not self.on_disk:
            encoded = base64.b64decode(self.thumbnails[row].partition(",")[2])
            return cv2.cvtColor(
                cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
            )
        image, box = load_image(self.index.records[row].path), self.index.boxes[row]
        return image if box is None else image[box[1] : box[3], box[0] : box[2]]


class Shelf:
    """The galleries a visitor may choose from; each is read or built on first use.

    Building takes seconds; a visitor who comes before it is done waits for the same build instead of starting
    a second one.
    """

    def __init__(
        self,
        model: ThreeDSL,
        demos: Mapping[str, DemoGallery],
        folder: Path | None = None,
        ranks: Mapping[str, GalleryRanks] | None = None,
    ):
        """`folder` keeps what is derived from the galleries, threedsl.gallery.demo's cache by default; `ranks` are how
        their example searches turn out with this model, where that was measured."""
        self.model = model
        self.demos = dict(demos)
        self.folder = folder or cache_folder()
        self.example_folder = self.folder / "examples"
        self.ranks = dict(ranks or {})
        self.done: dict[str, tuple[int, int]] = {}
        self._open: dict[str, OpenGallery] = {}
        self._locks = {name: threading.Lock() for name in self.demos}
        self._build = on_gpu(GPU_SECONDS)(self._build_folder)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(title, name) of every gallery, as Gradio's choices."""
        return [(demo.title, demo.name) for demo in self.demos.values()]

    def is_open(self, name: str) -> bool:
        """Whether `get` returns at once."""
        return name in self._open

    def progress(self, name: str) -> tuple[int, int]:
        """(pictures done, pictures in all) of a gallery that is being built."""
        return self.done.get(name, (0, len(self.demos[name].listed)))

    def get(self, name: str) -> OpenGallery:
        """The gallery of this name, read from disk or built now.

        Raises:
            InputError: there is no such gallery.
        """
        if name not in self.demos:
            raise InputError(f"Gallery {name!r} is unknown; choose one of {', '.join(self.demos)}.")
        with self._locks[name]:
            if name not in self._open:
                self._open[name] = self._read_or_build(self.demos[name])
            return self._open[name]

    def wait_for(self, name: str, progress: Progress | None, poll: float = 0.2) -> None:
        """Return once the gallery is open, telling `progress` every `poll` seconds how far its first build has come.

        Raises:
            InputError: there is no such gallery.
        """
        if self.is_open(name):
            return
        # ZeroGPU finds the visitor's quota in the context of the request, so the thread has to inherit it.
        context = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(context.run, self.get, name)
            while True:
                try:
                    opening.result(timeout=poll)
                    return
                except NotYet:
                    if progress is not None:
                        progress(self.progress(name), desc="Preparing the gallery (first use only)")

    def examples(self) -> list[Example]:
        """Photos to click, of every gallery."""
        return [
            example
            for name, demo in self.demos.items()
            for example in make_examples(demo, self.example_folder, self.ranks.get(name))
        ]

    def pairs(self) -> list[tuple[Path, Path]]:
        """Photos to compare by a click, of every gallery."""
        return [
            pair
            for name, demo in self.demos.items()
            for pair in make_pairs(demo, self.example_folder, self.ranks.get(name))
        ]

    def _read_or_build(self, demo: DemoGallery) -> OpenGallery:
        folder = self.folder / f"{demo.name}-{self.model.fingerprint[:16]}-{digest_of(demo)}"
        try:
            return self._read(demo, folder)
        except (InputError, OSError):
            self._build(demo.name, folder)
            return self._read(demo, folder)

    def _read(self, demo: DemoGallery, folder: Path) -> OpenGallery:
        with settled(folder, COMPLETE):  # another page may be replacing it
            index = Gallery.load(folder / "index", model=self.model)
            thumbnails = [data_uri((folder / f"{i:05d}.jpg").read_bytes()) for i in range(len(index.records))]
        known = known_people(demo, self.example_folder)
        return OpenGallery(demo.name, demo.title, index, thumbnails, known)

    def _build_folder(self, name: str, folder: Path) -> None:
        """Write index and thumbnails of a demo gallery; the folder appears complete or not at all."""
        demo = self.demos[name]

        def report(done: int, total: int) -> None:
            self.done[name] = done, total

        with whole_folder(folder) as work:
            Gallery.build(self.model, demo.records, progress=report).save(work / "index")
            for i, record in enumerate(demo.records):
                (work / f"{i:05d}.jpg").write_bytes(jpeg(fit(load_image(record.path), *THUMBNAIL)))


def digest_of(demo: DemoGallery) -> str:
    """Changes when pictures come, go or change, or get another label: the index that is kept has both."""
    listing = [
        [str(record.path), record.pid, record.camid, record.clothes, digest(Path(record.path))]
        for record in demo.records
    ]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]
