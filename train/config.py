"""The configuration of a training run: one dataclass, one YAML file."""

import dataclasses
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_type_hints

import yaml

from threedsl.errors import InputError
from threedsl.network import NetworkConfig
from threedsl.render.pytorch3d_silhouette import require_pytorch3d
from threedsl.render.silhouette import BACKENDS
from train.augment import AugmentConfig
from train.sampler import SAMPLING


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms of METHOD section 3; 0 leaves a term out. Identity and triplet are computed all the same,
    the others are not."""

    identity: float = 1.0  # cross entropy on both streams
    triplet: float = 1.0
    keypoint: float = 30.0  # squared half-heights
    silhouette: float = 10.0
    displacement: float = 1000.0  # square metres
    adversarial: float = 0.05
    # Exact 3D truth of synthetic people, which the paper does without:
    betas: float = 0.0  # squared standard deviations
    pose: float = 0.0  # squared entries of rotation matrices

    @property
    def needs_truth(self) -> bool:
        return self.betas > 0 or self.pose > 0


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on; saved beside its weights."""

    name: str = "3dsl-lite"
    data: str = "data/synthetic"  # a data set folder (images, list, pose, mask)
    more_data: str | None = (
        None  # another one whose list/train.txt is trained on as well; its people are others
    )
    out: str = "runs/3dsl-lite"  # checkpoints, TensorBoard logs
    network: NetworkConfig = field(default_factory=NetworkConfig)
    body: str | None = None  # an SMPL-format file of `python -m train body`; None: the shipped one
    pretrained: str | None = "imagenet"  # None: from scratch; a folder of ResNet files for r50
    start: str | None = (
        None  # an appearance-only checkpoint: kept as it is, and where the 3D stream starts from
    )
    refine: str | None = (
        None  # a checkpoint whose descriptors stay as they are: what predicts bodies from them learns on
    )
    seed: int = 0
    steps: int = 3000
    people: int = 16  # identities in a batch, over all processes
    pictures: int = 4  # pictures of each
    sampling: str = "clothing-changing"  # of triplets: one of train.sampler.SAMPLING, as the data are
    accumulate: int = 1  # batches of a step: their gradients are averaged before the weights change
    learning_rate: float = 6e-4  # peak of AdamW, backbones and heads
    classifier_rate: float = 2e-3
    discriminator_rate: float = 5e-4
    weight_decay: float = 5e-4
    warmup: int = 200  # steps of linear warm-up; then a cosine to zero
    cycle: int | None = (
        None  # steps after which warm-up and cosine start again (SGDR); a run may then go on with more `steps`
    )
    margin: float | None = (
        None  # batch-hard triplet with this margin (the snapshot's: 0.3); None: weighted triplet
    )
    losses: LossWeights = field(default_factory=LossWeights)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    mask_height: int = 64  # pixels of the silhouettes compared; the width follows the crop's
    sigma: float = 0.025  # blur of the silhouettes in square pixels at mask_height 64; scale with its square
    silhouette: str = "portable"  # who draws them: "portable", or "pytorch3d" where that is installed
    graph: bool = (
        False  # replay the network as a CUDA graph: several times faster where a GPU waits for its orders
    )
    precision: str = "no"  # "no", "fp16" or "bf16", as Accelerate names them
    log_every: int = 20
    evaluate_every: int = 500
    save_every: int = 200

    def __post_init__(self):
        for name in (
            "steps",
            "people",
            "pictures",
            "accumulate",
            "mask_height",
            "log_every",
            "evaluate_every",
            "save_every",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"configuration field {name} must be at least 1, not {getattr(self, name)}.")
        for name in ("seed", "warmup"):
            if getattr(self, name) < 0:
                raise InputError(f"configuration field {name} must not be negative.")
        if self.cycle is not None and (self.cycle < 1 or self.steps % self.cycle):
            raise InputError(
                f"configuration field steps must be whole cycles of {self.cycle} steps, not {self.steps}."
            )
        if self.sigma <= 0:
            raise InputError("configuration field sigma must be positive.")
        if self.people < 2 or self.pictures < 2:
            raise InputError(
                "configuration fields people and pictures must be at least 2: triplets need positives and negatives."
            )
        if self.graph and not (self.network.shape_stream and self.network.parts):
            raise InputError("configuration field graph needs a network with the shape stream and parts.")
        if self.graph and self.accumulate > 1:
            raise InputError(
                "configuration field graph needs accumulate 1: replayed gradients lie in one place."
            )
        if self.sampling not in SAMPLING:
            raise InputError(
                f"configuration field sampling must be {', '.join(SAMPLING[:-1])} or {SAMPLING[-1]}, "
                f"not {self.sampling!r}."
            )
        if self.start and (self.graph or not self.network.shape_stream or self.network.name != "lite"):
            raise InputError(
                "configuration field start needs network lite with its shape stream, and no graph."
            )
        if self.refine and (self.graph or self.start or not self.network.shape_stream):
            raise InputError(
                "configuration field refine needs a network with its shape stream, no start and no graph."
            )
        if self.precision not in ("no", "fp16", "bf16"):
            raise InputError(
                f"configuration field precision must be no, fp16 or bf16, not {self.precision!r}."
            )

        if self.silhouette not in BACKENDS:
            raise InputError(
                f"configuration field silhouette must be {' or '.join(BACKENDS)}, not {self.silhouette!r}."
            )
        if self.silhouette == "pytorch3d":
            require_pytorch3d()

    @property
    def mask_size(self) -> tuple[int, int]:
        return self.mask_height, self.mask_height * self.network.width // self.network.height

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


def load_config(path: str | Path, overrides: list[str] | None = None) -> TrainConfig:
    """Read a YAML file; overrides are `field=value` or `section.field=value`.

    Raises:
        InputError: naming the file and the field.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError(
            f"Configuration {path} does not exist; the shipped ones are in train/configs/."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"Configuration {path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise InputError(f"Configuration {path} must be a table of fields.")
    for override in overrides or []:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"override {override!r} must look like field=value.")
        *sections, last = key.split(".")
        table = values
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise InputError(f"override {override!r}: {section} is a value and has no fields.")
        try:
            table[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"override {override!r}: {value!r} is no valid value.") from None
    return parse(TrainConfig, values, str(path))


def parse(kind: type, values: dict, where: str):
    """Build a (nested) dataclass from plain values, checking names and types."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected a table of {', '.join(sorted(known))}, not {values!r}.")
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}.")
    built = {}
    for name, value in values.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            built[name] = parse(hint, value, f"{where}, {name}")
        else:
            built[name] = _scalar(hint, value, f"{where}, field {name}")
    return kind(**built)


def _scalar(hint, value, where: str):
    allowed = getattr(hint, "__args__", (hint,))
    if hint is str and value is False:  # YAML reads the word no as false
        return "no"
    if float in allowed and isinstance(value, str):  # YAML reads 6e-4 as text
        try:
            return float(value)
        except ValueError:
            pass
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (isinstance(value, bool) and bool not in allowed) or not isinstance(value, allowed):
        names = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InputError(f"{where}: expected {names}, not {value!r}.")
    return value
