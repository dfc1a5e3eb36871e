"""docs/results.md follows from the records; the figures of this file's own small template were worked out by hand."""

import json
import re

import pytest

from benchmarks.__main__ import main
from benchmarks.results import command
from benchmarks.results.records import FOLDER, Record, as_text, read_records
from benchmarks.results.tables import BLOCKS
from benchmarks.results.template import PLACEHOLDER, fill, formatted
from tests.conftest import REPOSITORY
from tests.documents import TEXTS
from threedsl.errors import InputError

HOW = {"how": "by hand", "protocol": "standard", "sample": {"people": 3, "queries": 1200}, "seed": 4}


def figure(value, low, high, **more):
    return {"value": value, "interval": [low, high], **more}


TRAININGS = {
    "title": "Two streams",
    "note": "Ten steps.",
    "trainings": {
        "alone": {
            "appearance": {"seeds": 1, "rank-1": figure(0.5, 0.25, 0.75), "mAP": figure(0.1, 0, 0.2)},
        },
        "both": {
            "shape": {
                "seeds": 2,
                "rank-1": figure(0.625, 0.5, 0.75, deviation=0.0354) | {"by seed": [0.6, 0.65]},
                "mAP": figure(0.3, 0.2, 0.4, deviation=0.01),
            },
        },
    },
    "differences": {
        "both minus alone": {
            "shape": {"rank-1": figure(0.125, -0.05, 0.3), "mAP": figure(-0.02, -0.03, -0.01)},
        },
    },
}


@pytest.fixture
def folder(tmp_path):
    """Writes records and a template; returns what the document would be."""

    def document(template, **records):
        (tmp_path / "template.md").write_text(template)
        for name, content in records.items():
            (tmp_path / f"{name}.json").write_text(as_text(content))
        return command.document(tmp_path / "template.md", tmp_path, {})

    return document


def test_the_committed_document_is_what_the_command_writes(capsys):
    assert TEXTS["docs/results.md"] == command.document()
    assert main(["results", "--check"]) == 0


def test_check_fails_where_the_document_was_edited(tmp_path, monkeypatch, capsys):
    edited = tmp_path / "results.md"
    edited.write_text(TEXTS["docs/results.md"].replace("percent", "per cent", 1))
    monkeypatch.setattr(command, "RESULTS", edited)
    assert main(["results", "--check"]) == 2
    assert "run `python -m benchmarks results`" in capsys.readouterr().err
    assert main(["results"]) == 0 and edited.read_text() == TEXTS["docs/results.md"]


def test_no_measured_figure_is_typed():
    """Outside placeholders the template holds no decimals but versions, thresholds and shares of a definition."""
    template = PLACEHOLDER.sub("", command.TEMPLATE.read_text())
    typed = re.findall(r"(?<![\w.@])\d+\.\d+(?![\w.])|\d+ %", template)
    allowed = {
        "0.1",
        "10 %",
        "1 %",
        "95 %",
    }  # version 0.1.0's name in prose, chance levels, the intervals' level
    assert set(typed) <= allowed, typed


def test_figures_records_and_tables(folder):
    one = HOW | {"rank-1": figure(0.5049, 0.4, 0.6), "betas": {"1": 0.5678}, "count": 12936}
    text = folder(
        "{{ one > count }} | {{ one > rank-1 : percent }} | {{ one > rank-1 : interval.0 }} | "
        "{{ one > betas > 1 : number.2 }}\n{{ comparisons }}\n{{ provenance }}",
        one=one,
        two=HOW | TRAININGS,
    )
    first, rest = text.split("\n", 1)
    assert first == "12,936 | 50.5 | 50 (40 to 60) | 0.57"
    assert "### Two streams\n\nProtocol `standard`, 3 people, 1,200 queries. Ten steps." in rest
    squeezed = re.sub(r" +", " ", rest)
    assert "| alone | appearance | 1 | 50.0 (25.0 to 75.0) | 10.0 (0.0 to 20.0) |" in squeezed
    assert (
        "| both | shape | 2: 60.0, 65.0 | 62.5 ± 3.5 (50.0 to 75.0) | 30.0 ± 1.0 (20.0 to 40.0) |" in squeezed
    )
    assert "| both minus alone | shape | +12.5 (-5.0 to +30.0) | -2.0 (-3.0 to -1.0) |" in squeezed
    assert "| `one` | by hand | standard | 3 people, 1,200 queries | 4 |" in squeezed


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ other > a }}", "names no record"),
        ("{{ one > a > b }}", "has no 'a' in one"),
        ("{{ one > how : percent }}", "does not fit the value"),
        ("{{ one > seed : furlongs }}", "does not fit the value"),
        ("nothing", "The record one stands nowhere"),
    ],
)
def test_a_template_that_does_not_fit_is_refused(folder, template, reason):
    with pytest.raises(InputError, match=reason):
        folder(template, one=HOW)


def test_a_record_says_how_it_was_made(folder):
    with pytest.raises(InputError, match=r"does not say how it was made: seed missing"):
        folder("{{ one > how }}", one={key: value for key, value in HOW.items() if key != "seed"})
    with pytest.raises(InputError, match=r"is no comparison as `train compare` writes it"):
        folder("{{ comparisons }}", one=HOW | {"trainings": {"a": {}}})


def test_ranges_and_signs():
    assert formatted({"value": 169.74, "interval": [160.6, 178.8]}, "range") == "169.7 (160.6 to 178.8)"
    assert formatted({"value": 0.0192, "interval": [-0.0024, 0.036]}, "signed") == "+1.9 (-0.2 to +3.6)"


def test_without_comparisons_the_document_says_so():
    record = Record("one", FOLDER / "one.json", HOW)
    assert fill("{{comparisons}}", {"one": record}, BLOCKS) == ("None is recorded.", set())


def test_figures_of_time_are_those_of_the_benchmarks():
    """The tables of benchmarks/README.md, from which these records were taken."""
    text = (REPOSITORY / "benchmarks" / "README.md").read_text(encoding="utf-8")
    tables = {
        name: re.search(f"<!-- {name} -->(.*?)<!-- end of {name} -->", text, re.DOTALL)[1]
        for name in ("scoring market1501", "reranking", "silhouette", "load")
    }
    records = read_records()
    for peer, times in records["scoring"].at("times ours").items():
        assert re.search(rf"\| {re.escape(peer)} +\| [^|]+\| {times} ", tables["scoring market1501"])
    reranking = records["reranking"].content
    assert re.search(
        rf"\| 19,281 +\| torchreid 0.2.5 \| 80.92 +\| {reranking['times ours']} ", tables["reranking"]
    )
    assert f"| {records['silhouette'].at('times ours')} (" in tables["silhouette"]
    for clients, seconds in records["load"].at("p50 seconds").items():
        assert re.search(rf"\| {clients} +\| \d+ +\| 0 +\| {seconds} ", tables["load"])


def test_every_record_is_plain_json():
    for path in FOLDER.glob("*.json"):
        assert path.read_text(encoding="utf-8") == as_text(json.loads(path.read_text(encoding="utf-8")))
