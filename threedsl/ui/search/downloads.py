"""A search's matches as files: CSV without formulas that a spreadsheet would run, and JSON."""

import csv
import io
import json
from pathlib import Path

from threedsl.files import write_whole
from threedsl.ui.api.search import matches_as_json
from threedsl.ui.pictures import new_file
from threedsl.ui.search.cards import SHORT
from threedsl.ui.search.rankings import RankedMatch

COLUMNS = ("ranking", "rank", "person", "picture", "score", "same_person", "same_share")
FORMULA = tuple("=+-@|%＝＋－＠\t\r\n")  # what a spreadsheet may take for the start of a formula or a command


def as_csv(rows: dict[str, list[RankedMatch]]) -> str:
    """One line a match. Text that a spreadsheet would run gets an apostrophe before it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *(f"rank_by_{name}" for name in SHORT.values())])
    for stream, matches in matches_as_json(rows).items():
        for match in matches:
            ranks = match["other_ranks"] | {stream: match["rank"]}
            line = [
                stream,
                *(match[column] for column in COLUMNS[1:]),
                *(ranks.get(name, "") for name in SHORT),
            ]
            writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in line])
    return text.getvalue()


def harmless(text: str) -> str:
    """The text, with an apostrophe before each part that a spreadsheet might run: where numbers are written with a
    comma, it takes semicolons for what separates the cells."""
    return ";".join(f"'{part}" if _is_formula(part) else part for part in text.split(";"))


def _is_formula(text: str) -> bool:
    return text.lstrip().startswith(FORMULA) or text.startswith(FORMULA)


def as_json(rows: dict[str, list[RankedMatch]], gallery: str, k: int) -> str:
    """The fields of the API's /search."""
    return (
        json.dumps(
            {"gallery": gallery, "k": k, "results": matches_as_json(rows)}, indent=1, ensure_ascii=False
        )
        + "\n"
    )


def write_downloads(
    folder: Path, rows: dict[str, list[RankedMatch]], gallery: str, k: int
) -> tuple[str, str]:
    """Paths of matches.csv and matches.json, below `folder` at unguessable places."""
    table, answer = new_file(folder, "matches.csv"), new_file(folder, "matches.json")
    # Spreadsheets recognise UTF-8 by the mark at its beginning.
    write_whole(table, as_csv(rows).encode("utf-8-sig"))
    write_whole(answer, as_json(rows, gallery, k).encode())
    return str(table), str(answer)
