"""A checkpoint's folder with papers, but no weights."""

import json
from pathlib import Path

import pytest
from PIL import Image

from threedsl.ui.evidence import checkpoint_files
from threedsl.ui.evidence.checkpoint_files import Evidence


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
    return checkpoint_files.read_evidence(folder)
