"""Whether a place can be written to, asked before the work whose result goes there."""

import tempfile
from pathlib import Path

from threedsl.errors import InputError


def check_folder(folder: Path, name: str | Path) -> None:
    """Make `folder` and try to write in it; `name` is what the error sentence calls the thing to be written.

    Raises:
        InputError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Permissions alone would not tell of read-only file systems, and say nothing to root.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{name} cannot be written ({error.strerror}); choose another place.") from None
