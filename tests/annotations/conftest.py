"""A dataset laid out like PRCC, and the command that annotates it."""

import pytest

from tests.data.tools import HEIGHT, WIDTH
from tests.pictures import person_like
from threedsl.cli import main


@pytest.fixture
def prcc(tmp_path):
    """Lists over pictures laid out like PRCC: names repeat from folder to folder in the test set."""
    root = tmp_path / "prcc"
    lists = {
        "train": ["rgb/train/001/A_cropped_rgb001.jpg", "rgb/train/002/A_cropped_rgb001.jpg"],
        "query": ["rgb/test/B/073/cropped_rgb001.jpg", "rgb/test/B/074/cropped_rgb001.jpg"],
        "gallery": ["rgb/test/A/073/cropped_rgb001.jpg", "rgb/test/A/073/cropped_rgb002.jpg"],
    }
    (root / "list").mkdir(parents=True)
    for name, pictures in lists.items():
        (root / "list" / f"{name}.txt").write_text("".join(f"{path} 1 1\n" for path in pictures))
        for path in pictures:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            person_like(HEIGHT, WIDTH).save(root / path)
    return root


@pytest.fixture
def annotate(prcc, capsys):
    """Run the command on the dataset: (exit code, stdout, stderr)."""

    def command(*words):
        capsys.readouterr()
        code = main(["annotate", str(prcc), *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command
