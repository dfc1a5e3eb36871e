"""The heap of the GNU C library: servers should stay small, and trainings should not wait for it."""

import ctypes
import os
from contextlib import suppress

MOST_ARENAS = 2

# malloc.h
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_NEVER = 2**31 - 1


def share_arenas() -> bool:
    """Let all threads take memory from few arenas; whether that was done.

    glibc gives every thread an arena of its own, up to eight for each core, and each keeps what its largest decode
    took: under load the server grew by a third. MALLOC_ARENA_MAX, if set, is respected.
    """
    return "MALLOC_ARENA_MAX" not in os.environ and _set(_ARENA_MAX, MOST_ARENAS)


def keep_freed_memory() -> bool:
    """Use freed memory again instead of giving it back to the system; whether that was done.

    glibc maps every large array again, and the system clears its pages on first use, which takes as long as the layers
    of a network that fill it: on two cores the early maps of 48 pictures took 3.7 s instead of 2.2. The process keeps
    its largest size. Call it before threads are started.
    """
    return _set(_MMAP_MAX, 0) and _set(_TRIM_THRESHOLD, _NEVER)


def _set(option: int, value: int) -> bool:
    """mallopt; False with another C library."""
    with suppress(OSError, AttributeError):
        return ctypes.CDLL("libc.so.6").mallopt(option, value) == 1
    return False
