"""`python -m threedsl.data.decoding.process SOCKET MEMORY SECONDS BYTES`: decodes pictures for its parent.

The first two are descriptors, the others limits. Messages are bytes, never pickles, so that a decoder which a picture
has taken over cannot make its parent execute anything. Request: JSON (name, limits), then the file. Answers: WAIT and a
number of pixels, upon which the parent sends GO when there is room for them; at last SENTENCE, or PICTURE with height
and width, whose pixels are in the memory that both share.
"""

from __future__ import annotations

import json
import mmap
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from threedsl.data.decoding import decode
from threedsl.errors import InputError

WAIT, GO, PICTURE, SENTENCE = b"w", b"g", b"p", b"s"
NUMBER, SIZE = struct.Struct("<Q"), struct.Struct("<II")
SHARED_BYTES = 3 * decode.MAX_SIDE**2


class ParentsBudget:
    """The parent's budget of pixels, which all of its decoding processes share."""

    def __init__(self, connection: Connection):
        self.connection = connection

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        self.connection.send_bytes(WAIT + NUMBER.pack(amount))
        if self.connection.recv_bytes() != GO:
            raise EOFError
        yield


def answer(connection: Connection, memory: mmap.mmap, seconds: float) -> None:
    """One request, in so much time of the processor; raises EOFError when the parent has gone."""
    asked = json.loads(connection.recv_bytes())
    data = connection.recv_bytes()
    # The signal's default action ends the process, in the middle of a C library as well.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        pixels = decode.decode(data, asked["name"], decode.Limits(**asked["limits"]))
    except InputError as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send_bytes(SENTENCE + str(error).encode("utf-8", "surrogatepass"))
        return
    signal.setitimer(signal.ITIMER_PROF, 0)
    memory[: pixels.nbytes] = pixels.data.cast("B")
    connection.send_bytes(PICTURE + SIZE.pack(*pixels.shape[:2]))


def bound_memory(most: int) -> None:
    """Refuse `most` bytes of memory beyond what is taken by now, where the system can, and any file."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + most, used + most))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(socket: str, memory: str, seconds: str, most: str) -> None:
    connection, shared = Connection(int(socket)), mmap.mmap(int(memory), SHARED_BYTES)
    decode.DECODING = ParentsBudget(connection)
    with suppress(ImportError):
        import pillow_heif  # noqa: F401  before the limit of memory counts what the libraries take
    bound_memory(int(most))
    with suppress(EOFError, OSError):
        while True:
            answer(connection, shared, float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
