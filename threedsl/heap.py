"""The C library's heap, for programs that allocate and free large arrays all the time."""

import ctypes
import sys

# malloc.h of the GNU C library
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have freed memory used again instead of given back to the system, in this process.

    Otherwise glibc maps every array above some megabytes anew, and the system clears it page by page as it is first
    written, which takes longer than most layers of a network on a CPU. The process stays as large as it once was.

    Returns:
        Whether the C library can do that: True with glibc, False anywhere else.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _LARGEST_INT))
