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


def training_set(checkpoint: Path) -> dict | None:
    """Numbers of people and pictures that a checkpoint was trained on, as training.json has them, or as its lists do
    where a training of an earlier version did not record them; with the settings of its datasets, {} for one that is
    not there or not of `synthesize`. None where neither is known."""
    settings = checkpoint / "training.json"
    trained = read_object(settings) if settings.is_file() else {}
    roots = folders_of(trained)
    counts = trained.get("trained on") or _counted(trained, roots)
    if not counts:
        return None
    return {
        "people": counts["people"],
        "pictures": counts["pictures"],
        "made by": made_by(roots[0]) if roots else {},
        "and by": [made_by(root) for root in roots[1:]],
    }


def _counted(trained: dict, roots: list[Path]) -> dict | None:
    """People and pictures in the training lists without the validation people; None if a list is not there."""
    if not roots or not all((root / "list" / "train.txt").is_file() for root in roots):
        return None
    lists = [read_list(root / "list" / "train.txt", root, check_files=False) for root in roots]
    draw = trained.get("validation", 0.0), trained.get("validation_seed", 0)
    if held_out := draw_validation(lists[0], *draw):
        lists[0] = [record for record in lists[0] if record.pid not in held_out.people]
    return {
        "people": sum(len({record.pid for record in records}) for records in lists),
        "pictures": sum(map(len, lists)),
    }


def synthetic_only(stages: list[dict]) -> bool:
    """Whether a checkpoint is known to be trained on synthetic people alone, by the settings of its recorded stages in
    order: none is missing, and all of their datasets are there."""
    if not stages or any(stages[0].get(before) for before in ("start", "refine", "finetune")):
        return False
    if not all(follows(stages[0], stage) for stage in stages if stage.get("finetune")):
        return False
    folders = [folders_of(stage) for stage in stages]
    return all(roots and all(map(made_by, roots)) for roots in folders)


def follows(first: dict, second: dict) -> bool:
    """Whether a stage trained the first one's network further (`finetune`), without another stage in between."""
    return bool(first) and Path(first["out"]) / "export" == Path(second["finetune"])


def folders_of(stage: dict) -> list[Path]:
    """The dataset folders of a training's settings."""
    return [Path(stage[field]) for field in ("data", "more_data") if stage.get(field)]


def made_by(root: Path) -> dict:
    made = root / "dataset.json"
    return read_object(made) if made.is_file() else {}
