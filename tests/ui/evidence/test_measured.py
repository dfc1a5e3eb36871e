"""The Evidence tab shows what lies in the checkpoint's folder: every figure, under its protocol, and nothing else."""

import json
import re

import numpy as np
import pytest

from tests.ui.evidence.parts import Parts
from threedsl.calibration import Calibration, Curve
from threedsl.ui.evidence import chart, checkpoint_files, measured, metrics, model_card, tables


def test_every_protocol_has_its_table_with_every_figure(found):
    shown = measured.tables(found)
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
    words = re.sub(r"<[^>]+>", "", measured.headline(found))
    assert words == (
        "The first match is correct in 12.3 % by appearance, 45.6 % by 3D body shape, 0.1 % by chance: protocol "
        "cloth-changing, 1,234 queries against 5,678 gallery pictures of 7 people (synthetic people never trained on)."
    )


def test_curves_go_through_what_was_measured(found):
    drawn = Parts(measured.cmc_chart(found, "cloth-changing"))
    assert "3D body shape: 45.6 % at 1, 56.7 % at 5" in drawn.attributes["svg"][0]["aria-label"]
    points = [line["points"].split() for line in drawn.attributes["polyline"]]
    assert [len(line) for line in points] == [2, 2, 2]
    heights = [float(line[0].split(",")[1]) for line in points]
    bottom, top = chart._up(0), chart._up(1)
    assert heights == pytest.approx(
        [bottom - share * (bottom - top) for share in (0.123, 0.456, 0.0011)], abs=0.06
    )
    assert metrics.cmc_of({"cmc": [0.1, 0.2, 0.4], "rank-1": 0.9}) == ((1, 0.1), (2, 0.2), (3, 0.4))
    assert metrics.cmc_of({"rank-10": 0.4, "rank-1": {"value": 0.2}, "mAP": 0.9}) == ((1, 0.2), (10, 0.4))


def test_sizes_of_the_gallery_have_their_charts(found):
    first, second = (Parts(text).attributes["svg"][0]["aria-label"] for text in measured.size_charts(found))
    assert "61.0 % at 50, 52.0 % at 100" in first and "cloth-changing, 3 pictures a person" in first
    assert "same outfits" in second and "7.0 % at 50" in second


def test_other_figures_training_ablation_and_pictures(found, folder):
    bodies, poses, people, back = (Parts(text).rows for text in tables.other_tables(found))
    assert bodies == [["", "mean px", "PCK@0.2"], ["predicted", "7.25", "0.88"]]
    assert poses == [["", "MPJPE, mm"], ["predicted", "81.50"]]
    assert people[1] == ["3D body shape", "30.0", "40.0"]
    assert back[1] == ["3D body shape", "34.0 (33.0 to 35.0)"]
    assert measured.trained_on(found) == "<p>2,345 pictures of 91 synthetic people.</p>"
    found.metrics["trained on"]["and by"] = [{"seed": 2}, {}]
    assert measured.trained_on(found) == "<p>2,345 pictures of 91 people.</p>"
    assert "| parts | shape | 91.0 (90.0 to 92.0) | 81.0 (80.0 to 82.0) | 3 |" in found.ablation
    assert found.card == {"Training": "long", model_card.LIMITS: "Not for **this**."}
    assert [path.name for path, _ in found.pictures] == ["failures.jpg"]
    (shown,) = Parts(measured.picture(*found.pictures[0], "address")).attributes["img"]
    assert shown["src"] == "address" and (shown["width"], shown["height"]) == ("30", "20") and shown["alt"]
    (folder / "ablation.md").write_text("| written |")
    assert checkpoint_files.read_evidence(folder).ablation == "| written |"


def test_why_the_ablation_has_other_figures_is_read_from_the_files(folder):
    words = measured.why_other_figures(checkpoint_files.read_evidence(folder))
    assert words.startswith("<p>Trained only to be compared with each other: these figures are not those")
    (folder / "config.json").write_text('{"name": "lite", "height": 64, "width": 32}')
    ablation = json.loads((folder / "ablation.json").read_text())
    ablation["trained"] = {"steps": 1234, "height": 48, "width": 24}
    (folder / "ablation.json").write_text(json.dumps(ablation))
    words = measured.why_other_figures(checkpoint_files.read_evidence(folder))
    assert "1,234 steps on pictures of 48 x 24 pixels instead of 64 x 32" in words


def test_what_a_score_tells_is_read_off_its_curve(found):
    score = np.linspace(0, 1, 11)
    curve = Curve(score, score, 1 - score, 1 - score**2)
    shown = Parts(measured.score_table(found, Calibration({"shape": curve}, "p", 100)))
    assert shown.rows[0][1] == "10 % false matches"
    assert shown.rows[1][:2] == ["3D body shape", "score 0.90, finds 19.0 %"]
    assert measured.score_table(found, None) == ""


@pytest.mark.parametrize("damage", ["{", "[]", "null", '{"retrieval": {}}', "\udcff"])
def test_damaged_and_missing_papers_are_left_out(folder, damage):
    (folder / "metrics.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    for name in ("README.md", "ablation.json"):
        (folder / name).write_text(damage if damage.isascii() else "")
    found = checkpoint_files.read_evidence(folder)
    assert (
        measured.tables(found) == {}
        and measured.size_charts(found) == []
        and measured.trained_on(found) == ""
    )
    assert "No metrics found" in measured.headline(found)
    assert checkpoint_files.read_evidence(None).metrics == {}


def test_the_shipped_model_has_evidence(shipped_checkpoint):
    found = checkpoint_files.read_evidence(shipped_checkpoint)
    figures = json.loads((shipped_checkpoint / "metrics.json").read_text())["retrieval"]
    for protocol, table in measured.tables(found).items():
        first = f"{100 * figures[protocol]['shape']['rank-1']['value']:.1f} ("
        assert any(row[0] == "3D body shape" and row[1].startswith(first) for row in Parts(table).rows)
    assert model_card.LIMITS in found.card and found.pictures
    Parts(measured.measured(found))
