"""The same gallery in Milvus: for more pictures than one machine holds, or for several programs at once.

One collection holds a gallery: both streams' vectors with an index each, labels, and a picture's row as its key;
a second one, `NAME_about`, its model. Milvus filters within its search; scores are computed here from the vectors that
both streams propose, as for threedsl.gallery.Gallery. Needs the extra `threedsl[milvus]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.data.listfile import Record
from threedsl.descriptors import STREAMS, Descriptors, weights_of
from threedsl.errors import InputError
from threedsl.gallery import index_kinds, ranking
from threedsl.gallery.match import Match
from threedsl.gallery.pieces import Piece
from threedsl.gallery.records import LABELS, Box, Filter

MILVUS_KINDS = {
    "flat": ("FLAT", {}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 200}),
    "ivfsq": ("IVF_SQ8", {"nlist": 1024}),
    "ivfpq": ("IVF_PQ", {"nlist": 1024, "m": 64, "nbits": 8}),
}
LONGEST = 4096  # bytes of a path or a label
AT_ONCE = 500  # pictures a message, some megabytes
MOST = 16_384  # candidates of one search, Milvus's limit
UNKNOWN_TIME = -1e300
LATEST = 1e308  # stands for infinity, which Milvus's language lacks
# Milvus's language has fewer escapes than JSON; other control characters stand for themselves.
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


class MilvusGallery:
    """A gallery in a Milvus collection; search, add, delete and len() are those of threedsl.gallery.Gallery.

    `create` makes a collection, `open` connects to one that exists.
    """

    def __init__(self, client, name: str):
        self._client, self._name = client, name
        found = client.query(f"{name}_about", ids=[0], output_fields=["about"])
        try:
            about = json.loads(found[0]["about"])
            self.fingerprint, self.kind = str(about["fingerprint"]), str(about["kind"])
            self.shape_share = float(about["shape_share"])
            self._widths = {stream: int(about["widths"][stream]) for stream in ("appearance", "shape")}
        except (LookupError, TypeError, ValueError, RecursionError):
            raise InputError(
                f"Collection {name}_about does not describe a gallery; create the gallery again under another name."
            ) from None

    @classmethod
    def create(
        cls, address: str, name: str, like: Descriptors, kind: str = "flat", token: str = ""
    ) -> MilvusGallery:
        """An empty collection for the descriptors of one model.

        Args:
            address: `http://host:19530` of a cluster, or a file ending in .db for the embedded milvus-lite.
            name: of the collection.
            like: descriptors of the model, for their sizes, fingerprint and shape_share; none of them is added.
            token: user:password of a cluster.

        Raises:
            InputError: pymilvus is missing, the address does not answer, or the collection exists.
        """
        index_kinds.check_kind(kind, index_kinds.MINIMUM.get(kind, 0))
        client = _connect(address, token)
        from pymilvus import DataType

        with _told(address):
            if client.has_collection(name):
                raise InputError(f"Collection {name} exists in {address}; open it, or choose another name.")
            widths = {stream: getattr(like, stream).shape[1] for stream in ("appearance", "shape")}
            schema, indexes = client.create_schema(auto_id=False), client.prepare_index_params()
            schema.add_field("id", DataType.INT64, is_primary=True)
            for stream, width in widths.items():
                if width:
                    schema.add_field(stream, DataType.FLOAT_VECTOR, dim=width)
                    index_type, params = MILVUS_KINDS[kind]
                    indexes.add_index(stream, index_type=index_type, metric_type="IP", params=params)
            for label in ("path", *LABELS, "box"):
                schema.add_field(label, DataType.VARCHAR, max_length=LONGEST)
            schema.add_field("time", DataType.DOUBLE)
            client.create_collection(name, schema=schema, index_params=indexes, consistency_level="Strong")
            schema, indexes = client.create_schema(auto_id=False), client.prepare_index_params()
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("about", DataType.VARCHAR, max_length=LONGEST)
            schema.add_field("unused", DataType.FLOAT_VECTOR, dim=2)  # Milvus demands a vector
            indexes.add_index("unused", index_type="FLAT", metric_type="IP")
            client.create_collection(
                f"{name}_about", schema=schema, index_params=indexes, consistency_level="Strong"
            )
            about = {
                "fingerprint": like.fingerprint,
                "kind": kind,
                "shape_share": like.shape_share,
                "widths": widths,
            }
            client.insert(f"{name}_about", [{"id": 0, "about": json.dumps(about), "unused": [0.0, 1.0]}])
            return cls(client, name)

    @classmethod
    def open(cls, address: str, name: str, token: str = "") -> MilvusGallery:
        """A collection that `create` made.

        Raises:
            InputError: pymilvus is missing, the address does not answer, or there is no such collection.
        """
        client = _connect(address, token)
        with _told(address):
            if not client.has_collection(f"{name}_about"):
                raise InputError(f"There is no gallery {name} in {address}; create it first.")
            return cls(client, name)

    def close(self) -> None:
        """Close the connection; an embedded file can then be opened by another program."""
        self._client.close()

    def __len__(self) -> int:
        with _told(self._name):
            return int(self._client.query(self._name, filter="", output_fields=["count(*)"])[0]["count(*)"])

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it can be searched by."""
        return STREAMS if self._widths["shape"] else ("appearance", "combined")

    def add(
        self, records: Sequence[Record], described: Descriptors, boxes: Sequence[Box | None] | None = None
    ) -> range:
        """Append pictures and their descriptors; their rows. One program adds at a time; one that fails may leave some.

        Raises:
            InputError: as Gallery.add, or a path or label above 4,096 bytes.
        """
        self._check_model(described)
        if len(records) != len(described):
            raise InputError(f"{len(records)} pictures have {len(described)} descriptors; give one for each.")
        entries = [
            _entry(record, box) for record, box in zip(records, boxes or [None] * len(records), strict=True)
        ]
        with _told(self._name):
            first = self._next_row()
            # Before the pictures: where adding them fails half-way, the next ones do not get their rows.
            self._set_next_row(first + len(records))
            for start in range(0, len(records), AT_ONCE):
                block = []
                for i in range(start, min(start + AT_ONCE, len(records))):
                    vectors = {
                        stream: getattr(described, stream)[i]
                        for stream, width in self._widths.items()
                        if width
                    }
                    block.append({"id": first + i} | vectors | entries[i])
                self._client.insert(self._name, block)
        return range(first, first + len(records))

    def delete(self, rows: Sequence[int] | NDArray | Filter) -> int:
        """As Gallery.delete."""
        with _told(self._name):
            before = len(self)
            if isinstance(rows, Filter):
                self._client.delete(self._name, filter=expression(rows) or "id >= 0")
            else:
                rows, count = np.asarray(rows), self._next_row()
                if rows.size and not (
                    np.issubdtype(rows.dtype, np.integer) and 0 <= rows.min() and rows.max() < count
                ):
                    raise InputError(f"Rows of this gallery are whole numbers from 0 to {count - 1}.")
                if rows.size:
                    self._client.delete(self._name, ids=rows.astype(int).tolist())
            return before - len(self)

    def search(
        self, output: Descriptors, stream: str = "combined", k: int = 10, where: Filter | None = None
    ) -> list[list[Match]]:
        """As Gallery.search."""
        output.stream(stream)
        if not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"The number of matches must be 1 or more, not {k}.")
        self._check_model(output)
        weights = weights_of(stream, self.shape_share if self._widths["shape"] else 0.0)
        used = [name for name, weight in weights.items() if weight]
        wanted = min(MOST, index_kinds.proposals(max(1, len(self)), int(k), of_two=len(used) > 1))
        answers = []
        with _told(self._name):
            for query in range(len(output)):
                hits = {}
                for name in used:
                    (found,) = self._client.search(
                        self._name,
                        data=[getattr(output, name)[query]],
                        anns_field=name,
                        filter=expression(where),
                        limit=wanted,
                        output_fields=["path", "pid", *used],
                        search_params={"params": self._effort(wanted)},
                    )
                    hits |= {hit["id"]: hit["entity"] for hit in found}
                answers.append(self._ranked(hits, output, query, weights, used, int(k)))
        return answers

    def _ranked(
        self, hits: dict, output: Descriptors, query: int, weights: dict, used: list, k: int
    ) -> list[Match]:
        rows = np.array(sorted(hits), np.int64)
        terms = []
        for name in used:
            vectors = np.array([hits[row][name] for row in rows], np.float32).reshape(-1, self._widths[name])
            asked = np.ascontiguousarray(getattr(output, name), np.float32)
            terms.append(ranking.Term(Piece(vectors, self._widths[name]), weights[name], asked))
        scores, places = ranking.among(terms, query, np.arange(len(rows)), k)
        entities = [hits[row] for row in rows[places]]
        return [
            Match(rank, Path(entity["path"]), entity["pid"] or None, float(score), int(row))
            for rank, (entity, score, row) in enumerate(zip(entities, scores, rows[places], strict=True), 1)
        ]

    def _effort(self, wanted: int) -> dict:
        return {"hnsw": {"ef": max(256, wanted)}, "flat": {}}.get(self.kind, {"nprobe": 64})

    def _next_row(self) -> int:
        """Rows are never given twice, also after the last picture was deleted."""
        found = self._client.query(f"{self._name}_about", ids=[1], output_fields=["about"])
        return int(found[0]["about"]) if found else 0

    def _set_next_row(self, row: int) -> None:
        self._client.upsert(f"{self._name}_about", [{"id": 1, "about": str(row), "unused": [0.0, 1.0]}])

    def _check_model(self, described: Descriptors) -> None:
        same = all(getattr(described, name).shape[1] == width for name, width in self._widths.items())
        if not same or described.fingerprint not in ("", self.fingerprint):
            raise InputError("The gallery was made with another model; build it again with this one.")


def expression(where: Filter | None) -> str:
    """A filter in Milvus's language; "" allows all.

    >>> expression(Filter(camid=("1", 'a"b'), until=5.0))
    'camid in ["1", "a\\\\"b"] and time <= 5.0 and time > -1e+300'
    """
    if where is None:
        return ""
    parts = []
    for name, (values, wanted) in where.labels().items():
        listed = ", ".join(f'"{value.translate(ESCAPES)}"' for value in values)
        if values:
            parts.append(f"{name} {'in' if wanted else 'not in'} [{listed}]")
        elif wanted:
            parts.append("id < 0")
    for sign, time in ((">=", where.since), ("<=", where.until)):
        if time is not None:
            parts.append(f"time {sign} {min(max(float(time), -LATEST), LATEST)!r}")
    if where.since is not None or where.until is not None:
        parts.append(f"time > {UNKNOWN_TIME!r}")
    return " and ".join(parts)


def _entry(record: Record, box: Box | None) -> dict:
    labels = {name: getattr(record, name) for name in LABELS}
    entry = {"path": str(record.path), **labels, "box": json.dumps(box)}
    for name, text in entry.items():
        if len(text.encode("utf-8", "replace")) > LONGEST:
            raise InputError(f"The {name} of {text[:80]} has more than {LONGEST:,} bytes; shorten it.")
    return entry | {"time": UNKNOWN_TIME if record.time is None else record.time}


def _connect(address: str, token: str):
    try:
        from pymilvus import MilvusClient
    except ImportError:
        raise InputError(
            "A gallery in Milvus needs pymilvus, which is not installed; run `pip install 'threedsl[milvus]'`."
        ) from None
    with _told(address):
        return MilvusClient(address, token=token, timeout=10)


@contextmanager
def _told(place: str):
    """Milvus's own errors as a sentence."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        reason = (error.message or str(error)).splitlines()[0][:200].rstrip(".")
        raise InputError(
            f"Milvus at {place} refuses ({reason}); check its address and that it is running."
        ) from None
