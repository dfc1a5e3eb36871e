"""Setting up a run before its first step: lists, network, body prior, pictures, optimisers, and the state to resume."""

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from torch.optim import Optimizer

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.errors import InputError
from threedsl.network import Discriminator, ThreeDSLNetwork, build_network
from threedsl.network.heads import standing_heights
from train.body.prior import BodyPrior
from train.config import TrainConfig
from train.data.dataset import TrainingSet, TrainingSteps
from train.data.listing import Listing, training_list
from train.data.maps import MapSteps
from train.data.sampler import IdentitySampler
from train.data.validation import Validation, draw_validation
from train.learner import Learner
from train.measure.retrieval import RetrievalSet
from train.parallel import open_accelerator, share_batch_norms
from train.run_state import load_state, read_info, refuse_changes
from train.stages import finetune_from, first_stages, refine_from, seen_before, start_from

log = logging.getLogger("train")


@dataclass
class Run:
    """A training run that is ready for step `start`.

    `learner`, `discriminator` and the optimisers are wrapped for the processes; `modules` holds the same weights
    unwrapped, under the names of their files.
    """

    config: TrainConfig
    accelerator: Accelerator
    data: TrainingSet
    batches: TrainingSteps | MapSteps
    validation: RetrievalSet | None  # on the main process; None where no people are held out
    shares_chosen_on: str  # in words, for the log and training.json
    body: BodyModel
    network: ThreeDSLNetwork
    learner: nn.Module
    discriminator: nn.Module
    optimizer: Optimizer
    discriminator_optimizer: Optimizer
    prior: BodyPrior | None  # None: no adversarial loss
    modules: Mapping[str, nn.Module]
    start: int

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """By the names of their files."""
        return {"optimizer": self.optimizer, "discriminator_optimizer": self.discriminator_optimizer}

    def info(self, done: int) -> dict:
        """The plain data of the state after `done` steps."""
        info = {
            "step": done,
            "config": self.config.to_dict(),
            "processes": self.accelerator.num_processes,
        } | self.data.fingerprints
        if self.accelerator.scaler is not None:
            info["scaler"] = self.accelerator.scaler.state_dict()
        return info


def set_up(config: TrainConfig, resume: bool = False) -> Run:
    """Build everything in a fixed order, because random initialisation depends on it.

    Raises:
        InputError: the device, the data, the body, the checkpoint to start from or the state to resume does not match.
            Whatever can be checked without decoding pictures is checked before.
    """
    check_device(config)
    accelerator = open_accelerator(config.precision)
    set_seed(config.seed)
    # Trying kernels takes ten seconds for every size of batch: it pays where kernels, not launches, take the time.
    torch.backends.cudnn.benchmark = accelerator.device.type == "cuda" and config.graph

    listing, validation = read_lists(config)
    sampler = IdentitySampler(
        listing.labels, listing.clothes, config.identities, config.instances, config.seed, config.sampling
    )
    truth = listing.truth() if config.needs_truth else None
    body = BodyModel.load(config.body or DEFAULT_BODY)
    network, learner = build_learner(config, body, listing.people)
    if validation and not config.keeps_shares:
        network.use_equal_shares()
    share_batch_norms(learner, accelerator.device)
    discriminator = Discriminator()
    size = (config.network.height, config.network.width)
    data = TrainingSet(listing, size, truth)
    place = accelerator.process_index, accelerator.num_processes
    batches = TrainingSteps(
        data, sampler, config.augment, config.mask_size, config.seed, accelerator.device, *place
    )
    if config.maps:
        learner.to(accelerator.device)
        folder = Path(config.out).parent / "maps"
        batches = MapSteps(batches, network, config.maps, folder, appearance=not config.refine)
    scored = validation if accelerator.is_main_process else None
    run = Run(
        config=config,
        accelerator=accelerator,
        data=data,
        batches=batches,
        validation=RetrievalSet(scored.query, scored.gallery, size) if scored else None,
        shares_chosen_on=shares_chosen_on(config, validation),
        body=body,
        network=network,
        learner=learner,
        discriminator=discriminator,
        optimizer=build_optimizer(config, network, learner, fused=accelerator.device.type == "cuda"),
        discriminator_optimizer=torch.optim.Adam(discriminator.parameters(), lr=config.discriminator_rate),
        prior=body_prior(config),
        modules={"network": network, "classifiers": learner.classifiers, "discriminator": discriminator},
        start=0,
    )
    if resume:
        run.start = restore(run)
    run.learner, run.discriminator, run.optimizer, run.discriminator_optimizer = accelerator.prepare(
        run.learner, run.discriminator, run.optimizer, run.discriminator_optimizer
    )
    if config.graph and can_record(config, accelerator):
        record_graph(network, config.precision, batches[run.start * config.accumulate].images)
    return run


def check_device(config: TrainConfig) -> None:
    """Raises InputError for what only a GPU can do where there is none."""
    asked = [] if config.precision == "no" else [f"precision {config.precision}"]
    asked += ["graph"] if config.graph else []
    if asked and not torch.accelerator.is_available():
        raise InputError(
            f"{' and '.join(asked)} in the configuration {'need' if len(asked) > 1 else 'needs'} a GPU, and PyTorch "
            "finds none; to train on the CPU add --set precision=no --set graph=false."
        )


def can_record(config: TrainConfig, accelerator: Accelerator) -> bool:
    """Whether a CUDA graph can be recorded; if not, the log says why."""
    reasons = {
        "it needs an NVIDIA GPU": accelerator.device.type != "cuda",
        "it works in one process only": accelerator.num_processes > 1,
        "it needs a network with a shape stream and parts": not (
            config.network.shape_stream and config.network.parts
        ),
    }
    why = [reason for reason, holds in reasons.items() if holds]
    if why:
        log.info("graph is left out: %s", "; ".join(why))
    return not why


def read_lists(config: TrainConfig) -> tuple[Listing, Validation | None]:
    """The pictures to train on and the validation people, who are not among them.

    Neither query nor gallery lists are read: they are the test set, and nothing may be chosen on it.
    """
    root = Path(config.data)
    validation = draw_validation(training_list(root), config.validation, config.validation_seed)
    listing = Listing.read(
        [root, *([config.more_data] if config.more_data else [])], validation.people if validation else ()
    )
    losses = config.losses
    uses_bodies = config.network.shape_stream
    listing.check_annotations(bool(uses_bodies and losses.keypoint), bool(uses_bodies and losses.silhouette))
    log.info("training: %d people, %d pictures", listing.people, len(listing.records))
    if validation:
        log.info("validation: %s", validation.note)
        for sentence in seen_before(config):
            log.warning(sentence)
    else:
        log.info("validation: none; nothing is scored or chosen during the run")
    return listing, validation


def shares_chosen_on(config: TrainConfig, validation: Validation | None) -> str:
    """Which pictures the shares of streams and parts are chosen on, in words; "" without a shape stream."""
    if not config.network.shape_stream:
        return ""
    if config.keeps_shares:
        return f"not chosen in this run: those of {config.refine}"
    if validation:
        return f"{validation.note}; of {config.data}/list/train.txt"
    return (
        f"not chosen: those of {config.finetune}"
        if config.finetune
        else "not chosen: fixed in the configuration"
    )


def build_learner(config: TrainConfig, body: BodyModel, people: int) -> tuple[ThreeDSLNetwork, Learner]:
    """The network and, around it, its classifiers and losses; what `start` or `refine` keeps is frozen."""
    if config.network.coarse_vertices != body.num_coarse:
        raise InputError(
            f"network.coarse_vertices must be {body.num_coarse}, the number in {config.body or DEFAULT_BODY}."
        )
    network = build_network(config.network, None if config.finetune else config.pretrained)
    if network.shape_stream is not None and network.shape_stream.parts is not None:
        network.shape_stream.parts.assign_vertices(standing_heights(body))
    origin = (
        config.start
        or config.refine
        or config.finetune
        or config.pretrained
        or "SCRATCH: no pretrained weights"
    )
    log.info("backbones start from %s", origin)
    learner = Learner(network, body, people, config).to(memory_format=torch.channels_last)
    if config.start:
        learner.freeze(start_from(network, config))
    if config.refine:
        learner.freeze(refine_from(network, config))
    if config.finetune:
        finetune_from(network, config)
    if config.maps and not config.refine:
        learner.freeze(first_stages(network))
    if config.losses.keep:
        plain = dataclasses.replace(config.network, parts=0, part_shares=None)
        learner.keep(build_network(plain, config.pretrained).to(memory_format=torch.channels_last))
    return network, learner


def build_optimizer(
    config: TrainConfig, network: ThreeDSLNetwork, learner: Learner, fused: bool
) -> torch.optim.AdamW:
    """AdamW over the network and the classifiers; each group has the peak of its learning rate."""
    return torch.optim.AdamW(
        [
            {"params": [p for p in network.parameters() if p.requires_grad], "peak": config.learning_rate},
            {"params": list(learner.classifiers.parameters()), "peak": config.classifier_rate},
        ],
        weight_decay=config.weight_decay,
        fused=fused,
    )


def body_prior(config: TrainConfig) -> BodyPrior | None:
    """The real bodies that the discriminator is shown; None without the adversarial loss."""
    if not config.network.shape_stream or not config.losses.adversarial > 0:
        return None
    return BodyPrior(config.body or DEFAULT_BODY, config.seed)


def restore(run: Run) -> int:
    """Load the last saved state into a run's parts, before they are wrapped; returns the steps already done."""
    folder = Path(run.config.out) / "last"
    info = read_info(folder)
    refuse_changes(info, run.config, run.accelerator.num_processes, run.data.fingerprints)
    load_state(folder, run.modules, run.optimizers)
    if run.accelerator.scaler is not None:
        run.accelerator.scaler.load_state_dict(info["scaler"])
    return info["step"]


def record_graph(network: ThreeDSLNetwork, precision: str, images: torch.Tensor) -> None:
    """Record the network as a CUDA graph: launching thousands of small kernels takes longer than running them."""
    kind = {"no": None, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    network.train()
    with torch.autocast("cuda", dtype=kind, enabled=kind is not None, cache_enabled=False):
        torch.cuda.make_graphed_callables(network, (images,))
    for name, value in network.named_buffers():
        value.copy_(statistics[name])
