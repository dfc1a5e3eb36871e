"""What visitors leave on disk is gone within the hour: by age while the page runs, and all of it when it ends.

Gradio deletes only files that the running process knows of. A crash, a kill or a query that fails half-way leaves
others, so here the folder itself is looked through.
"""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from threedsl.ui.own_folder import delete_leftovers, own_folder, remove

__all__ = ["keep_clean", "own_folder", "sweep"]

EVERY, AGE = 600, 3000  # seconds between two sweeps, and of a file's life; together an hour

log = logging.getLogger(__name__)


def keep_clean(
    folder: Path, kept: Callable[[], Collection[str]], after: Callable[[], None] = lambda: None
) -> None:
    """Sweep now and every ten minutes in the background, and remove the folder when this process ends or is terminated.

    kept: gives the paths that stay however old they are, such as the page's examples. after: called after each sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    atexit.register(remove, folder)
    # By default SIGTERM, which `docker stop` and a Space send, ends Python without its exit functions.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sweep(folder, kept())
    threading.Thread(target=_sweep_forever, args=(folder, kept, after), name="sweep", daemon=True).start()


def sweep(folder: Path, kept: Collection[str] = (), now: float | None = None) -> None:
    """Delete files of `folder` unchanged for 50 minutes, and folders next to it that no process owns.

    A running process shows that it is there by the lock it holds, or where there are none by the time on its folder.
    now: seconds since 1970.
    """
    now = time.time() if now is None else now
    limit = now - AGE
    os.utime(folder)
    delete_leftovers(folder, limit)
    for parent, folders, files in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in files):
            if str(path) not in kept and _older(path, limit):
                path.unlink(missing_ok=True)
            elif not _older(path, now + EVERY):
                # The clock was put back since: such a file would stay until its time comes again.
                with suppress(FileNotFoundError):
                    os.utime(path, (now, now), follow_symlinks=False)
        for path in (Path(parent, name) for name in folders):
            if _older(path, limit):
                with suppress(OSError):  # not empty, or a visit that ended in between deleted it
                    path.rmdir()


def _older(path: Path, limit: float) -> bool:
    try:
        return path.lstat().st_mtime < limit
    except FileNotFoundError:  # a visitor's session ended in between
        return False


def _sweep_forever(folder: Path, kept: Callable[[], Collection[str]], after: Callable[[], None]) -> None:
    while True:
        time.sleep(EVERY)
        try:
            sweep(folder, kept())
            after()
        except OSError:
            log.exception("%s could not be cleaned up", folder)
