"""What a server does around the import of its libraries, to wait less for them."""

import gc
import inspect
import sys


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
