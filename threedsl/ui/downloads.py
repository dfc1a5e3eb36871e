"""A search's results as files: CSV that no spreadsheet runs, and JSON."""

import csv
import io
import json
from pathlib import Path

from threedsl.files import write_whole
from threedsl.ui.answer import results
from threedsl.ui.cards import SHORT, Card
from threedsl.ui.pictures import new_file

COLUMNS = ("ranking", "rank", "person", "picture", "score", "same_person", "same_share")
FORMULA = tuple("=+-@|%＝＋－＠\t\r\n")  # what a spreadsheet may take for the start of a formula or a command


def as_csv(rows: dict[str, list[Card]]) -> str:
    """One line a match. Text that a spreadsheet would run gets an apostrophe before it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *(f"rank_by_{name}" for name in SHORT.values())])
    for stream, matches in results(rows).items():
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
    """The text, with an apostrophe before it where a spreadsheet might run it."""
    return f"'{text}" if text.lstrip().startswith(FORMULA) or text.startswith(FORMULA) else text


def as_json(rows: dict[str, list[Card]], gallery: str, k: int) -> str:
    """The fields of the API's /search."""
    return (
        json.dumps({"gallery": gallery, "k": k, "results": results(rows)}, indent=1, ensure_ascii=False)
        + "\n"
    )


def write_downloads(folder: Path, rows: dict[str, list[Card]], gallery: str, k: int) -> tuple[str, str]:
    """Paths of matches.csv and matches.json, below `folder` where nobody can guess them."""
    table, answer = new_file(folder, "matches.csv"), new_file(folder, "matches.json")
    # Spreadsheets recognise UTF-8 by the mark at its beginning.
    write_whole(table, as_csv(rows).encode("utf-8-sig"))
    write_whole(answer, as_json(rows, gallery, k).encode())
    return str(table), str(answer)
