"""What the tests of `evaluate` run on, and how they read its answers."""

import json
import shutil

DATASETS = ("market1501", "dukemtmc", "msmt17", "prcc", "ltcc", "celebreid", "vcclothes", "fgpr")
FIGURES = ("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP")


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def edited(folder, tmp_path, name, change):
    """A copy of a dataset folder with one list's lines changed; None removes the list."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "list" / f"{name}.txt"
    if change is None:
        path.unlink()
    else:
        path.write_text("".join(f"{change(line)}\n" for line in path.read_text().splitlines()))
    return copy
