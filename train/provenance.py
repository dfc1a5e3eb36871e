"""What is on record of how a checkpoint was trained and how a test set was made."""

import json
from pathlib import Path

from threedsl.data.listfile import read_list
from train.config import TrainConfig
from train.retrieval import RetrievalSet
from train.start import FIRST_STAGE, SECOND_STAGE

KEPT = "kept"
"""The baseline is the checkpoint's own first stage."""


def seed_of(checkpoint: Path) -> int | None:
    """The seed of the stage that trained the descriptors, where it is on record."""
    for name in (SECOND_STAGE, "training.json"):
        if (checkpoint / name).is_file():
            return json.loads((checkpoint / name).read_text(encoding="utf-8"))["seed"]
    return None


def trained_alike(folder: Path, baseline: Path) -> bool | str | None:
    """Whether both saw the same pictures in the same batches under the same schedule; None when it is not on record,
    KEPT when the baseline is the checkpoint's own first stage."""
    files = [path / "training.json" for path in (folder, baseline)]
    if not all(path.is_file() for path in files):
        return None
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    first = folder / FIRST_STAGE
    if first.is_file() and json.loads(first.read_text(encoding="utf-8")) == theirs:
        return KEPT
    same = (
        "data",
        "more_data",
        "seed",
        "steps",
        "people",
        "pictures",
        "sampling",
        "accumulate",
        "learning_rate",
        "warmup",
        "margin",
        "augment",
        "pretrained",
        "start",
        "precision",
    )
    # A field added since a checkpoint was trained had its default.
    defaults = TrainConfig().to_dict()
    ours, theirs = (defaults | settings for settings in (ours, theirs))
    sizes = [[settings["network"].get(side) for side in ("height", "width")] for settings in (ours, theirs)]
    return sizes[0] == sizes[1] and all(ours[field] == theirs[field] for field in same)


def facts(root: Path, data: RetrievalSet) -> dict:
    """Size of the test set and how it was made, where dataset.json says so."""
    return {
        "people": len(set(data.query_labels.pids) | set(data.gallery_labels.pids)),
        "query pictures": len(data.query),
        "gallery pictures": len(data.gallery),
        "made by": made_by(root),
    }


def training_set(checkpoint: Path, tested: Path) -> dict:
    """The same of the data sets that training.json names, or of the tested one where they are not at hand."""
    settings = checkpoint / "training.json"
    trained = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    roots = [Path(trained[field]) for field in ("data", "more_data") if trained.get(field)]
    roots = [root for root in roots if (root / "list" / "train.txt").is_file()] or [tested]
    lists = [read_list(root / "list" / "train.txt", root, check_files=False) for root in roots]
    return {
        "people": sum(len({record.pid for record in records}) for records in lists),
        "pictures": sum(map(len, lists)),
        "made by": made_by(roots[0]),
        "and by": [made_by(root) for root in roots[1:]],
    }


def made_by(root: Path) -> dict:
    made = root / "dataset.json"
    return json.loads(made.read_text(encoding="utf-8")) if made.is_file() else {}
