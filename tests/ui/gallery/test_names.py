"""Saying who is in the pictures of a gallery: what is kept of the names, and where they go."""

import csv
import io
from types import SimpleNamespace

import pytest

from tests.zips import crop, zipped
from threedsl.errors import InputError
from threedsl.ui.gallery.cards import MOST_SHOWN, card_of
from threedsl.ui.gallery.handlers import build, export, name_people, people_in
from threedsl.ui.page import build_demo
from threedsl.ui.search import handlers
from threedsl.ui.search.downloads import as_csv

EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def gallery(service, tmp_path):
    """Three pictures of nobody known."""
    return made(service, tmp_path, 3)


def made(service, folder, pictures: int, session: str = "anna"):
    path = folder / "upload.zip"
    path.write_bytes(zipped({f"{i}.png": crop(i) for i in range(pictures)}))
    return build(service, [{"path": str(path)}], "", session).gallery


def people_of(gallery) -> list[str]:
    return [record.pid for record in gallery.index.records]


@pytest.mark.slow
def test_names_come_with_the_matches(service, gallery, tmp_path):
    named = name_people(service, gallery.name, "anna", {"0": "Ann", "2": "Bo"})
    assert people_of(named) == ["Ann", "", "Bo"] and people_in(named) == 2
    assert service.gallery(gallery.name, "anna") is named
    (tmp_path / "query.png").write_bytes(crop(2))
    answer, *_ = handlers.search(
        service, {"path": str(tmp_path / "query.png")}, None, gallery.name, 3, session="anna"
    )
    for cards in answer.rows.values():
        assert (cards[0].person, cards[0].picture) == ("Bo", "2.png")
    again = name_people(service, gallery.name, "anna", {"2": "", "1": "Ann"})
    assert people_of(again) == ["Ann", "Ann", ""] and people_in(again) == 1


def test_a_name_is_one_printable_line_of_bounded_length(service, gallery):
    given = {"0": "  Ann \n\t\x00\u202e Lee ", "1": "x" * 5000, "2": ["no", "text"]}
    assert people_of(name_people(service, gallery.name, "anna", given)) == ["Ann Lee", "x" * 80, ""]


def test_names_survive_export_and_import(service, gallery, tmp_path):
    name_people(service, gallery.name, "anna", {"0": EVIL, "1": "Zoë 北京"})
    path = export(service, gallery.name, "anna")
    again = build(service, [{"path": path}], "", "ben")
    assert again.imported and people_of(again.gallery) == [EVIL, "Zoë 北京", ""]


@pytest.mark.slow
def test_a_name_cannot_carry_html_or_a_formula(service, gallery, tmp_path):
    html = card_of(name_people(service, gallery.name, "anna", {"0": EVIL, "1": "=1+1"}), EVIL)
    assert "<img src=x" not in html and html.count("&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;") == 5
    (tmp_path / "query.png").write_bytes(crop(1))
    answer, *_ = handlers.search(
        service, {"path": str(tmp_path / "query.png")}, None, gallery.name, 3, session="anna"
    )
    rows = list(csv.DictReader(io.StringIO(as_csv(answer.rows))))
    assert {row["person"] for row in rows if row["picture"] == "1.png"} == {"'=1+1"}


@pytest.mark.parametrize("row", ["3", "-1", "", "a", "0x1", "9" * 5000, "²", None, 0])
def test_names_of_pictures_that_are_not_there_change_nothing(service, gallery, row):
    with pytest.raises(InputError, match="pictures in this gallery have changed"):
        name_people(service, gallery.name, "anna", {"0": "Ann", row: "Bo"})
    assert people_of(service.gallery(gallery.name, "anna")) == ["", "", ""]


@pytest.mark.parametrize("names", [None, [], "0", {}])
def test_no_names_change_nothing(service, gallery, names):
    assert people_of(name_people(service, gallery.name, "anna", names)) == ["", "", ""]


def test_names_are_the_owner_s_to_give(service, gallery):
    for session in ("ben", None):
        with pytest.raises(InputError, match="This gallery is unknown"):
            name_people(service, gallery.name, session, {"0": "Ann"})
    with pytest.raises(InputError, match="Choose one of your galleries first"):
        name_people(service, None, "anna", {"0": "Ann"})


@pytest.mark.slow
def test_every_picture_of_a_large_gallery_has_its_field(service, tmp_path):
    html = card_of(made(service, tmp_path, MOST_SHOWN + 2))
    assert html.count("<img") == MOST_SHOWN
    assert [f'data-row="{row}"' in html for row in (0, MOST_SHOWN + 1, MOST_SHOWN + 2)] == [True, True, False]


def test_a_gallery_chosen_meanwhile_stays_chosen(service, gallery):
    refresh = next(fn.fn for fn in build_demo(service).fns.values() if fn.name == "refresh")
    visit = SimpleNamespace(session_hash="anna")
    chosen = [
        refresh(None, wanted, "", visit)[5].constructor_args.get("value") for wanted in ("tiny", "gone")
    ]
    assert chosen == [None, "tiny"]
