"""What visitors leave on disk is gone within the hour: by age while the page runs, and all of it when it ends.

Gradio deletes only files that the running process knows of. A crash, a kill or a query that fails half-way leaves
others, so here the folder itself is looked through.
"""

import atexit
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

EVERY, AGE = 600, 3000  # seconds between two sweeps, and of a file's life; together an hour

log = logging.getLogger(__name__)


def own_folder() -> Path:
    """A new folder's path for this process alone, below GRADIO_TEMP_DIR or else the temporary folder.

    Of its own, so that nothing else is ever swept; beside those of earlier processes, so that their leftovers are.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    base = os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()
    return Path(base).resolve() / f"threedsl-page-{user}" / secrets.token_hex(8)


def keep_clean(folder: Path, kept: Callable[[], Collection[str]]) -> None:
    """Sweep now and every ten minutes in the background, and remove the folder when this process ends or is told to.

    kept: gives the paths that stay however old they are, such as the page's examples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # By default SIGTERM, which `docker stop` and a Space send, ends Python without its exit functions.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sweep(folder, kept())
    threading.Thread(target=_sweep_forever, args=(folder, kept), name="sweep", daemon=True).start()


def sweep(folder: Path, kept: Collection[str] = (), now: float | None = None) -> None:
    """Delete files of `folder` that nobody changed for 50 minutes, and folders beside it that no process looks after.

    A running process shows that it is there by the time on its folder. now: seconds since 1970.
    """
    limit = (time.time() if now is None else now) - AGE
    os.utime(folder)
    for other in folder.parent.iterdir():
        if other != folder and other.is_dir() and not other.is_symlink() and _older(other, limit):
            shutil.rmtree(other, ignore_errors=True)
    for parent, folders, files in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in files):
            if str(path) not in kept and _older(path, limit):
                path.unlink(missing_ok=True)
        for path in (Path(parent, name) for name in folders):
            if _older(path, limit) and not any(path.iterdir()):
                path.rmdir()


def _older(path: Path, limit: float) -> bool:
    try:
        return path.lstat().st_mtime < limit
    except FileNotFoundError:  # a visitor's session ended in between
        return False


def _sweep_forever(folder: Path, kept: Callable[[], Collection[str]]) -> None:
    while True:
        time.sleep(EVERY)
        try:
            sweep(folder, kept())
        except OSError:
            log.exception("%s could not be swept", folder)
