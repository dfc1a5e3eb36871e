"""A gallery: records and their descriptors, built from pictures, saved, loaded and searched."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threedsl.data.detect import query_box
from threedsl.data.images import load_image
from threedsl.data.listfile import Record, records_from
from threedsl.data.transforms import resize_crop
from threedsl.errors import InputError
from threedsl.gallery import engines, storage
from threedsl.progress import Report, progress_bar
from threedsl.streams import STREAMS

if TYPE_CHECKING:
    from threedsl.pipeline import Output, ThreeDSL

LOADED_AT_ONCE = 64


@dataclass(frozen=True)
class Match:
    """One answer to one query; score is the cosine similarity, from -1 to 1."""

    rank: int  # from 1
    path: Path
    person: str | None  # None where the gallery does not know
    score: float
    index: int  # the picture's row in Gallery.records


class Gallery:
    """N pictures with descriptors, searchable by appearance, by shape and by both.

    Attributes:
        records: list of N Record.
        boxes: (x0, y0, x1, y1) cut out of each picture, in its pixels; None where it was taken whole.
        appearance, shape: (N, D_a), (N, D_s) float32 unit vectors.
        fingerprint, shape_share: of the model that described them.
        skipped: a sentence for every picture left out because it could not be read.
    """

    def __init__(
        self,
        records: Sequence[Record],
        appearance: np.ndarray,
        shape: np.ndarray,
        fingerprint: str,
        kind: str = "flat",
        boxes: Sequence[tuple[int, int, int, int] | None] | None = None,
        shape_share: float = 0.5,
    ):
        self.records = list(records)
        if not self.records:
            raise InputError("The gallery is empty: it needs at least one picture.")
        engines.check_kind(kind, len(self.records))
        self.appearance, self.shape = appearance, shape
        self.fingerprint, self.kind, self.shape_share = fingerprint, kind, shape_share
        self.boxes = list(boxes) if boxes is not None else [None] * len(self.records)
        self.skipped: list[str] = []
        self._indices: dict[str, object] = {}

    def __len__(self) -> int:
        return len(self.records)

    @classmethod
    def build(
        cls,
        model: ThreeDSL,
        records: Sequence[Record],
        kind: str = "flat",
        find: bool = False,
        skip_damaged: bool = False,
        progress: Report | bool = True,
        batch_size: int = 32,
    ) -> Gallery:
        """Describe pictures with a model.

        Args:
            records: what to describe; each picture is a person crop.
            kind: "flat", "hnsw" or "ivfpq", see threedsl.gallery.engines.
            find: the pictures may be photos: cut out the most prominent person of each where one is found.
            skip_damaged: leave out pictures that cannot be read and say so in `skipped`, instead of raising.
            progress: True draws a bar on stderr after two seconds; or a function (done, total).

        Raises:
            InputError: no records, or a picture cannot be read.
        """
        records = list(records)
        engines.check_kind(kind, len(records))
        kept, boxes, skipped, parts = [], [], [], []
        own_bar = (
            progress_bar("Describing the gallery") if progress is True else nullcontext(progress or None)
        )
        with ThreadPoolExecutor(max_workers=4) as readers, own_bar as report:
            for start in range(0, len(records), LOADED_AT_ONCE):
                chunk = records[start : start + LOADED_AT_ONCE]
                crops = []
                for record, read in zip(
                    chunk, readers.map(partial(_read, find=find, size=model.input_size), chunk), strict=True
                ):
                    if isinstance(read, InputError):
                        if not skip_damaged:
                            raise read
                        skipped.append(str(read))
                        continue
                    kept.append(record)
                    crops.append(read[0])
                    boxes.append(read[1])
                parts.append(model(crops, batch_size=batch_size, bodies=False))
                if report is not None:
                    report(start + len(chunk), len(records))
        if records and not kept:
            raise InputError(f"No picture of the gallery can be read; the first: {skipped[0]}")
        appearance, shape = (
            np.concatenate([getattr(part, name) for part in parts]) if parts else np.zeros((0, 0), np.float32)
            for name in ("appearance", "shape")
        )
        share = model.config.shape_share
        gallery = cls(kept, appearance, shape, model.fingerprint, kind, boxes, share)
        gallery.skipped = skipped
        return gallery

    @classmethod
    def open(
        cls,
        source: str | Path,
        model: ThreeDSL,
        find: bool | None = None,
        kind: str | None = None,
        **options,
    ) -> Gallery:
        """A saved index, or a gallery built from what records_from reads.

        kind: of the index, see build; None keeps a saved one's, and is flat for pictures.
        find: see build; None looks for people in folders, and takes what a list names as crops, as data sets do.
        options: further arguments of build.
        """
        source = Path(source)
        if storage.is_saved(source):
            saved = cls.load(source, model)
            return saved if kind in (None, saved.kind) else saved._as_kind(kind)
        if find is None:
            find = source.is_dir() and not (source / "list").is_dir()
        return cls.build(model, records_from(source), find=find, kind=kind or "flat", **options)

    def save(self, folder: str | Path) -> None:
        """Write the gallery to a folder, replacing an index that is there; the old one survives a failure.

        Raises:
            InputError: the folder holds something else.
        """
        streams = self.streams if self.kind != "flat" else ()
        storage.save(folder, self, {stream: self._index(stream) for stream in streams})

    @classmethod
    def load(cls, folder: str | Path, model: ThreeDSL | None = None) -> Gallery:
        """Read a saved gallery; with a model, refuse one that another model described.

        Raises:
            InputError: nothing there, damaged, or of another model.
        """
        saved = storage.load(folder)
        if model is not None and saved.fingerprint != model.fingerprint:
            raise InputError(
                f"Index {folder} was made by another model; build it again with `python -m threedsl index`."
            )
        gallery = cls(
            saved.records,
            saved.appearance,
            saved.shape,
            saved.fingerprint,
            saved.kind,
            saved.boxes,
            saved.shape_share,
        )
        gallery._indices = saved.indices
        return gallery

    @property
    def streams(self) -> tuple[str, ...]:
        """What it can be searched by."""
        return STREAMS if self.shape.shape[1] else ("appearance", "combined")

    def search(self, output: Output, stream: str = "combined", k: int = 10) -> list[list[Match]]:
        """The k best matches (fewer in a smaller gallery) of every picture in output, best first.

        Raises:
            InputError: an unknown stream, k below 1, or descriptors of another model.
        """
        queries = output.stream(stream)
        if not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"The number of matches must be 1 or more, not {k}.")
        same_sizes = (output.appearance.shape[1], output.shape.shape[1]) == (
            self.appearance.shape[1],
            self.shape.shape[1],
        )
        if not same_sizes or output.fingerprint not in ("", self.fingerprint):
            raise InputError("The gallery was described by another model; build it again with this one.")
        if not len(queries):
            return []
        scores, rows = engines.search_index(self._index(stream), queries, min(int(k), len(self)))
        return [self._matches(*answer) for answer in zip(rows, scores, strict=True)]

    def _matches(self, rows: np.ndarray, scores: np.ndarray) -> list[Match]:
        """One query's answer; an approximate index may find fewer than asked and fills up with row -1."""
        found = [(int(row), float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        return [
            Match(rank, self.records[row].path, self.records[row].pid or None, score, row)
            for rank, (row, score) in enumerate(found, 1)
        ]

    def _as_kind(self, kind: str) -> Gallery:
        """The same pictures and descriptors under another kind of index."""
        return Gallery(
            self.records, self.appearance, self.shape, self.fingerprint, kind, self.boxes, self.shape_share
        )

    def _index(self, stream: str):
        """The FAISS index of a stream, made on first use."""
        if stream not in self._indices:
            from threedsl.pipeline import combine

            vectors = (
                combine(self.appearance, self.shape, self.shape_share)
                if stream == "combined"
                else getattr(self, stream)
            )
            self._indices[stream] = engines.build_index(np.ascontiguousarray(vectors, np.float32), self.kind)
        return self._indices[stream]


def _read(
    record: Record, find: bool, size: tuple[int, int]
) -> tuple[np.ndarray, tuple[int, int, int, int] | None] | InputError:
    """(crop of size, its box or None), or the error, returned so that the pool's other pictures go on."""
    try:
        image = load_image(record.path)
    except InputError as error:
        return error
    if not find:
        return resize_crop(image, size), None
    box, _ = query_box(image)
    return resize_crop(box.crop(image), size), None if box.whole else (box.x0, box.y0, box.x1, box.y1)
