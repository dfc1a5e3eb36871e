"""Memory that is given back: a server whose threads come and go."""

import ctypes
import os
from contextlib import suppress

MOST_ARENAS = 2
M_ARENA_MAX = -8  # malloc.h of the GNU C library


def share_arenas() -> bool:
    """Let all threads take memory from few arenas, where the C library is GNU's; whether that was done.

    It gives every thread an arena of its own, up to eight for each core, and each keeps what its largest decode took:
    under load the server grew by a third. MALLOC_ARENA_MAX, if set, stands.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    with suppress(OSError, AttributeError):  # another C library
        return ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, MOST_ARENAS) == 1
    return False
