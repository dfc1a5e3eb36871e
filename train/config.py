"""The training configuration: its fields, defaults and checks. train/configs/read.py reads it from YAML."""

import dataclasses
from dataclasses import dataclass, field

from threedsl.errors import InputError
from threedsl.network import NetworkConfig
from threedsl.render.project import RENDERERS
from threedsl.render.pytorch3d_silhouette import require_pytorch3d
from train.configs.plain_yaml import shown
from train.data.augment import AugmentConfig
from train.data.sampler import SAMPLING
from train.measure.shares import RULES

AT_MOST = {
    "steps": 10**9,
    "maps": 100,
    "identities": 10**4,
    "instances": 10**4,
    "accumulate": 10**4,
    "mask_height": 2048,
    "log_every": 10**9,
    "evaluate_every": 10**9,
    "save_every": 10**9,
    "seed": 2**32 - 1,
    "validation_seed": 2**32 - 1,
    "warmup": 10**9,
    "cycle": 10**9,
}
"""Upper limits far above any training; beyond them a run would need terabytes, or NumPy refuses the seed."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the losses (docs/method.md, section 3); 0 leaves one out. Identity and triplet are computed in any
    case, the others are not.

    A new loss takes three lines: a function in `train.losses`, its weight here, and in `train.learner` the `Term` that
    ties them together, such as `losses["keypoint"] = Term(keypoint_loss(…), weights.keypoint)`.
    """

    identity: float = 1.0  # of each stream and each part, as is the triplet's
    triplet: float = 1.0
    # of each stream and each part; positives and negatives are those of the triplets
    contrastive: float = 0.0
    keep: float = 0.0  # of each stream: the descriptors stay near those of the nets named by `pretrained`
    keypoint: float = 30.0  # squared half-heights
    silhouette: float = 10.0
    displacement: float = 1000.0  # square metres
    adversarial: float = 0.05
    # Exact 3D ground truth of synthetic people, which the paper does not use:
    betas: float = 0.0  # squared standard deviations
    pose: float = 0.0  # squared entries of rotation matrices

    @property
    def needs_truth(self) -> bool:
        return self.betas > 0 or self.pose > 0


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on; saved with its weights."""

    name: str = "3dsl-lite"
    data: str = "data/synthetic"  # a dataset folder (images, list, pose, mask)
    # cached versions of each picture; the first stages of osnet are then frozen (train.data.maps)
    maps: int = 0
    # another one whose list/train.txt is trained on as well, with identities of its own
    more_data: str | None = None
    out: str = "runs/3dsl-lite"  # checkpoints, TensorBoard logs
    network: NetworkConfig = field(default_factory=NetworkConfig)
    body: str | None = None  # an SMPL-format file of `python -m train body`; None: the shipped one
    pretrained: str | None = "imagenet"  # None: from scratch; a folder of ResNet files for r50
    start: str | None = None  # a checkpoint whose appearance stream is frozen and initialises the 3D stream
    # a checkpoint whose descriptors are frozen while pose encoder and body regression keep training
    refine: str | None = None
    finetune: str | None = None  # a checkpoint all of which keeps training; it brings its own network
    seed: int = 0
    # share of the training people held out for scores and choices (train.data.validation)
    validation: float = 0.1
    # of that draw; apart from `seed`, so that stages and repeated runs hold out the same ones
    validation_seed: int = 0
    shares: str = "best"  # how the weights of streams and parts are chosen: one of train.measure.shares.RULES
    steps: int = 3000
    identities: int = 16  # people in a batch, over all processes
    instances: int = 4  # pictures of each
    sampling: str = "cloth-changing"  # of triplets, by the kind of data: one of train.data.sampler.SAMPLING
    accumulate: int = 1  # batches per step; their gradients are averaged
    learning_rate: float = 6e-4  # peak of AdamW, backbones and heads
    classifier_rate: float = 2e-3  # of the classifiers of identities
    discriminator_rate: float = 5e-4  # of the one that tells bodies from real ones
    weight_decay: float = 5e-4  # of all of them
    warmup: int = 200  # steps of linear warm-up; then a cosine to zero
    # steps after which warm-up and cosine start again (SGDR); a run may then be extended with more `steps`
    cycle: int | None = None
    # batch-hard triplet with this margin (the snapshot's: 0.3); None: weighted triplet
    margin: float | None = None
    losses: LossWeights = field(default_factory=LossWeights)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    mask_height: int = 64  # pixels of the silhouettes compared; the width follows the crop's
    sigma: float = 0.025  # blur of the silhouettes in square pixels at mask_height 64; scale with its square
    silhouette_renderer: str = "portable"  # "portable" (plain torch), or "pytorch3d" if installed
    # replay the network as a CUDA graph: several times faster where training is launch-bound
    graph: bool = False
    precision: str = "no"  # "no", "fp16" or "bf16", as Accelerate names them
    log_every: int = 20  # steps between two lines of losses
    evaluate_every: int = 500  # steps between two scores of the validation people
    save_every: int = 200  # steps between two states to resume from

    def __post_init__(self):
        for name in (
            "steps",
            "identities",
            "instances",
            "accumulate",
            "mask_height",
            "log_every",
            "evaluate_every",
            "save_every",
        ):
            if getattr(self, name) < 1:
                raise InputError(
                    f"configuration field {name} must be at least 1, not {shown(getattr(self, name))}."
                )
        for name, most in AT_MOST.items():
            if (value := getattr(self, name)) is not None and value > most:
                raise InputError(f"configuration field {name} must be at most {most:,}, not {shown(value)}.")
        for name in ("seed", "validation_seed", "warmup", "maps"):
            if getattr(self, name) < 0:
                raise InputError(f"configuration field {name} must not be negative.")
        if self.cycle is not None and (self.cycle < 1 or self.steps % self.cycle):
            raise InputError(
                f"configuration field steps must be a multiple of the {shown(self.cycle)} steps of a cycle, "
                f"not {self.steps}."
            )
        if self.sigma <= 0:
            raise InputError("configuration field sigma must be positive.")
        if self.identities < 2 or self.instances < 2:
            raise InputError(
                "configuration fields identities and instances must be at least 2: triplets need positives and "
                "negatives."
            )
        if self.validation > 0.5:
            raise InputError(
                f"configuration field validation must be at most 0.5 of the people, not {self.validation:g}."
            )
        if self.graph and self.network.shape_stream and not self.network.parts and not self.finetune:
            raise InputError("configuration field graph needs a network with parts.")
        if self.graph and self.accumulate > 1:
            raise InputError(
                "configuration field graph needs accumulate 1: graphs reuse one gradient buffer."
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
        if self.finetune and (self.start or self.refine):
            raise InputError("configuration field finetune needs neither start nor refine; set them to null.")
        if self.network.keypoint_head and not self.finetune:
            raise InputError(
                "configuration field network.keypoint_head must be 0: `python -m train keypoints` trains that head."
            )
        if self.maps and (self.graph or self.start or not self.network.shape_stream):
            raise InputError(
                "configuration field maps needs a network with its shape stream, no start and no graph."
            )
        if self.maps and self.finetune and self.losses.keep:
            raise InputError(
                "losses.keep compares with the nets in `pretrained`, whose first stages differ from those of "
                "`finetune`; set maps to 0."
            )
        if self.shares not in RULES:
            raise InputError(f"configuration field shares must be {' or '.join(RULES)}, not {self.shares!r}.")
        if self.losses.keep and not self.pretrained:
            raise InputError("losses.keep needs `pretrained`, the nets whose descriptors are kept.")
        if self.precision not in ("no", "fp16", "bf16"):
            raise InputError(
                f"configuration field precision must be no, fp16 or bf16, not {self.precision!r}."
            )

        if self.silhouette_renderer not in RENDERERS:
            raise InputError(
                f"configuration field silhouette_renderer must be {' or '.join(RENDERERS)}, "
                f"not {self.silhouette_renderer!r}."
            )
        if self.silhouette_renderer == "pytorch3d":
            require_pytorch3d()

    @property
    def needs_truth(self) -> bool:
        """Whether a loss compares bodies with those of synthetic people."""
        return self.network.shape_stream and self.losses.needs_truth

    @property
    def refines_parts(self) -> bool:
        """Whether a stage that keeps the descriptors trains the features of the parts all the same."""
        losses = self.losses
        return bool(self.refine and (losses.identity or losses.triplet or losses.contrastive))

    @property
    def keeps_shares(self) -> bool:
        """Whether the weights of streams and parts stay those of the checkpoint in `refine`."""
        return bool(self.refine) and not self.refines_parts

    @property
    def mask_size(self) -> tuple[int, int]:
        return self.mask_height, self.mask_height * self.network.width // self.network.height

    def to_dict(self) -> dict:
        return dataclasses.asdict(self) | {"network": self.network.to_dict()}
