"""What a server does before it imports its libraries: memory that is given back, and less wait for them."""

import ctypes
import gc
import inspect
import os
import sys
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


def pause_collection() -> None:
    """Do not look for garbage until `resume_collection`: while modules are imported, nearly everything made stays, and
    looking through it again and again takes a fifth of the time."""
    gc.disable()


def resume_collection() -> None:
    """Look for garbage again, but no longer among what exists by now."""
    gc.freeze()
    gc.enable()


def import_gradio() -> None:
    """Import Gradio without a look at its type stubs, which takes half of the time.

    For every class of a component Gradio parses the source and rewrites the .pyi file next to it, which comes with the
    package and serves editors alone. It skips classes whose source file is unknown.
    """
    tell = inspect.getfile

    def tell_others(thing: object) -> str:
        if sys._getframe(1).f_globals.get("__name__") == "gradio.component_meta":
            raise OSError
        return tell(thing)

    inspect.getfile = tell_others
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = tell
