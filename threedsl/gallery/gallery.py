"""A gallery: records and their descriptors, built from pictures, changed, saved, loaded and searched."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threedsl.data.contents import content_ids, repeated
from threedsl.data.listfile import Record, may_be_photos, records_and_rest
from threedsl.descriptors import STREAMS, Descriptors, weights_of
from threedsl.errors import InputError
from threedsl.gallery import index_kinds, ranking, storage
from threedsl.gallery.describing import describe, read_npz
from threedsl.gallery.match import Match, matches
from threedsl.gallery.pieces import Piece
from threedsl.gallery.records import Box, Filter, Records
from threedsl.progress import Report

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL


class Gallery:
    """N pictures with descriptors, searchable by appearance, by shape and by both.

    Each stream's descriptors are stored once (threedsl.gallery.pieces); the combined stream is searched in both.
    Pictures can be added and deleted at any time, by one thread, without building an index again. len() counts those
    that are not deleted; a picture keeps its row.

    Attributes:
        records: N Record, deleted ones included (threedsl.gallery.records.Records).
        fingerprint, shape_share: of the model that described them.
        skipped: a sentence for every picture left out because it could not be read, and one about files of a folder
            that are not pictures.
        copies: sentences about pictures that it contains more than once.

    >>> from threedsl import ThreeDSL
    >>> from threedsl.gallery.demo import demo_galleries
    >>> model, demo = ThreeDSL.from_pretrained(device="cpu"), demo_galleries()["synthetic"]
    >>> gallery = Gallery.build(model, demo.records)  # or Gallery.open("people/", model)
    >>> query = demo.records[3]
    >>> first, second = gallery.search(model(query.path), stream="shape", k=2)[0]
    >>> first.path == query.path, first.person == query.pid, first.score > second.score
    (True, True, True)
    >>> others = gallery.search(model(query.path), where=Filter(not_pid=(query.pid,)))[0]
    >>> query.pid in {match.person for match in others}
    False
    """

    def __init__(
        self,
        records: Sequence[Record],
        appearance: np.ndarray | Piece,
        shape: np.ndarray | Piece,
        fingerprint: str,
        kind: str = "flat",
        boxes: Sequence[Box | None] | None = None,
        shape_share: float = 0.5,
    ):
        self.records = records if isinstance(records, Records) else Records(records, boxes)
        if not len(self.records):
            raise InputError("The gallery is empty: it needs at least one picture.")
        index_kinds.check_kind(kind, len(self.records))
        given = {"appearance": appearance, "shape": shape}
        self._pieces = {
            name: piece if isinstance(piece, Piece) else Piece(piece) for name, piece in given.items()
        }
        self.fingerprint, self.kind, self.shape_share = fingerprint, kind, shape_share
        self.skipped: list[str] = []
        self.copies: list[str] = []
        self._indices: dict[str, object] = {}

    def __len__(self) -> int:
        return self.records.alive

    @property
    def boxes(self) -> list[Box | None]:
        """(x0, y0, x1, y1) cut out of each picture, in its pixels; None if the whole picture was used."""
        return self.records.boxes

    @property
    def appearance(self) -> NDArray[np.float32]:
        """(N, D_a) unit vectors; a copy after pictures were added."""
        return self._pieces["appearance"].array()

    @property
    def shape(self) -> NDArray[np.float32]:
        """(N, D_s) unit vectors; a copy after pictures were added."""
        return self._pieces["shape"].array()

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
        """Compute the descriptors of pictures with a model, in memory that does not grow with large descriptors.

        Args:
            records: the pictures; each is a person crop.
            kind: one of threedsl.gallery.index_kinds.KINDS.
            find: the pictures may be photos: crop each to its most prominent person, if one is found.
            skip_damaged: leave out unreadable pictures and report them in `skipped`, instead of raising.
            progress: True draws a bar on stderr after two seconds; or a function (done, total).

        Raises:
            InputError: no records, or a picture cannot be read.
        """
        records = list(records)
        index_kinds.check_kind(kind, len(records))
        kept, pieces, skipped = describe(model, records, find, skip_damaged, progress, batch_size)
        empty = np.zeros((0, 0), np.float32)
        appearance, shape = (pieces.get(name, empty) for name in ("appearance", "shape"))
        gallery = cls(kept, appearance, shape, model.fingerprint, kind, shape_share=model.config.shape_share)
        gallery.skipped = skipped
        gallery.copies = repeated(kept, content_ids([record.path for record in kept]), "the gallery")
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
        """A saved index, an .npz of `embed`, or a gallery built from what threedsl.data.listfile.records_from reads.

        kind: index kind, see build; None keeps that of a saved index and means flat for the rest.
        find: see build; None detects people in folders, and treats pictures from a list as crops, as in datasets.
        options: further arguments of build.
        """
        source = Path(source)
        if storage.is_saved(source):
            saved = cls.load(source, model)
            return saved if kind in (None, saved.kind) else saved._as_kind(kind)
        if source.suffix.lower() == ".npz" and source.is_file():
            return cls._from_npz(source, model, kind or "flat")
        if find is None:
            find = may_be_photos(source)
        records, left_out = records_and_rest(source)
        gallery = cls.build(model, records, find=find, kind=kind or "flat", **options)
        gallery.skipped += left_out
        return gallery

    @classmethod
    def _from_npz(cls, source: Path, model: ThreeDSL, kind: str) -> Gallery:
        records, pieces = read_npz(source, model.fingerprint)
        share = model.config.shape_share
        return cls(records, pieces["appearance"], pieces["shape"], model.fingerprint, kind, shape_share=share)

    def save(self, folder: str | Path) -> None:
        """Write the gallery to a folder, replacing an earlier index, which survives a failure.

        Raises:
            InputError: the folder contains something else.
        """
        names = [name for name, piece in self._pieces.items() if piece.width] if self.kind != "flat" else []
        indices = {name: self._index(name) for name in names}
        content = storage.Saved(
            self.records, self._pieces, self.fingerprint, self.kind, self.shape_share, indices
        )
        storage.save(folder, content)

    @classmethod
    def load(cls, folder: str | Path, model: ThreeDSL | None = None) -> Gallery:
        """Read a saved gallery; with a model, refuse one computed by another model.

        Raises:
            InputError: missing, damaged, or made by another model.
        """
        saved = storage.load(folder)
        if model is not None and saved.fingerprint != model.fingerprint:
            raise InputError(
                f"Index {folder} was made with another model; build it again with `python -m threedsl index`."
            )
        pieces = (saved.pieces[name] for name in ("appearance", "shape"))
        gallery = cls(saved.records, *pieces, saved.fingerprint, saved.kind, shape_share=saved.shape_share)
        gallery._indices = saved.indices
        return gallery

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it can be searched by."""
        return STREAMS if self._pieces["shape"].width else ("appearance", "combined")

    def add(
        self,
        records: Sequence[Record],
        described: Descriptors,
        boxes: Sequence[Box | None] | None = None,
    ) -> range:
        """Append M pictures and their descriptors, also to the indexes that exist; their rows.

        The cells and codes of ivfsq and ivfpq stay those of the first pictures: after the gallery has grown several
        times, open it again with its `kind`, which learns them from all.

        Raises:
            InputError: descriptors from another model, or not exactly one for each record.
        """
        self._check_model(described)
        if len(records) != len(described):
            raise InputError(f"{len(records)} pictures have {len(described)} descriptors; give one for each.")
        first = len(self.records)
        for name, piece in self._pieces.items():
            vectors = getattr(described, name)
            if not piece.append(vectors):
                self._indices.pop(name, None)  # made of narrower descriptors
            elif len(vectors) and name in self._indices:
                self._indices[name].add(piece.project(vectors))
        self.records.extend(records, boxes)
        return range(first, len(self.records))

    def delete(self, rows: Sequence[int] | NDArray | Filter) -> int:
        """Delete pictures by row, or all that a filter allows; how many. They are marked and passed over by every
        search; `compacted` removes them for good.

        Raises:
            InputError: a row that does not exist.
        """
        return self.records.delete(rows)

    def compacted(self) -> Gallery:
        """The same gallery where nothing is deleted, else one of the pictures that are not, with new rows."""
        if not self.records.deleted.any():
            return self
        rows = np.flatnonzero(~self.records.deleted)
        records = Records((self.records[row] for row in rows), (self.boxes[row] for row in rows))
        pieces = (Piece(piece.rows(rows), piece.width, piece.columns) for piece in self._pieces.values())
        kind = self.kind if len(rows) >= index_kinds.MINIMUM.get(self.kind, 0) else "flat"
        return Gallery(records, *pieces, self.fingerprint, kind, shape_share=self.shape_share)

    def search(
        self, output: Descriptors, stream: str = "combined", k: int = 10, where: Filter | None = None
    ) -> list[list[Match]]:
        """The k best matches (fewer in a smaller gallery) of every picture in output, best first.

        Scores are exact for every kind of index; flat finds all of the best, the others nearly all. The combined stream
        is searched in both streams, and what either proposes is ranked by the weighted sum of both similarities.

        Args:
            where: which pictures may be found; looked at during the search, so that k are found if there are k.

        Raises:
            InputError: an unknown stream, k below 1, or descriptors from another model.
        """
        output.stream(stream)
        if not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"The number of matches must be 1 or more, not {k}.")
        self._check_model(output)
        if not len(output):
            return []
        allowed = self.records.allowed(where)
        weights = weights_of(stream, self.shape_share if self._pieces["shape"].width else 0.0)
        terms = {
            name: ranking.Term(piece, weights[name], piece.project(getattr(output, name)))
            for name, piece in self._pieces.items()
            if weights[name]
        }
        k, count = min(int(k), len(self.records)), int(np.count_nonzero(allowed))
        few = count <= max(k, index_kinds.EXHAUSTIVE if count < len(allowed) else 0)
        if self.kind == "flat" or few:
            answers = ranking.exhaustive(list(terms.values()), k, allowed)
        else:
            answers = ranking.proposed({self._index(name): term for name, term in terms.items()}, k, allowed)
        return [matches(self.records, *answer) for answer in answers]

    def _check_model(self, described: Descriptors) -> None:
        same = all(getattr(described, name).shape[1] == piece.width for name, piece in self._pieces.items())
        if not same or described.fingerprint not in ("", self.fingerprint):
            raise InputError("The gallery was made with another model; build it again with this one.")

    def weighed(self, shape_share: float) -> Gallery:
        """The same pictures, descriptors and indexes with another weight of the shape stream in the combined one; what
        is added to or deleted from one of both is so in the other."""
        other = copy.copy(self)
        other.shape_share = shape_share
        return other

    def _as_kind(self, kind: str) -> Gallery:
        """The same pictures and descriptors with another kind of index."""
        pieces = self._pieces.values()
        return Gallery(self.records, *pieces, self.fingerprint, kind, shape_share=self.shape_share)

    def _index(self, stream: str):
        """The FAISS index of a stream, made on first use."""
        if stream not in self._indices:
            self._indices[stream] = index_kinds.build_index(self._pieces[stream], self.kind)
        return self._indices[stream]
