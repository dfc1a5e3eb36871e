"""What visits leave behind on the disk and in memory is bounded, although each event leaves only a little."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.ui.test_sessions import Clock
from tests.zips import crop, zipped
from threedsl.ui import own_folder
from threedsl.ui.security import limits
from threedsl.ui.security.caller import Caller
from threedsl.ui.security.ledger import Entry, Ledger
from threedsl.ui.security.visits import States
from threedsl.ui.security.weight import weight

KB, MB = 2**10, 2**20
ADDRESS = "1.1.1.1"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path, clock=Clock())


def answer(ledger: Ledger, name: str, session: str | None = "anna", address: str = ADDRESS) -> Path:
    path = ledger.folder / name
    path.write_bytes(bytes(MB))
    ledger.answered([str(path)], Caller(session, address))
    return path


def there(paths: list[Path]) -> list[str]:
    return [path.name for path in paths if path.exists()]


def test_a_visits_oldest_answers_go(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", 3 * MB)
    bens = answer(ledger, "z", "ben")
    made = [answer(ledger, name) for name in "abcd"]
    assert there(made) == ["c", "d"]  # each takes a little more than a megabyte
    assert bens.exists()
    ledger.forget("anna")
    ledger.forget("ben")
    assert not ledger._entries and not ledger._bytes


def pictures_of(outputs: list) -> list[str]:
    return [
        one["path"] for one in outputs if isinstance(one, dict) and str(one.get("path")).endswith(".jpeg")
    ]


@pytest.mark.slow
def test_visits_with_the_same_photo_have_files_of_their_own(served):
    """Gradio named them by their content: after one visitor's were deleted, their addresses told whether somebody else
    had the same photo, and a file that one visit's end deleted could be another one's new answer."""
    anna, ben = served.visitor(), served.visitor()
    mine, others = (pictures_of(visitor.search({"photo.png": crop(5)}, "tiny")) for visitor in (anna, ben))
    assert len(mine) == len(others) == 2 and not set(mine) & set(others)
    served.page.ledger.forget(anna.session)
    assert [anna.fetch(path).status_code for path in mine] == [404, 404]
    assert [ben.fetch(path).status_code for path in others] == [200, 200]


def test_answers_to_plain_calls_of_one_address_are_bounded(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_ADDRESS_ANSWER_BYTES", 3 * MB)
    others = answer(ledger, "z", None, "2.2.2.2")
    made = [answer(ledger, name, None) for name in "abcd"]
    assert there(made) == ["c", "d"] and others.exists()


def test_answers_of_all_are_bounded(ledger, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/space")  # where made-up sessions have one address
    monkeypatch.setattr(limits, "MOST_ANSWER_BYTES", 3 * MB)
    made = [answer(ledger, name, f"madeup {name}") for name in "abcd"]
    assert there(made) == ["c", "d"]


def test_an_answer_of_two_visits_stays_for_the_other(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", 3 * MB)
    shared = answer(ledger, "shared")
    ledger.answered([str(shared)], Caller("ben", ADDRESS))
    for name in "abcd":
        answer(ledger, name)
    assert shared.exists() and ledger.bytes_of("ben") > MB


def test_on_a_full_disk_older_answers_go(ledger, monkeypatch):
    old = answer(ledger, "old")
    monkeypatch.setattr(limits, "LEAST_FREE_BYTES", 2**62)
    new = answer(ledger, "new")
    assert new.exists() and not old.exists()


def test_uploads_do_not_give_way_to_answers(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", MB)
    upload = ledger.folder / "upload"
    upload.write_bytes(bytes(MB))
    ledger.uploaded(str(upload), ADDRESS)
    ledger.use(str(upload), Caller("anna", ADDRESS))
    for name in "ab":
        answer(ledger, name)
    assert upload.exists()


@dataclass
class Photo:
    pixels: np.ndarray


def test_what_a_value_weighs():
    pixels = np.zeros((100, 100), np.uint8)
    assert 10_000 <= weight(Photo(pixels)) < 10_200
    assert weight([Photo(pixels), {"again": (pixels,)}]) < 10_500  # counted once
    assert weight(pixels[:1]) >= 10_000  # a part keeps the whole
    assert weight({"a": "b" * 5000}) >= 5000
    loop = []
    loop.append(loop)
    assert weight(loop) < 100


class State:
    def __init__(self, size: int):
        self.state_data, self.config_values = {1: np.zeros(size, np.uint8)}, {}


def test_the_memory_of_visits_is_bounded(monkeypatch):
    """Made-up visits go first, then the largest of those whose page is open."""
    monkeypatch.setattr(limits, "MOST_STATE_BYTES", 10 * MB)
    open_pages = {"anna", "ben", "greedy"}
    states = States(open_pages.__contains__)

    def leave(session: str, size: int) -> None:
        states.session_data[session] = State(size)
        states.weigh(session)

    leave("anna", MB)
    for i in range(30):
        leave(f"madeup {i}", 2 * MB)
    assert len(states.session_data) == 5 and "anna" in states.session_data
    leave("greedy", 8 * MB)
    leave("ben", 2 * MB)
    assert set(states.session_data) == {"anna", "ben"}
    states.drop("anna")
    states.drop("ben")
    assert not states._weights


@pytest.mark.slow
def test_exports_of_a_running_page_are_bounded(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", 50_000)
    visitor = empty.visitor()
    page = visitor.build({"people.zip": zipped({"anna/1.png": crop(1)})})
    for _ in range(20):
        path = visitor.export(page.name)["path"]
    assert visitor.fetch(path).status_code == 200
    assert sum(found.stat().st_size for found in empty.files()) < 100_000


@pytest.mark.slow
def test_photos_of_made_up_visits_do_not_fill_the_memory(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_STATE_BYTES", 300_000)
    states = empty.page.states
    before = set(states.session_data)
    visitor = empty.visitor()
    for i in range(6):
        visitor.session = f"madeup{i}"
        visitor.search({"photo.png": crop(i)}, "tiny")
    left = set(states.session_data) - before
    assert "madeup5" in left and "madeup0" not in left


@pytest.mark.slow
def test_a_visit_begins_without_a_description_of_the_page(empty):
    """Making one took a tenth of a second of the event loop for every made-up session."""
    visitor = empty.visitor()
    visitor.search({"photo.png": crop(1)}, "tiny")
    state = empty.page.states[visitor.session]
    assert state.state_data  # the photo and the answer
    assert not empty.page.states["somebody new"].config_values
    empty.page.states.drop("somebody new")


@pytest.mark.parametrize("how", ["forget", "prune", "delete", "answered"])
def test_nobody_waits_while_files_are_deleted(ledger, monkeypatch, how):
    """Eight thousand small ones took 14 s on a slow disk, in which no file was served and no upload received."""
    made, waited = answer(ledger, "a"), []

    def slow(path, root):
        with ThreadPoolExecutor() as pool:
            waited.append(pool.submit(ledger.serves, str(made)).result(timeout=60))

    monkeypatch.setattr(own_folder, "delete_file", slow)
    if how == "prune":
        made.unlink()
    if how == "answered":
        monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", 0)
    run = {
        "forget": lambda: ledger.forget("anna"),
        "prune": ledger.prune,
        "delete": lambda: ledger.delete(str(made)),
        "answered": lambda: answer(ledger, "b"),
    }
    run[how]()
    assert waited == [False] and not ledger.serves(str(made))


def test_the_event_loop_deletes_no_more_than_a_few_files(ledger, monkeypatch):
    """It helped to delete many files: a piece of somebody's upload then kept everybody waiting for 5 s."""
    made, by, gone = [answer(ledger, f"{i}") for i in range(40)], [], threading.Event()
    real = own_folder.delete_file

    def noted(path, root):
        by.append(threading.current_thread())
        real(path, root)
        if len(by) == len(made):
            gone.set()

    async def leave():
        ledger.forget("anna")
        ledger.check_room("2.2.2.2", 1)
        return by.count(threading.current_thread())

    monkeypatch.setattr(own_folder, "delete_file", noted)
    assert asyncio.run(leave()) <= own_folder.FEW
    assert gone.wait(60) and not there(made)
    few = answer(ledger, "few")

    async def delete():
        ledger.delete(str(few))
        return few.exists()

    assert not asyncio.run(delete())


def test_not_every_piece_of_an_upload_looks_for_room(ledger, monkeypatch):
    """With 130,000 tiny uploads of somebody, each piece took 0.05 s of the event loop's time, and a photo 8 s."""
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", 1280 * KB)
    for i in range(1280):
        ledger._add(str(ledger.folder / f"{i}"), Entry(KB, ADDRESS, ledger._clock(), upload=True))
    ledger._clock.now += limits.MAKE_ROOM_SECONDS + 1
    asked, untouched = [], Ledger._untouched
    monkeypatch.setattr(ledger, "_untouched", lambda entry: asked.append(entry) or untouched(entry))
    with ledger.receiving("2.2.2.2") as take:
        for _ in range(100):
            take(KB // 10)
    assert len(asked) < 200 and 1250 < len(ledger._entries) < 1280


class Asked(Counter):
    times = 0

    def __getitem__(self, key):
        self.times += 1
        return super().__getitem__(key)


def test_uploads_are_passed_over_when_old_answers_go(ledger, monkeypatch):
    """With 130,000 of somebody's, each answer of a visit at its limit took 0.2 s of the event loop's time."""
    monkeypatch.setattr(limits, "MOST_VISIT_ANSWER_BYTES", 0)
    for i in range(1000):
        ledger._add(str(ledger.folder / f"{i}"), Entry(KB, ADDRESS, ledger._clock(), upload=True))
    ledger._bytes = Asked(ledger._bytes)
    made = [answer(ledger, f"b{i}") for i in range(3)]
    assert there(made) == ["b2"] and ledger._bytes.times < 200


def test_tiny_files_are_bounded_in_number(ledger, monkeypatch):
    """Each is known to the ledger, which takes memory and time: half a million fitted into two gigabytes."""
    for i in range(3):
        (ledger.folder / f"{i}").write_bytes(b"x")
        ledger.uploaded(str(ledger.folder / f"{i}"), ADDRESS)
    assert ledger._bytes["address", ADDRESS] >= 3 * 2**16
