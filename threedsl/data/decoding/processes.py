"""Pictures decoded by processes of their own, which are ended when one takes too much time or memory.

Headers alone do not show what opening and decoding a file costs: each library has quirks of its own, and some block
every other thread of their process while they work.
"""

from __future__ import annotations

import json
import mmap
import os
import queue
import signal
import struct
import subprocess
import sys
import tempfile
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import numpy as np

import threedsl
from threedsl.data.decoding.decode import DECODING, Limits
from threedsl.data.decoding.process import GO, NUMBER, PICTURE, SENTENCE, SHARED_BYTES, SIZE, WAIT
from threedsl.errors import InputError

MOST_CPU_SECONDS = 15.0  # of one picture; the slowest that headers let through takes a few
MOST_BYTES = (
    1536 * 2**20
)  # of memory, beyond what the libraries take; 50 megapixels with transparency need a half
MOST_SECONDS = 60.0  # that a process may be silent: the machine may be busy
SECONDS_TO_END = 10.0  # for a process whose connection is gone
MOST_MESSAGE = 2**16  # bytes of an answer
MODULE = "threedsl.data.decoding.process"


class DecodingProcesses:
    """Calls decode a picture each, at most `count` at a time; others wait. A process starts when it is first needed."""

    def __init__(self, count: int, cpu_seconds: float = MOST_CPU_SECONDS, most_bytes: int = MOST_BYTES):
        self._free: queue.LifoQueue[_Process] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(_Process((str(cpu_seconds), str(most_bytes))))

    def __call__(self, data: bytes, name: str, limits: Limits) -> np.ndarray:
        """As `decode`.

        Raises:
            InputError: as there, or the picture took too much time or memory, or broke its decoder.
        """
        process = self._free.get()
        try:
            return process.decode(data, name, limits)
        finally:
            self._free.put(process)


class _Process:
    def __init__(self, limits: tuple[str, str]) -> None:
        self._limits = limits
        self._process: subprocess.Popen | None = None
        self._connection: Connection | None = None
        self._memory: mmap.mmap | None = None

    def start(self) -> None:
        """Unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.end()
        ours, theirs = Pipe()
        memory = _memory_file()
        root = str(Path(threedsl.__file__).parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        with theirs, memory:
            shared = theirs.fileno(), memory.fileno()
            self._memory = mmap.mmap(memory.fileno(), SHARED_BYTES)
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, *map(str, shared), *self._limits],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=shared,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
            )
        self._connection = ours

    def end(self) -> None:
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def decode(self, data: bytes, name: str, limits: Limits, again: bool = False) -> np.ndarray:
        self.start()
        try:
            self._connection.send_bytes(json.dumps({"name": name, "limits": asdict(limits)}).encode())
            self._connection.send_bytes(data)
            return self._answer(name)
        except InputError:
            raise
        except (EOFError, OSError, ValueError, struct.error):
            killed = self._was_killed()
            self.end()
            if killed and not again:
                return self.decode(data, name, limits, again=True)
            raise InputError(
                f"{name} takes too much time or memory to decode, or is damaged; open it in an image editor and "
                "export it again."
            ) from None
        except BaseException:  # Ctrl-C: its answer would be taken for the next picture's
            self.end()
            raise

    def _was_killed(self) -> bool:
        """By somebody else, perhaps before it had this picture: its own limits end it by other signals."""
        try:
            return self._process.wait(SECONDS_TO_END) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def _answer(self, name: str) -> np.ndarray:
        message = self._receive()
        if message[:1] == WAIT:
            with DECODING.hold(NUMBER.unpack(message[1:])[0]):
                self._connection.send_bytes(GO)
                message = self._receive()
        if message[:1] == SENTENCE:
            raise InputError(message[1:].decode("utf-8", "surrogatepass"))
        if message[:1] != PICTURE:
            raise ValueError("no answer")
        height, width = SIZE.unpack(message[1:])
        return np.frombuffer(self._memory, np.uint8, 3 * height * width).reshape(height, width, 3).copy()

    def _receive(self) -> bytes:
        if not self._connection.poll(MOST_SECONDS):
            raise TimeoutError
        return self._connection.recv_bytes(MOST_MESSAGE)


def _memory_file() -> IO[bytes]:
    """SHARED_BYTES without a name."""
    named = hasattr(os, "memfd_create")
    file = os.fdopen(os.memfd_create("pixels"), "r+b") if named else tempfile.TemporaryFile()
    file.truncate(SHARED_BYTES)
    return file
