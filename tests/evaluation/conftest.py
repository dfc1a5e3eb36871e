"""Prepared datasets, and the command."""

import pytest

from tests.datasets import trees
from tests.evaluation.standin import StandIn
from threedsl.cli import main


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """dataset -> (the tree's root, the dataset folder that prepare wrote), made when first asked for."""
    made = {}

    def prepare(dataset):
        if dataset not in made:
            folder = tmp_path_factory.mktemp(dataset)
            root = getattr(trees, f"build_{dataset}")(folder)
            words = ["prepare", dataset, str(root), "--out", str(folder / "out")]
            if dataset == "fgpr":
                words += ["--pattern", trees.FGPR_PATTERN, "--group-field", "group"]
            assert main(words) == 0
            made[dataset] = root, folder / "out"
        return made[dataset]

    return prepare


@pytest.fixture
def evaluate(monkeypatch, capsys, tmp_path):
    """Run `evaluate` with the stand-in: (exit code, stdout, stderr); its cache is the test's own."""
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    model = StandIn()
    monkeypatch.setattr("threedsl.cli.evaluate.load_model", lambda args: model)

    def command(*words):
        capsys.readouterr()
        code = main(["evaluate", *map(str, words)])
        return code, *capsys.readouterr()

    command.model = model
    return command
