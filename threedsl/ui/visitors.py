"""Galleries that visitors made: in memory alone, each for one visitor, and gone with the visit.

Nothing of them is a file until it is exported, so there is no path to guess. A gallery of the page belongs to its
session. One built through the API, where no session lasts, belongs to whoever knows its name, which nobody can guess.
"""

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.ui.shelf import OpenGallery

UNUSED_SECONDS = 1800  # a gallery that nobody searched in or looked at for so long is forgotten
MOST_PER_VISIT = 5
MOST_GALLERIES = 64  # of all visitors; a third of them may come through the API
MOST_API_GALLERIES = 20
MOST_PICTURES = 10_000  # of all visitors: about 150 MB
LONGEST_TITLE = 60
OWN, BUILT = "mine-", "built-"  # how the names of a visitor's and of the API's galleries begin

Session = str | None  # gr.Request.session_hash; None for the API


@dataclass
class Held:
    """A visitor's gallery and when it was last used."""

    gallery: OpenGallery
    session: Session
    used: float  # seconds of the store's clock
    exports: list[Path] = field(default_factory=list)  # folders that go with it


@dataclass
class Building:
    """A gallery in the making; `gone` once its visitor has left."""

    session: Session
    pictures: int = 0
    gone: bool = False

    def check(self) -> None:
        """Raises InputError when nobody waits for it any more."""
        if self.gone:
            raise InputError("The visit ended before the gallery was built.")


class Visitors:
    """The store; its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.RLock()
        self._held: dict[str, Held] = {}
        self._building: list[Building] = []
        self._sweeper: threading.Thread | None = None

    @contextmanager
    def building(self, session: Session, pictures: int) -> Iterator[Building]:
        """Reserve room while a gallery of so many pictures is being built; hand what is yielded to `create`.

        Raises:
            InputError: no room, or the visitor has one in the making already.
        """
        ticket = Building(session, pictures)
        with self._lock:
            self._forget_unused()
            self._check_room(session, pictures)
            self._building.append(ticket)
        try:
            yield ticket
        finally:
            with self._lock:
                self._building.remove(ticket)

    def create(self, ticket: Building, title: str, index: Gallery, thumbnails: list[str]) -> OpenGallery:
        """Keep a gallery under a name that nobody can guess.

        Raises:
            InputError: the visitor has left.
        """
        with self._lock:
            ticket.check()
            name = (BUILT if ticket.session is None else OWN) + secrets.token_hex(16)
            title = self._free_title(ticket.session, clean_title(title))
            gallery = OpenGallery(name, title, index, thumbnails, {}, on_disk=False)
            self._held[name] = Held(gallery, ticket.session, self._clock())
            if self._sweeper is None:
                self._sweeper = threading.Thread(
                    target=self._sweep_while_needed, name="visitors", daemon=True
                )
                self._sweeper.start()
            return gallery

    def get(self, session: Session, name: str) -> OpenGallery:
        """A gallery of this session, or one built through the API.

        Raises:
            InputError: there is none, or it is another visitor's; the words are the same.
        """
        return self._use(session, name).gallery

    def replace(self, session: Session, name: str, index: Gallery) -> OpenGallery:
        """The gallery with other labels of the same pictures, kept in its place; raises as `get` does."""
        with self._lock:
            held = self._use(session, name)
            held.gallery = replace(held.gallery, index=index)
            return held.gallery

    def exported(self, session: Session, name: str, folder: Path) -> None:
        """Note a folder that shall go with the gallery; raises as `get` does."""
        self._use(session, name).exports.append(folder)

    def names(self, session: Session) -> list[tuple[str, str]]:
        """(title, name) of the session's galleries, the oldest first; those of the API are never listed."""
        with self._lock:
            self._forget_unused()
            if session is None:
                return []
            return [
                (held.gallery.title, name) for name, held in self._held.items() if held.session == session
            ]

    def delete(self, session: Session, name: str) -> None:
        """Forget one gallery; raises as `get` does."""
        with self._lock:
            self._use(session, name)
            self._remove(name)

    def forget(self, session: Session) -> None:
        """Forget all of a visit that ended, what is being built included."""
        if session is None:
            return
        with self._lock:
            for ticket in self._building:
                ticket.gone = ticket.gone or ticket.session == session
            for name in [name for name, held in self._held.items() if held.session == session]:
                self._remove(name)

    def _use(self, session: Session, name: str) -> Held:
        with self._lock:
            self._forget_unused()
            held = self._held.get(name) if isinstance(name, str) else None
            if held is None or held.session not in (None, session):
                raise InputError(
                    "This gallery is unknown: it was deleted, or forgotten half an hour after its last use; "
                    "build it again."
                )
            held.used = self._clock()
            return held

    def _remove(self, name: str) -> None:
        for folder in self._held.pop(name).exports:
            shutil.rmtree(folder, ignore_errors=True)

    def _check_room(self, session: Session, pictures: int) -> None:
        making = [ticket.session for ticket in self._building]
        owners = [held.session for held in self._held.values()] + making
        if session is not None and session in making:
            raise InputError("A gallery of yours is being built already; wait until it is done.")
        if session is not None and owners.count(session) >= MOST_PER_VISIT:
            raise InputError(
                f"You have {MOST_PER_VISIT} galleries, the most one visit may; delete one first."
            )
        count = sum(len(held.gallery.index) for held in self._held.values())
        count += sum(ticket.pictures for ticket in self._building)
        crowded = session is None and owners.count(None) >= MOST_API_GALLERIES
        if crowded or len(owners) >= MOST_GALLERIES or count + pictures > MOST_PICTURES:
            raise InputError("There is no room for another gallery just now; try again in a few minutes.")

    def _free_title(self, session: Session, title: str) -> str:
        taken = {held.gallery.title for held in self._held.values() if held.session == session}
        number = 1
        while session is not None and title in taken:
            number += 1
            title = f"{title.removesuffix(f' ({number - 1})')} ({number})"
        return title

    def _forget_unused(self) -> None:
        limit = self._clock() - UNUSED_SECONDS
        for name in [name for name, held in self._held.items() if held.used < limit]:
            self._remove(name)

    def _sweep_while_needed(self) -> None:
        while True:
            time.sleep(60)
            with self._lock:
                self._forget_unused()
                if not self._held:
                    self._sweeper = None
                    return


def clean_title(title: object) -> str:
    """A title of one printable line of at most LONGEST_TITLE characters."""
    return one_line(title, LONGEST_TITLE) or "My gallery"


def one_line(text: object, most: int) -> str:
    """A stranger's words as one printable line of at most so many characters; "" for anything that is no text."""
    given = text if isinstance(text, str) else ""
    words = "".join(c if c.isprintable() else " " for c in given[: 20 * most]).split()
    return " ".join(words)[:most].strip()
