"""A search's matches as files."""

import csv
import io
import json
from pathlib import Path

import pytest

from threedsl.ui.search import handlers
from threedsl.ui.search.downloads import as_csv, as_json, harmless, write_downloads
from threedsl.ui.search.photo import read_photo
from threedsl.ui.search.query import add
from threedsl.ui.search.rankings import RankedMatch
from threedsl.ui.service import Service


def match(person: str, picture: str = "a.jpg", score: float = -0.25) -> RankedMatch:
    return RankedMatch(1, person, picture, score, None, "", 0, {"shape": 3, "combined": 2}, 0.5)


ATTACKS = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1",
    "  =1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    "%0A=1",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_spreadsheet_runs_what_a_file_is_called(text):
    rows = list(csv.DictReader(io.StringIO(as_csv({"appearance": [match(text, f"{text}.jpg")]}))))
    assert len(rows) == 1
    for cell in (rows[0]["person"], rows[0]["picture"]):
        assert cell.startswith("'") and cell[1:].rstrip(".jpg").startswith(text.rstrip(".jpg")[:2])


@pytest.mark.parametrize("text", ATTACKS)
def test_nor_where_semicolons_separate_the_cells(text):
    table = as_csv({"appearance": [match(f"anna;{text}", f"{text};{text}.jpg")]})
    for line in csv.reader(io.StringIO(table, newline=""), delimiter=";"):
        for cell in line[1:]:
            assert cell.startswith("'"), cell


def test_ordinary_names_and_numbers_stay_as_they_are():
    assert (
        harmless("P001") == "P001" and harmless("") == "" and harmless("Ann-Kathrin, 2") == "Ann-Kathrin, 2"
    )
    assert harmless("Ann; Ben;C-3") == "Ann; Ben;C-3"
    row = next(csv.DictReader(io.StringIO(as_csv({"appearance": [match('Ann "A", 2\n')]}))))
    assert row["person"] == 'Ann "A", 2\n' and float(row["score"]) == -0.25
    assert (row["rank_by_appearance"], row["rank_by_shape"], row["rank_by_both"]) == ("1", "3", "2")
    assert row["same_person"] == "" and row["same_share"] == "0.5"


@pytest.mark.slow
def test_files_hold_every_match_under_paths_nobody_guesses(model, demo, tmp_path):
    service = Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")
    query = add(None, [read_photo(demo.records[2].path)])
    answer, _, _ = handlers.search(service, None, query, "tiny", 3)
    table, plain = write_downloads(tmp_path, answer.rows, "tiny", 3)
    assert (Path(table).name, Path(plain).name) == ("matches.csv", "matches.json")
    assert len(Path(table).parent.name) >= 24 and Path(table).parent != Path(plain).parent
    lines = list(csv.DictReader(io.StringIO(Path(table).read_bytes().decode("utf-8-sig"), newline="")))
    found = json.loads(Path(plain).read_text())
    assert found == json.loads(as_json(answer.rows, "tiny", 3)) and found["k"] == 3
    assert [(line["ranking"], line["picture"]) for line in lines] == [
        (stream, match["picture"]) for stream, matches in found["results"].items() for match in matches
    ]
