"""How a checkpoint was trained, in the words of its model card, from the records of its stages."""

from collections.abc import Callable

from train.configs.upgrade import upgrade
from train.measure.card.tables import alpha_table
from train.measure.provenance import follows
from train.stages import FIRST_STAGE, SECOND_STAGE

LAST_STAGE = "training.json"

EVERY = "every weight"

Read = Callable[[str], dict]
"""Gives a JSON file of the checkpoint, empty if there is none."""


def training_lines(read: Read, training: dict) -> list[str]:
    """The training stages in order."""
    first, second = read(FIRST_STAGE), read(SECOND_STAGE)
    middle, record = (second, SECOND_STAGE) if second else (training, LAST_STAGE)
    lines = []
    if middle.get("finetune"):
        lines.append(finetuned(middle, record, first))
    elif first:
        lines.append(
            f"First stage, the appearance stream alone: {drawn(first)}, backbone started from {first['pretrained']}; "
            f"settings in `{FIRST_STAGE}`. Second stage, the 3D stream, started from the first one's encoder: "
            f"{drawn(middle)}; settings in `{record}`."
        )
    else:
        lines.append(
            f"{drawn(middle)}, backbones started from {middle['pretrained'] or 'random weights'}; settings in "
            f"`{record}`."
        )
    lines.append("Supervision of the descriptors: identities, keypoints and masks; no 3D ground truth.")
    if second:
        lines.append(
            f"Last stage, with frozen descriptors: pose encoder and body regression, {drawn(training)}"
            f"{supervised(training, ', additionally supervised by')}; settings in `{LAST_STAGE}`."
        )
    return [" ".join(lines), ""]


def osnet_lines(read: Read, training: dict) -> list[str]:
    """The stages of a checkpoint of the network osnet, as far as they are recorded."""
    first, refines = read(FIRST_STAGE), bool(training.get("refine"))
    whole, record = (read(SECOND_STAGE), SECOND_STAGE) if refines else (training, LAST_STAGE)
    lines = []
    if whole.get("finetune") and not follows(first, whole):
        lines.append(finetuned(whole, record, first))
    else:
        stages = [(first, FIRST_STAGE), (whole, record)]
        for number, (stage, name) in zip(
            ("First", "Second"), [one for one in stages if one[0]], strict=False
        ):
            lines.append(
                f"{number} stage: {learned(stage)}, {drawn(stage)}, on {stage['data']}; settings in `{name}`."
            )
    between = whole.get("interpolated")
    if between:
        alphas = " and ".join(f"{alpha:g} ({stream})" for stream, alpha in between["alpha"].items())
        lines.append(
            f"Then every weight that a start has became (1 - alpha) times the start's plus alpha times the run's, "
            f"alpha {alphas}."
        )
    if refines:
        lines.append(
            f"Last stage: the parts' features, the pose encoder and body regression, {drawn(training)}, on "
            f"{training['data']}, with the descriptors of the whole picture frozen"
            f"{supervised(training, ' and')}; settings in `{LAST_STAGE}`."
        )
    if head := read("training-keypoints.json"):
        steps = head["settings"]["steps"]
        lines.append(
            f"Afterwards a head learned to correct bodies by found keypoints, {steps:,} steps on {head['people']:,} "
            "people; everything else stayed as it was; settings in `training-keypoints.json`."
        )
    return [" ".join(lines), "", *alpha_table(between)]


def finetuned(stage: dict, record: str, first: dict) -> str:
    """The sentence of a stage that trained a whole checkpoint further. Its records are those of that checkpoint's first
    stage, and of no other."""
    before = f"; its first stage's settings are in `{FIRST_STAGE}`" if first else ""
    return (
        f"Fine-tuned from `{stage['finetune']}`, whose own card says how it was trained{before}: {learned(stage)} kept "
        f"training, {drawn(stage)}, on {stage['data']}; settings in `{record}`."
    )


def learned(stage: dict) -> str:
    """What a stage of the network osnet, or any fine-tuning, trained."""
    return "both nets' last stages and all heads" if stage.get("maps") else EVERY


def supervised(stage: dict, before: str) -> str:
    """The losses that know the true bodies, following `before`; "" where a stage has none."""
    exact = " and ".join(name for name in ("betas", "pose") if stage["losses"].get(name))
    return f"{before} the exact {exact} of the synthetic people, unlike the paper" if exact else ""


def drawn(stage: dict) -> str:
    """How many pictures a stage drew; `stage` may be settings of an earlier version."""
    stage = upgrade(stage)
    steps, people, pictures = (stage[field] for field in ("steps", "identities", "instances"))
    return (
        f"{steps} steps of {people} people x {pictures} pictures ({steps * people * pictures:,} pictures drawn), "
        f"seed {stage['seed']}"
    )
