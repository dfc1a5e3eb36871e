"""The three sentences of the Evidence tab come from the figures, and say nothing where there are none."""

import json

from threedsl.ui.evidence.checkpoint_files import read_evidence
from threedsl.ui.evidence.summary import sentences, without_empty_gains


def test_the_sentences_hold_the_measured_figures(found, folder):
    good, bad, where = sentences(found)
    assert "Among 50 people" in good and "61 % of searches" in good and "3D body shape" in good
    assert "among 100 people, 52 %" in bad and "unchanged clothes" not in bad
    assert (
        "1,234 queries" in where.replace("query pictures", "queries") and "no photos of real people" in where
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["retrieval"]["same-clothes"] = {"appearance": {"rank-1": 0.9}, "combined": {"rank-1": 0.8}}
    del metrics["data"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    _, bad = sentences(read_evidence(folder))
    assert "appearance alone is better (90 % against 80 %)" in bad
    assert sentences(read_evidence(None)) == []


def test_the_shipped_model_has_all_three(shipped_checkpoint):
    assert [text.split(":")[0] for text in sentences(read_evidence(shipped_checkpoint))] == [
        "Good at",
        "Not good at",
        "Measured on",
    ]


def test_rows_in_which_nothing_changed_are_left_out():
    none = "+0.0 (+0.0 to +0.0)"
    lines = ["| name | stream | rank-1 | gain |", "| --- | --- | --- | --- |", f"| a | x | 4.0 | {none} |"]
    lines += [f"| b | x | {none} | {none} |", f"| b | y | +0.0 (-0.1 to +0.1) | {none} |"]
    assert without_empty_gains("\n".join(lines)).splitlines() == [
        *lines[:2],
        "| a | x | 4.0 | – |",
        "| b | y | +0.0 (-0.1 to +0.1) | – |",
    ]
