"""What one visit, one address and everybody may use, and that a made-up session takes nothing from a visitor."""

import contextlib
import errno
import threading

import numpy as np
import pytest

from tests.ui.browser.visit import Refused
from tests.ui.test_sessions import Clock
from tests.zips import crop
from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.ui import sessions
from threedsl.ui.security import limits, uploads
from threedsl.ui.security.caller import Caller, calling
from threedsl.ui.security.ledger import GONE, Ledger
from threedsl.ui.sessions import Visitors

MB = 2**20


def gallery(pictures: int) -> Gallery:
    vectors = np.ones((pictures, 1), np.float32)
    return Gallery([Record(f"{i}.jpg") for i in range(pictures)], vectors, vectors, "model")


def add(store: Visitors, session: str | None, pictures: int = 2, address: str = "") -> str:
    with calling(Caller(session, address)), store.building(session, pictures) as ticket:
        return store.create(ticket, "Holiday", gallery(pictures), ["data:"] * pictures).name


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    return Ledger(tmp_path, clock=clock)


def sent(ledger: Ledger, name: str, size: int = MB, address: str = "1.1.1.1") -> str:
    folder = ledger.new_folder()
    folder.mkdir(parents=True)
    path = folder / name
    with ledger.receiving(address) as take:
        take(size)
        path.write_bytes(bytes(size))
        ledger.uploaded(str(path), address)
    return str(path)


def test_uploads_of_all_are_bounded(ledger, clock, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", 5 * MB)
    for i in range(4):
        ledger.use(sent(ledger, "a", address=f"1.1.1.{i}"), Caller(f"visit {i}"))
    with pytest.raises(InputError, match="no room for more uploads"):
        sent(ledger, "b", address="2.2.2.2")
    ledger.forget("visit 0")
    sent(ledger, "b", address="2.2.2.2")


def test_uploads_of_an_address_are_bounded(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VISIT_BYTES", 3 * MB)
    for _ in range(2):
        sent(ledger, "a")
    with pytest.raises(InputError, match="Your uploads"):
        sent(ledger, "a")
    sent(ledger, "a", address="2.2.2.2")
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    sent(ledger, "a")  # visitors share the address there


def test_a_visit_is_bounded_where_addresses_are_shared(ledger, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    monkeypatch.setattr(limits, "MOST_VISIT_BYTES", 3 * MB)
    paths = [sent(ledger, "a") for _ in range(4)]
    for path in paths[:2]:
        ledger.use(path, Caller("anna"))
    with pytest.raises(InputError, match="Your uploads"):
        ledger.use(paths[2], Caller("anna"))
    ledger.use(paths[2], Caller("ben"))


def test_a_trusted_proxy_tells_addresses_apart(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    assert limits.addresses_are_shared()
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")
    assert not limits.addresses_are_shared()


def test_what_nobody_used_goes_first(ledger, clock, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", 4 * MB)
    used, unused, new = (sent(ledger, name) for name in "abc")
    ledger.use(used, Caller("anna"))
    clock.now += limits.MAKE_ROOM_SECONDS + 1
    sent(ledger, "d", 2 * MB, "2.2.2.2")
    assert ledger.serves(used) and not ledger.serves(unused) and not ledger.serves(new)


def test_uploads_that_no_event_named_live_shorter(ledger, clock):
    used, unused = sent(ledger, "a"), sent(ledger, "b")
    ledger.use(used, Caller("anna"))
    clock.now += limits.UNTOUCHED_UPLOAD_SECONDS + 1
    ledger.prune()
    assert ledger.serves(used) and not ledger.serves(unused)
    assert [path.name for path in ledger.folder.rglob("*") if path.is_file()] == ["a"]


def test_the_books_balance(ledger, clock):
    """After everything is gone nothing is counted."""
    for i in range(6):
        ledger.use(sent(ledger, str(i)), Caller(f"visit {i % 2}"))
    with contextlib.suppress(InputError), ledger.receiving("1.1.1.1") as take:
        take(MB)
        raise InputError("it broke off")
    sent(ledger, "unused")
    ledger.forget("visit 0")
    ledger.forget("visit 1")
    clock.now += limits.UNTOUCHED_UPLOAD_SECONDS + 1
    ledger.prune()
    assert not ledger._entries and not ledger._bytes
    assert [path for path in ledger.folder.rglob("*") if path.name != "uploads"] == []


def test_many_uploads_at_once_stay_within_the_limit(ledger, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", 10 * MB)
    together, done = threading.Barrier(20), []

    def send(i: int) -> None:
        together.wait()
        with contextlib.suppress(InputError):
            done.append(sent(ledger, "a", address=str(i)))

    threads = [threading.Thread(target=send, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(done) <= 9  # each takes a little more of the disk than its bytes


def test_a_link_in_the_place_of_an_upload_is_not_followed(ledger, tmp_path):
    path = sent(ledger, "a.jpg")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (ledger.folder / path).unlink()
    (ledger.folder / path).symlink_to(secret)
    assert not ledger.serves(path)
    with pytest.raises(InputError, match=GONE[:30]):
        ledger.use(path, Caller("anna", "1.1.1.1"))


def test_an_answer_belongs_to_its_visit(ledger):
    path = sent(ledger, "body.glb")
    other = ledger.folder / "bodies" / "b.glb"
    other.parent.mkdir()
    other.write_bytes(b"x")
    ledger.answered([str(other)], Caller("anna"))
    ledger.answered(["/etc/passwd"], Caller("anna"))
    with pytest.raises(InputError):
        ledger.use(str(other), Caller("ben"))
    assert ledger.use(str(other), Caller("anna")) == 1 and not ledger.serves("/etc/passwd")
    ledger.forget("anna")
    assert not other.exists() and ledger.serves(path)


def test_a_file_of_two_visits_stays_until_both_are_gone(ledger):
    shared = ledger.folder / "hash" / "image.jpeg"
    shared.parent.mkdir()
    shared.write_bytes(b"x")
    for name in ("anna", "ben"):
        ledger.answered([str(shared)], Caller(name))
    ledger.forget("anna")
    assert shared.exists()
    ledger.forget("ben")
    assert not shared.exists()


@pytest.mark.slow
def test_uploads_over_the_limit_are_said_by_the_server(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", MB)
    visitor = empty.visitor()
    with pytest.raises(Refused, match="no room for more uploads"):
        visitor.upload({"a.zip": bytes(2 * MB)})
    assert empty.files() == set()
    assert visitor.upload({"a.png": crop(1)})


@pytest.mark.slow
def test_an_upload_without_a_length_is_bounded(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TEMP_BYTES", MB)
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'

    def body():
        yield head
        for _ in range(64):
            yield bytes(2**16)

    answer = empty.visitor().http.post(
        "gradio_api/upload", content=body(), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413 and "no room" in answer.text
    assert empty.files() == set()


def test_a_file_over_its_limit_is_said(empty, monkeypatch):
    monkeypatch.setattr(empty.page, "max_file_size", MB)
    with pytest.raises(Refused, match="A file may have 1 MB at most"):
        empty.visitor().upload({"a.zip": bytes(2 * MB)})
    assert empty.files() == set()


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "multipart/form-data"), (b"{}", "application/json"), (b"junk", "multipart/form-data; boundary=x")],
)
def test_what_is_no_form_is_said(served, content, kind):
    answer = served.visitor().http.post("gradio_api/upload", content=content, headers={"content-type": kind})
    assert answer.status_code in (200, 400)
    assert answer.json() == [] if answer.status_code == 200 else "form with files" in answer.text


@pytest.mark.slow
def test_the_same_file_many_times_in_one_upload_is_counted_once(empty):
    visitor = empty.visitor()
    files = [("files", ("same.png", crop(1)))] * 5
    paths = visitor.http.post("gradio_api/upload", files=files).json()
    assert len(paths) == 5 and len(set(paths)) == 1
    visitor.press("gallery-build", [[{"path": paths[0]}], "", None])
    visitor.press("delete-data", [])
    assert not empty.page.ledger._entries and not empty.page.ledger._bytes and empty.files() == set()


def test_too_many_files(empty, monkeypatch):
    monkeypatch.setattr(limits, "MOST_FILES", 3)
    with pytest.raises(Refused, match="3 files at most"):
        empty.visitor().upload({f"{i}.png": b"x" for i in range(4)})
    assert empty.files() == set()


@pytest.mark.slow
def test_a_full_disk_is_a_sentence(empty, monkeypatch):
    async def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    visitor = empty.visitor()
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "receive_files", full)
        with pytest.raises(Refused, match="disk is full; try again later"):
            visitor.upload({"a.png": crop(1)})
        patch.setattr(limits, "LEAST_FREE_BYTES", 2**60)
        with pytest.raises(Refused, match="disk is full; try again later"):
            visitor.upload({"a.png": crop(1)})

    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(empty.service, "search", no_space)
    with pytest.raises(Refused, match="disk is full; try again later"):
        visitor.search({"photo.png": crop(1)}, "tiny")


def test_pictures_of_a_visit_are_bounded(clock, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_VISIT_PICTURES", 5)
    store = Visitors(clock)
    add(store, "anna", 4)
    with pytest.raises(InputError, match="more than 5 pictures"):
        add(store, "anna", 2)
    add(store, "ben", 5)


def test_one_address_cannot_take_everything(clock, monkeypatch):
    """As the eighteen imports did: each from another session."""
    store = Visitors(clock)
    made = 0
    with pytest.raises(InputError, match="from your address"):
        for i in range(40):
            add(store, f"made up {i}", 500, "6.6.6.6")
            made += 1
    assert made == sessions.MOST_ADDRESS_PICTURES // 500
    add(store, "visitor", 500, "1.1.1.1")
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    add(store, "neighbour", 500, "6.6.6.6")


def test_made_up_sessions_push_out_each_other_and_no_visitor(clock):
    visitors = {"anna", "ben"}
    store = Visitors(clock, visitors.__contains__)
    names = {session: add(store, session) for session in visitors}
    for i in range(200):
        clock.now += 31
        for session, name in names.items():
            store.get(session, name)
        add(store, f"made up {i}", 400, f"6.6.6.{i}")
        assert len(store._held) <= sessions.MOST_API_GALLERIES + 2
    for session, name in names.items():
        assert store.get(session, name)


def test_a_visitor_gets_room_where_strangers_filled_it(clock):
    store = Visitors(clock, lambda session: session == "anna")
    for i in range(sessions.MOST_API_GALLERIES):
        add(store, None, 500, f"6.6.6.{i}")
    clock.now += sessions.SETTLING_SECONDS + 1
    add(store, "anna", 500, "1.1.1.1")


def test_what_was_used_is_not_pushed_out(clock):
    store = Visitors(clock, lambda _: False)
    used = add(store, None, 2, "1.1.1.1")
    clock.now += sessions.SETTLING_SECONDS + 1
    store.get(None, used)
    for i in range(60):
        clock.now += sessions.SETTLING_SECONDS + 1
        store.get(None, used)
        add(store, None, 2, f"6.6.6.{i}")
    assert store.get(None, used)


def test_what_was_never_used_lives_shorter(clock):
    store = Visitors(clock, lambda session: session == "anna")
    hers, stranger, used = add(store, "anna"), add(store, None), add(store, None)
    clock.now += sessions.SETTLING_SECONDS + 1
    store.get(None, used)
    clock.now += sessions.UNTOUCHED_SECONDS
    assert store.get("anna", hers) and store.get(None, used)
    with pytest.raises(InputError, match="unknown"):
        store.get(None, stranger)


@pytest.mark.slow
def test_made_up_sessions_do_not_push_out_what_gradio_remembers(served, monkeypatch):
    """Through the running page: 30 calls with made-up sessions, where only eight visits are remembered."""
    monkeypatch.setattr(served.page.states, "capacity", 8)
    visitor, stranger = served.visitor(), served.visitor()
    number = next(e for e in visitor.events if e["api_name"] == "galleries")["id"]
    with visitor.open_page():
        visitor.run({"fn_index": number, "data": []})
        state = served.page.states.session_data[visitor.session]
        for i in range(30):
            stranger.session = f"madeup{i}"
            stranger.run({"fn_index": number, "data": []})
        assert served.page.states.session_data[visitor.session] is state
        assert len(served.page.states.session_data) <= 8


def test_plain_calls_leave_no_state(served):
    http = served.visitor().http
    before = set(served.page.states.session_data)
    for _ in range(5):
        said = http.post("gradio_api/call/galleries", json={"data": []}).json()
        assert "complete" in http.get(f"gradio_api/call/galleries/{said['event_id']}").text
    assert set(served.page.states.session_data) <= before  # visits that ended may go meanwhile


def test_open_pages_are_bounded(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OPEN_PAGES_PER_ADDRESS", 2)
    visitors = [served.visitor() for _ in range(3)]
    with visitors[0].open_page(), visitors[1].open_page():
        answer = visitors[2].http.get(f"gradio_api/heartbeat/{visitors[2].session}")
        assert answer.status_code == 503 and "open too many times" in answer.text
