"""Provenance: how a checkpoint was trained and a test set was made, from their JSON records."""

from pathlib import Path

from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.reading import read_object
from train.config import TrainConfig
from train.configs.upgrade import upgrade
from train.data.validation import draw_validation
from train.measure.retrieval import RetrievalSet
from train.run_state import EVERYONE
from train.stages import FIRST_STAGE, SECOND_STAGE

KEPT = "kept"
"""The baseline is the checkpoint's own first stage."""


def seed_of(checkpoint: Path) -> int | None:
    """The seed of the stage that trained the descriptors, if it is recorded."""
    for name in (SECOND_STAGE, "training.json"):
        if (checkpoint / name).is_file():
            return number_in(checkpoint / name, "seed")
    return None


def number_in(path: Path, field: str) -> int:
    """A whole number in a JSON record of a training."""
    value = read_object(path).get(field)
    if type(value) is not int:
        raise InputError(f"{path} is damaged ({field} is not a whole number); copy it again.")
    return value


def read_settings(path: Path) -> dict:
    """The settings in a training.json, in today's names."""
    return upgrade(read_object(path))


def trained_alike(folder: Path, baseline: Path) -> bool | str | None:
    """Whether both saw the same pictures in the same batches under the same schedule; None if not recorded,
    KEPT when the baseline is the checkpoint's own first stage."""
    files = [path / "training.json" for path in (folder, baseline)]
    if not all(path.is_file() for path in files):
        return None
    ours, theirs = (read_settings(path) for path in files)
    first = folder / FIRST_STAGE
    if first.is_file() and read_settings(first) == theirs:
        return KEPT
    same = (
        "data",
        "more_data",
        "validation",
        "validation_seed",
        "seed",
        "steps",
        "identities",
        "instances",
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
    # Fields added since a checkpoint was trained had their defaults.
    defaults = TrainConfig().to_dict() | EVERYONE
    ours, theirs = (defaults | settings for settings in (ours, theirs))
    sizes = [[settings["network"].get(side) for side in ("height", "width")] for settings in (ours, theirs)]
    return sizes[0] == sizes[1] and all(ours[field] == theirs[field] for field in same)


def facts(root: Path, data: RetrievalSet) -> dict:
    """Size of the test set, and its settings from dataset.json."""
    return {
        "people": len(set(data.query_labels.pids) | set(data.gallery_labels.pids)),
        "query pictures": len(data.query),
        "gallery pictures": len(data.gallery),
        "made by": made_by(root),
    }


def training_set(checkpoint: Path, tested: Path) -> dict:
    """The same for the datasets that training.json names, or for the tested one if they are not available."""
    settings = checkpoint / "training.json"
    trained = read_object(settings) if settings.is_file() else {}
    roots = [Path(trained[field]) for field in ("data", "more_data") if trained.get(field)]
    roots = [root for root in roots if (root / "list" / "train.txt").is_file()] or [tested]
    lists = [read_list(root / "list" / "train.txt", root, check_files=False) for root in roots]
    draw = trained.get("validation", 0.0), trained.get("validation_seed", 0)
    if held_out := draw_validation(lists[0], *draw):
        lists[0] = [record for record in lists[0] if record.pid not in held_out.people]
    return {
        "people": sum(len({record.pid for record in records}) for records in lists),
        "pictures": sum(map(len, lists)),
        "made by": made_by(roots[0]),
        "and by": [made_by(root) for root in roots[1:]],
    }


def made_by(root: Path) -> dict:
    made = root / "dataset.json"
    return read_object(made) if made.is_file() else {}
