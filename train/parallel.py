"""Distributed training equal to a single process: batch statistics, triplets and normalisers over the whole batch.

Otherwise each process would see only its own share: fewer negatives, and other means and variances. With these, P
processes compute what one computes for the same batch, within floating-point error.
"""

import os

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn

from threedsl.errors import InputError


def launched_processes() -> int:
    """How many processes torchrun or `accelerate launch` started for this run; 1 without them."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def open_accelerator(precision: str) -> Accelerator:
    """Accelerate's view of this process, one of all that were launched: on GPUs by NCCL, on a CPU by gloo.

    precision: "no", "fp16" or "bf16".

    Raises:
        InputError: there are fewer GPUs than processes, or the processes do not find each other.
    """
    launched = launched_processes()
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or launched)
    gpus = torch.cuda.device_count()
    if gpus and here > gpus:
        raise InputError(
            f"{here} processes were started on a machine with {gpus} GPU{'s' * (gpus > 1)}; "
            f"give torchrun --nproc_per_node {gpus}."
        )
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    # Otherwise Accelerate takes each process on a CPU for the only one, and all would act as the main process.
    on_cpus = launched > 1 and (found is None or found.type == "mps")
    accelerator = Accelerator(mixed_precision=precision, cpu=on_cpus)
    if accelerator.num_processes != launched:
        raise InputError(
            f"{launched} processes were started, but each sees {accelerator.num_processes}; start one without torchrun."
        )
    return accelerator


def processes() -> int:
    """How many processes share the batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Sum(torch.autograd.Function):
    """Sum over processes; every summand receives the gradient of every process's loss.

    torch.distributed.nn.functional.all_reduce does the same, but is deprecated in favour of a private module.
    """

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        total = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def mean_of_processes(value: Tensor) -> Tensor:
    """The mean of every process's value, everywhere."""
    return value if processes() == 1 else _Sum.apply(value) / processes()


def gathered(value: Tensor) -> Tensor:
    """(B, …) here -> (P x B, …) of all processes in their order, everywhere."""
    if processes() == 1:
        return value
    parts = [torch.zeros_like(value) for _ in range(processes())]
    parts[dist.get_rank()] = value
    return _Sum.apply(torch.stack(parts)).flatten(0, 1)


class WholeBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation with the statistics of all processes; nn.SyncBatchNorm works on GPUs only."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        axes, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
        mean = mean_of_processes(input.mean(axes))
        centred = input - mean.view(shape)
        variance = mean_of_processes(centred.square().mean(axes))
        count = input.numel() // input.shape[1] * processes()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.view(shape) + self.bias.view(shape)


def share_batch_norms(module: nn.Module, device: torch.device) -> None:
    """Make batch normalisation span all processes; parameters and buffers remain the same objects."""
    if processes() == 1:
        return
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                shared = WholeBatchNorm(child.num_features, child.eps, child.momentum)
                shared._parameters, shared._buffers = child._parameters, child._buffers
                setattr(parent, name, shared.train(child.training))
