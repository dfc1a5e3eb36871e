"""What the shipped checkpoint claims, checked on the pictures that are shipped with it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main as benchmark
from tests.conftest import CHECKPOINT
from threedsl import ThreeDSL
from threedsl.evaluation.metrics import Labels, evaluate, similarities
from threedsl.gallery.demo import demo_galleries

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def figures(shipped_checkpoint):
    return json.loads((CHECKPOINT / "metrics.json").read_text(encoding="utf-8"))


def test_the_shape_stream_is_clearly_better_than_chance(figures):
    for protocol, streams in figures["retrieval"].items():
        for metric in ("rank-1", "rank-5", "mAP"):
            assert streams["shape"][metric]["interval"][0] > 2 * figures["chance"][protocol][metric]


def test_the_documents_state_the_measured_figures(figures):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    results = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    rows = {**figures["retrieval"]["cloth-changing"], "baseline": figures["baseline"]["cloth-changing"]}
    rows["gain"] = figures["combined minus baseline"]["cloth-changing"]
    for row in rows.values():
        for metric in ("rank-1", "mAP"):
            low, high = row[metric]["interval"]
            stated = f"{100 * row[metric]['value']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
            assert stated in readme and stated in results
    zero_shot = [f"{name} {100 * figures['openpeople'][key]['rank-1']:.0f} %" for name, key in
                 (("appearance", "appearance"), ("shape", "shape"), ("both", "combined"))]  # fmt: skip
    assert ", ".join(zero_shot) in results
    assert f"{100 * figures['bodies']['predicted']['PCK@0.2']:.1f} %" in results


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["appearance", "shape", "combined"])
def test_the_weights_find_people_in_other_clothes(shipped_checkpoint, stream):
    """Twelve synthetic people in clothes the gallery does not show: chance puts one of twelve first."""
    demo = demo_galleries()["synthetic"]
    model = ThreeDSL.from_pretrained(CHECKPOINT, device="cpu")
    query, gallery = (
        model([r.path for r in records], bodies=False) for records in (demo.examples, demo.records)
    )
    labels = [
        Labels(*(np.array([getattr(r, name) for r in records]) for name in ("pid", "camid", "clothes")))
        for records in (demo.examples, demo.records)
    ]
    scores = evaluate(similarities(query.stream(stream), gallery.stream(stream)), *labels, "cloth-changing")
    assert len(scores.first_rank) == 12
    assert scores.rank(5) >= 0.5 and scores.mean_average_precision > 0.2


@pytest.mark.slow
def test_the_benchmark_runs(shipped_checkpoint, capsys):
    assert benchmark(["query", "--repeats", "1", "--starts", "0", "--checkpoint", str(CHECKPOINT)]) == 0
    assert "photo in to everything shown" in capsys.readouterr().out


@pytest.mark.slow
def test_a_body_needs_nothing_of_the_trainer(shipped_checkpoint, tmp_path):
    """With only requirements.txt installed: no SciPy, no Open3D. Libraries that fall back must not complain either."""
    photo = demo_galleries()["openpeople"].examples[0].path
    absent = ("scipy", "anny", "open3d", "accelerate", "tensorboard", "train")
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent}))\n"
        "from threedsl.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    arguments = [
        "reconstruct",
        str(photo),
        "--out",
        str(tmp_path / "b.glb"),
        "--overlay",
        str(tmp_path / "o.png"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "b.glb").stat().st_size > 100_000
