"""The Evidence tab shows what lies in the checkpoint's folder: every figure, under its protocol, and nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from threedsl.calibration import Calibration, Curve
from threedsl.ui import chart, evidence, evidence_tables, evidence_terms, evidence_view
from threedsl.ui.evidence import Evidence


class Parts(HTMLParser):
    """Cells of tables by row, texts of elements, attributes of a kind of element; fails on badly nested HTML."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.attributes: dict[str, list[dict]] = {}
        self.feed(html)
        assert self.open == [], "an element stays open"

    def handle_starttag(self, tag, attrs):
        self.attributes.setdefault(tag, []).append(dict(attrs))
        if tag not in ("img", "rect", "path", "circle", "line", "polyline"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.attributes.setdefault(tag, []).append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def figure(value: float, width: float = 0.01) -> dict:
    return {"value": value, "interval": [value - width, value + width]}


@pytest.fixture
def folder(tmp_path) -> Path:
    """A checkpoint's papers with figures of no other place."""
    retrieval = {
        "cloth-changing": {
            "appearance": {
                "queries": 20,
                "rank-1": figure(0.123),
                "rank-5": figure(0.234),
                "mAP": figure(0.345),
            },
            "shape": {"queries": 20, "rank-1": figure(0.456), "rank-5": figure(0.567), "mAP": figure(0.678)},
        },
        "their own & <odd>": {"shape": {"rank-1": 0.5, "rank-20": 0.75, "mINP": 0.25}},
    }
    metrics = {
        "data": {"people": 7, "query pictures": 1234, "gallery pictures": 5678, "made by": {"seed": 1}},
        "trained on": {"people": 91, "pictures": 2345, "made by": {"seed": 0}},
        "retrieval": retrieval,
        "chance": {"cloth-changing": {"rank-1": 0.0011, "rank-5": 0.005, "mAP": 0.002}},
        "baseline": {"cloth-changing": {"rank-1": figure(0.111), "mAP": figure(0.222)}},
        "cloth-changing, 3 pictures a person": {
            "shape": {"50 people": {"rank-1": 0.61}, "100 people": {"rank-1": 0.52}}
        },
        "fine-grained": {
            "people": 9,
            "cloth-changing, 3 pictures a person": {"shape": {"50 people": {"rank-1": 0.07}}},
        },
        "bodies": {"predicted": {"mean px": 7.25, "PCK@0.2": 0.875, "pictures": 1000}},
        "poses": {"predicted": {"MPJPE, mm": 81.5}},
        "openpeople": {
            "queries": 10,
            "gallery pictures": 50,
            "shape": {"rank-1": 0.3, "mAP": 0.4},
            "from the studio": {"queries": 50, "gallery pictures": 10, "shape": {"rank-1": figure(0.34)}},
        },
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "README.md").write_text(
        "---\nlicense: x\n---\n\n# it\n\n## Training\n\nlong\n\n![b](bodies.jpg)\n\n"
        "## Intended use and limits\n\nNot for **this**.\n"
    )
    (tmp_path / "ablation.json").write_text(
        json.dumps(
            {"trainings": {"parts": {"shape": {"rank-1": figure(0.91), "mAP": figure(0.81), "seeds": 3}}}}
        )
    )
    Image.new("RGB", (30, 20)).save(tmp_path / "failures.jpg")
    return tmp_path


@pytest.fixture
def found(folder) -> Evidence:
    return evidence.read_evidence(folder)


def test_every_protocol_has_its_table_with_every_figure(found):
    shown = evidence_view.tables(found)
    assert list(shown) == ["cloth-changing", "their own & <odd>"]
    rows = Parts(shown["cloth-changing"]).rows
    assert rows[0] == ["", "rank-1", "rank-5", "mAP"]
    assert ["3D body shape", "45.6 (44.6 to 46.6)", "56.7 (55.7 to 57.7)", "67.8 (66.8 to 68.8)"] in rows
    assert ["baseline: appearance-only network", "11.1 (10.1 to 12.1)", "", "22.2 (21.2 to 23.2)"] in rows
    assert ["chance", "0.1", "0.5", "0.2"] in rows
    assert (
        "Protocol cloth-changing" in shown["cloth-changing"]
        and "query's clothes" not in shown["cloth-changing"]
    )
    assert "in the query&#x27;s clothes" in shown["cloth-changing"], "the protocol is explained"
    assert Parts(shown["their own & <odd>"]).rows == [
        ["", "rank-1", "rank-20", "mINP"],
        ["3D body shape", "50.0", "75.0", "25.0"],
    ]
    assert "<odd>" not in shown["their own & <odd>"]


def test_the_headline_names_protocol_and_test_set(found):
    words = re.sub(r"<[^>]+>", "", evidence_view.headline(found))
    assert words == (
        "The right person comes first in 12.3 % by appearance, 45.6 % by 3D body shape, 0.1 % by chance: protocol "
        "cloth-changing, 1,234 queries against 5,678 gallery pictures of 7 people (synthetic people never trained on)."
    )


def test_curves_go_through_what_was_measured(found):
    drawn = Parts(evidence_view.cmc_chart(found, "cloth-changing"))
    assert "3D body shape: 45.6 % at 1, 56.7 % at 5" in drawn.attributes["svg"][0]["aria-label"]
    points = [line["points"].split() for line in drawn.attributes["polyline"]]
    assert [len(line) for line in points] == [2, 2, 2]
    heights = [float(line[0].split(",")[1]) for line in points]
    bottom, top = chart._up(0), chart._up(1)
    assert heights == pytest.approx(
        [bottom - share * (bottom - top) for share in (0.123, 0.456, 0.0011)], abs=0.06
    )
    assert evidence.cmc_of({"cmc": [0.1, 0.2, 0.4], "rank-1": 0.9}) == ((1, 0.1), (2, 0.2), (3, 0.4))
    assert evidence.cmc_of({"rank-10": 0.4, "rank-1": {"value": 0.2}, "mAP": 0.9}) == ((1, 0.2), (10, 0.4))


def test_sizes_of_the_gallery_have_their_charts(found):
    first, second = (
        Parts(text).attributes["svg"][0]["aria-label"] for text in evidence_view.size_charts(found)
    )
    assert "61.0 % at 50, 52.0 % at 100" in first and "cloth-changing, 3 pictures a person" in first
    assert "same outfits" in second and "7.0 % at 50" in second


def test_a_long_curve_is_drawn_whole_and_told_in_short():
    points = tuple((k, k / 50) for k in range(1, 51))
    drawn = Parts(chart.line_chart("CMC, protocol p", "k", [chart.Line("both", "combined", points)]))
    assert len(drawn.attributes["polyline"][0]["points"].split()) == 50
    assert drawn.attributes["svg"][0]["aria-label"].count(" at ") == 4


def test_other_figures_training_ablation_and_pictures(found, folder):
    bodies, poses, people, back = (Parts(text).rows for text in evidence_tables.other_tables(found))
    assert bodies == [["", "mean px", "PCK@0.2"], ["predicted", "7.25", "0.88"]]
    assert poses == [["", "MPJPE, mm"], ["predicted", "81.50"]]
    assert people[1] == ["3D body shape", "30.0", "40.0"]
    assert back[1] == ["3D body shape", "34.0 (33.0 to 35.0)"]
    assert evidence_view.trained_on(found) == "<p>2,345 pictures of 91 synthetic people.</p>"
    assert "| parts | shape | 91.0 (90.0 to 92.0) | 81.0 (80.0 to 82.0) | 3 |" in found.ablation
    assert found.card == {"Training": "long", evidence_view.LIMITS: "Not for **this**."}
    assert [path.name for path, _ in found.pictures] == ["failures.jpg"]
    (shown,) = Parts(evidence_view.picture(*found.pictures[0], "address")).attributes["img"]
    assert shown["src"] == "address" and (shown["width"], shown["height"]) == ("30", "20") and shown["alt"]
    (folder / "ablation.md").write_text("| written |")
    assert evidence.read_evidence(folder).ablation == "| written |"


def test_limits_are_a_list_that_begins_with_what_must_not_be_done():
    card = {
        evidence_view.LIMITS: "For research. Beyond that\nthe figures above mean **little**. "
        "It must not judge. Nor e.g. do so."
    }
    assert evidence_view.limits(Evidence("it", card=card)).splitlines() == [
        "- It must not judge.",
        "- For research.",
        "- Beyond that the measured figures mean **little**.",
        "- Nor e.g. do so.",
    ]
    listed = {evidence_view.LIMITS: "Never:\n\n- judge. Or so\n- track"}
    assert evidence_view.limits(Evidence("it", card=listed)) == listed[evidence_view.LIMITS]
    assert evidence_view.limits(Evidence("it")) == ""


def test_why_the_ablation_has_other_figures_is_read_from_the_files(folder):
    words = evidence_view.why_other_figures(evidence.read_evidence(folder))
    assert words.startswith("<p>Trained only to be compared with each other: these figures are not those")
    (folder / "config.json").write_text('{"name": "lite", "height": 64, "width": 32}')
    ablation = json.loads((folder / "ablation.json").read_text())
    ablation["trained"] = {"steps": 1234, "height": 48, "width": 24}
    (folder / "ablation.json").write_text(json.dumps(ablation))
    words = evidence_view.why_other_figures(evidence.read_evidence(folder))
    assert "1,234 steps on pictures of 48 x 24 pixels instead of 64 x 32" in words


def test_a_term_is_explained_once_and_only_where_it_occurs():
    assert evidence_terms.terms_in("Rank-1 and MAP under the protocol cloth-changing, p") == [
        "protocol",
        "cloth-changing",
        "rank-1",
        "mAP",
    ]
    assert evidence_terms.terms_in("a map of PCK@0.5", {"mAP"}) == ["PCK"]
    shown = evidence_terms.glossary(["PCK", "by seed"])
    assert (
        shown.count("<dt>") == shown.count("<dd>") == 2 and evidence_terms.TERMS["PCK"].split("'")[0] in shown
    )
    assert evidence_terms.glossary([]) == ""


def test_lines_at_one_place_have_marks_that_do_not_hide_each_other():
    points = ((1, 0.5), (5, 0.7))
    lines = [chart.Line(name, name, points) for name in ("appearance", "shape", "combined")]
    drawn = Parts(chart.line_chart("t", "k", lines)).attributes
    assert {mark.get("class") for mark in drawn["circle"]} == {"ring"}
    assert min(float(mark["r"]) for mark in drawn["circle"]) > 5 * 2**0.5 - 1, "around the square"
    assert len({line["points"] for line in drawn["polyline"]}) == 1


def test_what_a_score_tells_is_read_off_its_curve(found):
    score = np.linspace(0, 1, 11)
    curve = Curve(score, score, 1 - score, 1 - score**2)
    shown = Parts(evidence_view.score_table(found, Calibration({"shape": curve}, "p", 100)))
    assert shown.rows[0][1] == "10 % false matches"
    assert shown.rows[1][:2] == ["3D body shape", "score 0.90, finds 19.0 %"]
    assert evidence_view.score_table(found, None) == ""


@pytest.mark.parametrize("damage", ["{", "[]", "null", '{"retrieval": {}}', "\udcff"])
def test_damaged_and_missing_papers_are_left_out(folder, damage):
    (folder / "metrics.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    for name in ("README.md", "ablation.json"):
        (folder / name).write_text(damage if damage.isascii() else "")
    found = evidence.read_evidence(folder)
    assert (
        evidence_view.tables(found) == {}
        and evidence_view.size_charts(found) == []
        and evidence_view.trained_on(found) == ""
    )
    assert "No measured figures" in evidence_view.headline(found)
    assert evidence.read_evidence(None).metrics == {}


def test_the_shipped_model_has_evidence(shipped_checkpoint):
    found = evidence.read_evidence(shipped_checkpoint)
    measured = json.loads((shipped_checkpoint / "metrics.json").read_text())["retrieval"]
    for protocol, table in evidence_view.tables(found).items():
        first = f"{100 * measured[protocol]['shape']['rank-1']['value']:.1f} ("
        assert any(row[0] == "3D body shape" and row[1].startswith(first) for row in Parts(table).rows)
    assert evidence_view.LIMITS in found.card and found.pictures
    Parts(evidence_view.measured(found))
