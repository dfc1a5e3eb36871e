"""Several processes as one: batch statistics, triplets and normalisers over the whole batch.

Without these each process would see a batch of its own: fewer negatives, and other means and variances. With them
`P` processes do what one does with the same batch, within float error.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn


def processes() -> int:
    """How many processes share the batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Sum(torch.autograd.Function):
    """Sum over processes; the gradient of everybody's loss comes back to everybody's summand."""

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
    """Make the module's batch normalisation one over all processes; parameters and buffers stay the same objects."""
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
