"""Galleries that visitors made: in memory only, each for one visitor, and deleted with the visit.

Nothing of them is a file until it is exported, so there is no path to guess. A gallery of the page belongs to its
session. One built through the API, where no session lasts, belongs to whoever knows its name, which cannot be guessed.
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
from threedsl.gallery.archive import composed
from threedsl.ui.demo_galleries import OpenGallery
from threedsl.ui.security.caller import current
from threedsl.ui.security.limits import addresses_are_shared
from threedsl.ui.security.written import is_cancelled

UNUSED_SECONDS = 1800  # a gallery that was not searched or viewed for so long expires
# The same for one that was never viewed after it was made and whose page is not open, as with the API's.
UNTOUCHED_SECONDS = 600
SETTLING_SECONDS = 30  # the page shows a gallery as soon as it is made, which does not count as use
MOST_PER_VISIT = 5
MOST_VISIT_PICTURES = 1500
MOST_ADDRESS_GALLERIES = 16  # of one client address, where addresses tell visitors apart
MOST_ADDRESS_PICTURES = 4000
MOST_GALLERIES = 64  # of all visitors; a third of them may come from where no page is open
MOST_API_GALLERIES = 20
MOST_PICTURES_IN_ALL = 10_000  # of all visitors: about 150 MB
KEPT_EXPORTS = 4  # of one gallery: others wait for the store while they are deleted
LONGEST_TITLE = 60
OWN, BUILT = "mine-", "built-"  # how the names of a visitor's and of the API's galleries begin

Session = str | None  # gr.Request.session_hash; None for the API


@dataclass
class OwnGallery:
    """A visitor's gallery and when it was last used."""

    gallery: OpenGallery
    session: Session
    used: float  # seconds of the store's clock
    made: float = 0.0
    address: str = ""
    exports: list[Path] = field(default_factory=list)  # folders that go with it


@dataclass
class Building:
    """A gallery being built; `gone` once its visitor has left."""

    session: Session
    pictures: int = 0
    address: str = ""
    gone: bool = False

    def check(self) -> None:
        """Raises InputError once its visitor has left, or cancelled it."""
        if self.gone or is_cancelled():
            raise InputError("The visit ended, or the build was cancelled, before the gallery was built.")


class Visitors:
    """The store; its methods may be called from any thread."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        is_open: Callable[[Session], bool] = lambda session: session is not None,
    ):
        """is_open: tells whether a session's page is open; one that is not may be made up."""
        self._clock = clock
        self.is_open = is_open
        self._lock = threading.RLock()
        self._held: dict[str, OwnGallery] = {}
        self._building: list[Building] = []
        self._sweeper: threading.Thread | None = None

    @contextmanager
    def building(self, session: Session, pictures: int) -> Iterator[Building]:
        """Reserve room while a gallery of so many pictures is being built; hand what is yielded to `create`.

        Raises:
            InputError: no room, or the visitor has one in the making already.
        """
        ticket = Building(session, pictures, current().address)
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
        """Keep a gallery under an unguessable name.

        Raises:
            InputError: the visitor has left.
        """
        with self._lock:
            ticket.check()
            name = (BUILT if ticket.session is None else OWN) + secrets.token_hex(16)
            title = self._free_title(ticket.session, clean_title(title))
            gallery = OpenGallery(name, title, index, thumbnails, {}, on_disk=False)
            now = self._clock()
            self._held[name] = OwnGallery(gallery, ticket.session, now, now, ticket.address)
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
        """Note a folder to delete with the gallery, and delete those of earlier exports; raises as `get` does."""
        with self._lock:
            exports = self._use(session, name).exports
            exports.append(folder)
            old = exports[:-KEPT_EXPORTS]
            del exports[:-KEPT_EXPORTS]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)

    def names(self, session: Session) -> list[tuple[str, str]]:
        """(title, name) of the session's galleries, the oldest first; those of the API are never listed."""
        with self._lock:
            self._forget_unused()
            if session is None:
                return []
            return [
                (held.gallery.title, name) for name, held in self._held.items() if held.session == session
            ]

    def owners(self) -> set[Session]:
        """Sessions that have galleries; takes no lock, so that the server's event loop may ask."""
        return {held.session for held in list(self._held.values())}

    def delete(self, session: Session, name: str) -> None:
        """Delete one gallery; raises as `get` does."""
        with self._lock:
            self._use(session, name)
            self._remove(name)

    def forget(self, session: Session) -> None:
        """Drop everything of a visit that ended, including what is being built."""
        if session is None:
            return
        with self._lock:
            for ticket in self._building:
                ticket.gone = ticket.gone or ticket.session == session
            for name in [name for name, held in self._held.items() if held.session == session]:
                self._remove(name)

    def _use(self, session: Session, name: str) -> OwnGallery:
        with self._lock:
            self._forget_unused()
            held = self._held.get(name) if isinstance(name, str) else None
            if held is None or held.session not in (None, session):
                raise InputError(
                    "This gallery is unknown: it was deleted, or it expired after 30 minutes of inactivity, or after "
                    "10 if it was never searched; build it again."
                )
            held.used = self._clock()
            return held

    def _remove(self, name: str) -> None:
        for folder in self._held.pop(name).exports:
            shutil.rmtree(folder, ignore_errors=True)

    def _check_room(self, session: Session, pictures: int) -> None:
        making = [ticket.session for ticket in self._building]
        if session is not None and session in making:
            raise InputError("One of your galleries is already being built; wait until it is finished.")
        mine, in_mine = self._taken(lambda owner, _: owner == session)
        if session is not None and mine >= MOST_PER_VISIT:
            raise InputError(f"You have {MOST_PER_VISIT} galleries, the maximum per visit; delete one first.")
        if session is not None and in_mine + pictures > MOST_VISIT_PICTURES:
            raise InputError(
                f"Your galleries would hold more than {MOST_VISIT_PICTURES:,} pictures, the most one visit may; "
                "delete one first."
            )
        client = current().address
        theirs, in_theirs = self._taken(lambda _, address: address == client)
        if client and not addresses_are_shared():
            if theirs >= MOST_ADDRESS_GALLERIES or in_theirs + pictures > MOST_ADDRESS_PICTURES:
                raise InputError(
                    "Too many galleries were built from your address; delete some, or wait half an hour."
                )
        while self._is_full(session, pictures):
            spare = [name for name, held in self._held.items() if self._is_untouched(held)]
            if not spare:
                raise InputError(
                    "There is no room for another gallery right now; try again in a few minutes."
                )
            self._remove(spare[0])  # the oldest

    def _is_full(self, session: Session, pictures: int) -> bool:
        count, there = self._taken(lambda *_: True)
        strangers, _ = self._taken(lambda owner, _: not self.is_open(owner))
        crowded = not self.is_open(session) and strangers >= MOST_API_GALLERIES
        return crowded or count >= MOST_GALLERIES or there + pictures > MOST_PICTURES_IN_ALL

    def _taken(self, counts: Callable[[Session, str], bool]) -> tuple[int, int]:
        """(galleries, pictures in them) of the sessions and addresses that count, those in the making included."""
        sizes = [
            len(held.gallery.index) for held in self._held.values() if counts(held.session, held.address)
        ]
        sizes += [ticket.pictures for ticket in self._building if counts(ticket.session, ticket.address)]
        return len(sizes), sum(sizes)

    def _is_untouched(self, held: OwnGallery) -> bool:
        """Whether a gallery may go where room is short: it was made a while ago and not used since, and no open page
        shows it."""
        settled = held.made + SETTLING_SECONDS
        shown = held.made if held.session is None else settled  # no page shows a gallery of the API
        return held.used <= shown and settled < self._clock() and not self.is_open(held.session)

    def _free_title(self, session: Session, title: str) -> str:
        taken = {held.gallery.title for held in self._held.values() if held.session == session}
        number = 1
        while session is not None and title in taken:
            number += 1
            title = f"{title.removesuffix(f' ({number - 1})')} ({number})"
        return title

    def _forget_unused(self) -> None:
        now = self._clock()
        for name, held in list(self._held.items()):
            if held.used < now - (UNTOUCHED_SECONDS if self._is_untouched(held) else UNUSED_SECONDS):
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
    words = "".join(c if c.isprintable() else " " for c in composed(given[: 20 * most])).split()
    return " ".join(words)[:most].strip()
