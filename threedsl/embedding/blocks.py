"""Descriptors of a long list of pictures: shared by processes, resumed after a kill, the same whoever computes them.

The list is cut into blocks of BLOCK pictures. A process computes every n-th block and writes it to a file next to the
output that appears whole or not at all; whoever finds all blocks there puts them together. What is in a block's
batches depends on the list and on the descriptor cache alone, and the cache is filled only at the end, so the bits do
not depend on how many processes there were or how often they were stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from threedsl.data.contents import sha256_of
from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.data.transforms import resize_crop
from threedsl.descriptors import combine
from threedsl.embedding.stored import TEXTS, columns, is_made_by, load_block
from threedsl.errors import InputError
from threedsl.evaluation.descriptor_cache import SHARD, DescriptorCache
from threedsl.files import check_folder, whole_file
from threedsl.locks import locked
from threedsl.people import query_box
from threedsl.progress import Report

if TYPE_CHECKING:
    from threedsl.pipeline import ThreeDSL

BLOCK = 256  # pictures per file
BATCH = 32
LOOKED_UP = 64  # blocks whose pictures are looked up in the cache at once
AHEAD = BLOCK  # pictures that are decoded ahead of the network
READERS = 4
NO_DIGEST = b""
STREAMS_KEPT = ("appearance", "shape")


@dataclass(frozen=True)
class Job:
    """One output file, and what is to be in it.

    find: cut the most prominent person out of each photo; such descriptors are not cached.
    """

    model: ThreeDSL
    records: Sequence[Record]
    find: bool
    out: Path
    cache: DescriptorCache | None = None
    key: str = field(init=False, default="")

    def __post_init__(self):
        object.__setattr__(self, "key", key_of(self.model, self.records, self.find))

    @property
    def folder(self) -> Path:
        """Where the blocks are while the output is not complete."""
        return self.out.with_name(f".{self.out.name}.{self.key[:16]}.parts")

    @property
    def blocks(self) -> range:
        return range((len(self.records) + BLOCK - 1) // BLOCK)

    def block(self, number: int) -> Sequence[Record]:
        """The pictures of one block."""
        return self.records[number * BLOCK : (number + 1) * BLOCK]

    def file(self, number: int) -> Path:
        """Where one block is written."""
        return self.folder / f"{number:08d}.npz"

    @property
    def is_complete(self) -> bool:
        """Whether the output is there already, made from this list by this model."""
        return is_made_by(self.out, self.key)


def key_of(model: ThreeDSL, records: Sequence[Record], find: bool) -> str:
    """sha256 in hexadecimal over the model, the list and the state of its files."""
    digest = hashlib.sha256(f"{model.fingerprint} {model.backend} {find} {BLOCK} {BATCH}".encode())
    for record in records:
        try:
            state = record.path.stat()
            size, changed = state.st_size, state.st_mtime_ns
        except OSError:
            size, changed = -1, -1
        row = [*(str(getattr(record, name)) for name in TEXTS), size, changed]
        row += [] if record.time is None else [record.time]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def compute(job: Job, rank: int, world: int, report: Report) -> None:
    """Write the blocks of process `rank` of `world` that are not there yet.

    Raises:
        InputError: a block cannot be written.
    """
    check_folder(job.folder, job.out)
    own = [number for number in job.blocks if number % world == rank]
    pictures = {number: len(job.block(number)) for number in own}
    pending = [number for number in own if not job.file(number).is_file()]
    total = sum(pictures.values())
    done = total - sum(pictures[number] for number in pending)
    report(done, total)
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(pending), LOOKED_UP):
            group = pending[start : start + LOOKED_UP]
            plan = _look_up(job, group, pool)
            wanted = [record for number in group for record in plan[number].missing]
            read = partial(_read, find=job.find, size=job.model.input_size)
            crops = _ahead(pool, read, wanted)
            for number in group:
                _write_block(job, number, plan[number], crops)
                done += pictures[number]
                report(done, total)


class _Plan(NamedTuple):
    """What is known of a block, and what is to be computed."""

    digests: list[bytes]  # of its pictures; NO_DIGEST where there is no cache
    cached: dict[bytes, tuple[np.ndarray, np.ndarray]]
    missing: Sequence[Record]


def _look_up(job: Job, group: Sequence[int], pool: ThreadPoolExecutor) -> dict[int, _Plan]:
    """By block."""
    plan = {}
    records = [record for number in group for record in job.block(number)]
    if job.find or job.cache is None:
        blocks = {number: job.block(number) for number in group}
        return {number: _Plan([NO_DIGEST] * len(block), {}, block) for number, block in blocks.items()}
    digests = iter(list(pool.map(_digest, records)))
    of_block = {number: [next(digests) for _ in job.block(number)] for number in group}
    known = job.cache.find({digest for found in of_block.values() for digest in found} - {NO_DIGEST})
    for number in group:
        found = {digest: known[digest] for digest in of_block[number] if digest in known}
        missing = [
            record
            for record, digest in zip(job.block(number), of_block[number], strict=True)
            if digest not in found
        ]
        plan[number] = _Plan(of_block[number], found, missing)
    return plan


def _write_block(job: Job, number: int, plan: _Plan, crops: Iterator[np.ndarray | InputError]) -> None:
    """rows (M,) in the list of the pictures that could be read; appearance, shape (M, D); digests (M,), empty for
    those that are cached or not to be; skipped (S,) sentences."""
    width = job.model.config.descriptor, job.model.config.shape_width
    rows, skipped, batch, places = [], [], [], []
    values: list[tuple[np.ndarray, np.ndarray]] = []
    keys, pending = [], []
    computed = set(map(id, plan.missing))  # by identity: a list may name a picture twice
    for offset, (record, digest) in enumerate(zip(job.block(number), plan.digests, strict=True)):
        if id(record) not in computed:
            values.append(plan.cached[digest])
            keys.append("")
        else:
            crop = next(crops)
            if isinstance(crop, InputError):
                skipped.append(str(crop))
                continue
            places.append(len(values))
            batch.append(crop)
            values.append((np.empty(0), np.empty(0)))
            pending.append((record, digest))
            keys.append(digest.hex())
        rows.append(number * BLOCK + offset)
    if batch:
        output = job.model(batch, batch_size=BATCH, bodies=False)
        for place, one, *both in zip(places, pending, output.appearance, output.shape, strict=True):
            values[place] = tuple(both)
            if keys[place] and _digest(one[0]) != one[1]:  # changed before it was decoded
                keys[place] = ""
    arrays = [
        np.stack([value[part] for value in values]) if values else np.zeros((0, width[part]), np.float32)
        for part in (0, 1)
    ]
    with whole_file(job.file(number)) as file:
        np.savez(
            file,
            rows=np.array(rows, np.int64),
            appearance=arrays[0].astype(np.float32),
            shape=arrays[1].astype(np.float32),
            digests=np.array(keys, str),
            skipped=np.array(skipped, str),
        )


def _digest(record: Record) -> bytes:
    try:
        return sha256_of(record.path)
    except InputError:
        return NO_DIGEST


def _read(record: Record, find: bool, size: tuple[int, int]) -> np.ndarray | InputError:
    """The crop as the network takes it, or the error, returned so that the other pictures are read."""
    try:
        image = load_image(record.path)
        return resize_crop(query_box(image)[0].crop(image) if find else image, size)
    except InputError as error:
        return error


def _ahead(pool: ThreadPoolExecutor, function, items: Iterable) -> Iterator:
    """map() whose results are made ahead of their use, AHEAD at most."""
    waiting = []
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == AHEAD:
            yield waiting.pop(0).result()
    while waiting:
        yield waiting.pop(0).result()


def finish(job: Job) -> tuple[int, list[str]] | None:
    """Put all blocks together as the output and fill the cache; None where blocks of another process are missing.

    Returns:
        How many pictures are in it, and a sentence for each that was left out.

    Raises:
        InputError: nothing can be written, or no picture could be read.
    """
    try:
        with locked(job.folder):
            if job.is_complete:
                shutil.rmtree(job.folder, ignore_errors=True)  # of the same command, given twice at once
                return written(job)
            if not all(job.file(number).is_file() for number in job.blocks):
                return None
            config = job.model.config
            widths = config.descriptor, config.shape_width
            pieces = [
                load_block(job.file(number), number * BLOCK, len(job.block(number)), widths)
                for number in job.blocks
            ]
            skipped = [str(sentence) for piece in pieces for sentence in piece["skipped"]]
            rows = np.concatenate([piece["rows"] for piece in pieces])
            if not len(rows):
                raise InputError(f"No picture of the list can be read; the first: {skipped[0]}")
            _write_output(job, rows, pieces)
            if job.cache is not None:
                _fill(job.cache, pieces)
            shutil.rmtree(job.folder, ignore_errors=True)
            return len(rows), skipped
    except FileNotFoundError:
        return written(job) if job.is_complete else None


def written(job: Job) -> tuple[int, list[str]]:
    """Of a complete output: how many pictures are in it, and a sentence for each of the list that is not."""
    with np.load(job.out, allow_pickle=False) as file:
        paths = file["path"].tolist()
    kept = set(paths)
    missing = [record.path for record in job.records if str(record.path) not in kept]
    return len(paths), [f"{path} could not be read when {job.out} was written." for path in missing]


def _write_output(job: Job, rows: np.ndarray, pieces: list[dict[str, np.ndarray]]) -> None:
    """appearance, shape, combined (N, D); `columns`, each (N,); fingerprint, job () text."""
    appearance, shape = (np.concatenate([piece[name] for piece in pieces]) for name in STREAMS_KEPT)
    records = [job.records[row] for row in rows]
    with whole_file(job.out) as file:
        np.savez(
            file,
            appearance=appearance,
            shape=shape,
            combined=combine(appearance, shape, job.model.config.shape_share),
            fingerprint=np.array(job.model.fingerprint),
            job=np.array(job.key),
            **columns(records),
        )


def _fill(cache: DescriptorCache, pieces: list[dict[str, np.ndarray]]) -> None:
    """Keep in the cache what was computed, in files of its own size."""
    new = [(piece, row) for piece in pieces for row in np.flatnonzero(piece["digests"] != "")]
    for start in range(0, len(new), SHARD):
        chunk = new[start : start + SHARD]
        digests = [bytes.fromhex(piece["digests"][row]) for piece, row in chunk]
        cache.keep(digests, *(np.stack([piece[name][row] for piece, row in chunk]) for name in STREAMS_KEPT))
