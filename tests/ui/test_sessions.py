"""The store of visitors' galleries: whose they are, how many there may be, and when they are forgotten."""

import threading

import numpy as np
import pytest

from threedsl.data.listfile import Record
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.ui import sessions as visitors
from threedsl.ui.service import Service
from threedsl.ui.sessions import Visitors, clean_title

UNKNOWN = "This gallery is unknown"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return Visitors(clock)


def gallery(pictures: int = 2) -> Gallery:
    vectors = np.eye(pictures, 8, dtype=np.float32)
    return Gallery([Record(f"{i}.jpg") for i in range(pictures)], vectors, vectors, "model")


def add(store: Visitors, session: str | None, title: str = "Holiday", pictures: int = 2) -> str:
    with store.building(session, pictures) as ticket:
        return store.create(ticket, title, gallery(pictures), ["data:"] * pictures).name


def test_a_gallery_belongs_to_its_visitor(store):
    name = add(store, "anna")
    assert store.get("anna", name).title == "Holiday" and store.names("anna") == [("Holiday", name)]
    for other in ("ben", "", None):
        assert store.names(other) == []
        for attempt in (store.get, store.delete):
            with pytest.raises(InputError, match=UNKNOWN):
                attempt(other, name)
    assert len(store.get("anna", name).index) == 2


def test_what_another_visitor_hears_does_not_tell_whether_the_name_exists(store):
    name = add(store, "anna")
    sentences = set()
    for guess in (name, "mine-0", "", None, ["mine"], 7):
        with pytest.raises(InputError) as error:
            store.get("ben", guess)
        sentences.add(str(error.value))
    assert len(sentences) == 1


def test_names_cannot_be_guessed(store):
    names = {add(store, f"visitor {i}") for i in range(20)}
    assert len(names) == 20 and all(len(name) == len("mine-") + 32 for name in names)


def test_the_name_of_a_gallery_of_the_api_is_the_right_to_use_it(store):
    name = add(store, None)
    assert name.startswith("built-") and store.get("anybody", name) is store.get(None, name)
    assert store.names(None) == store.names("anybody") == []


def test_everything_goes_with_the_visit(store):
    mine, other, built = add(store, "anna"), add(store, "ben"), add(store, None)
    store.forget("anna")
    store.forget(None)
    with pytest.raises(InputError, match=UNKNOWN):
        store.get("anna", mine)
    assert store.get("ben", other) and store.get(None, built)


def test_what_is_being_built_goes_with_the_visit(store):
    with pytest.raises(InputError, match="The visit ended"):
        with store.building("anna", 2) as ticket:
            store.forget("anna")
            store.create(ticket, "Late", gallery(), ["", ""])
    assert store.names("anna") == []


def test_what_nobody_uses_is_forgotten(store, clock):
    used, unused = add(store, "anna"), add(store, "anna")
    for _ in range(4):
        clock.now += visitors.UNUSED_SECONDS * 0.4
        store.get("anna", used)
    assert store.names("anna") == [("Holiday", used)]
    with pytest.raises(InputError, match=UNKNOWN):
        store.get("anna", unused)


def test_a_gallery_of_the_api_that_was_searched_at_once_lives_as_long_as_others(store, clock):
    used, unused, shown = add(store, None), add(store, None), add(store, "made up")
    store.is_open = lambda session: False
    clock.now += 1
    store.get(None, used)
    store.get("made up", shown)  # as the page does when it has built one
    clock.now += visitors.UNUSED_SECONDS - 1
    assert store.get(None, used)
    for session, name in ((None, unused), ("made up", shown)):
        with pytest.raises(
            InputError, match="after 30 minutes of inactivity, or after 10 if it was never searched"
        ):
            store.get(session, name)


def test_few_exports_of_a_gallery_are_kept(store, tmp_path):
    """Thousands went with the gallery, while everybody who has one waited."""
    name = add(store, "anna")
    folders = [tmp_path / f"{i}" for i in range(3 * visitors.KEPT_EXPORTS)]
    for folder in folders:
        folder.mkdir()
        store.exported("anna", name, folder)
    assert [folder for folder in folders if folder.exists()] == folders[-visitors.KEPT_EXPORTS :]
    store.delete("anna", name)
    assert not any(folder.exists() for folder in folders)


def test_delete_makes_room(store):
    names = [add(store, "anna") for _ in range(visitors.MOST_PER_VISIT)]
    with pytest.raises(InputError, match="delete one first"):
        add(store, "anna")
    store.delete("anna", names[0])
    add(store, "anna")
    with pytest.raises(InputError, match=UNKNOWN):
        store.get("anna", names[0])


def test_one_at_a_time(store):
    with store.building("anna", 2):
        with pytest.raises(InputError, match="already being built"):
            add(store, "anna")
        add(store, "ben")
    add(store, "anna")


def test_the_store_is_bounded(store, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_API_GALLERIES", 3)
    monkeypatch.setattr(visitors, "MOST_GALLERIES", 5)
    for _ in range(3):
        add(store, None)
    with pytest.raises(InputError, match="no room"):
        add(store, None)
    add(store, "anna")
    add(store, "ben")
    with pytest.raises(InputError, match="no room"):
        add(store, "carl")


def test_pictures_are_bounded_with_those_that_are_being_built(store, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_PICTURES_IN_ALL", 10)
    add(store, "anna", pictures=4)
    with store.building("ben", 4):
        with pytest.raises(InputError, match="no room"):
            add(store, "carl", pictures=4)
    add(store, "carl", pictures=4)


def test_a_failed_build_leaves_its_room(store):
    with pytest.raises(KeyError):
        with store.building("anna", 2):
            raise KeyError
    assert add(store, "anna")


def test_many_visitors_at_once_get_their_own(store):
    names: dict[str, str] = {}

    def visit(session: str) -> None:
        names[session] = add(store, session, session)

    threads = [threading.Thread(target=visit, args=(f"visitor {i}",)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {session: store.names(session) for session in names} == {s: [(s, n)] for s, n in names.items()}


def test_titles_are_told_apart(store):
    for _ in range(3):
        add(store, "anna")
    add(store, "ben")
    assert [title for title, _ in store.names("anna")] == ["Holiday", "Holiday (2)", "Holiday (3)"]
    assert [title for title, _ in store.names("ben")] == ["Holiday"]


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("  My\n\tholiday ", "My holiday"),
        ("", "My gallery"),
        (None, "My gallery"),
        (["x"], "My gallery"),
        ("\0\u202e", "My gallery"),
        ("x" * 10_000, "x" * 60),
        ("<script>", "<script>"),
    ],
)
def test_titles_are_one_short_line(given, title):
    assert clean_title(given) == title


def test_the_service_finds_demo_galleries_and_the_visitors_own(model, demo, tmp_path):
    service = Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")
    name = add(service.visitors, "anna")
    assert service.gallery("tiny").on_disk and not service.gallery(name, "anna").on_disk
    with pytest.raises(InputError, match=UNKNOWN):
        service.gallery(name)
    with pytest.raises(InputError, match="choose one of tiny"):
        service.gallery("huge", "anna")
