"""Parameter-free normalisation, and the norms of plain convolution layers.

Each function takes a number of channels and returns the layer; eps is 1e-5 and momentum 0.1 throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import gcd
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from spadework.precision import at_least_float32

Norm = Callable[[int], nn.Module]


def batch_norm(channels: int) -> nn.Module:
    """Statistics over batch and pixels; running averages of them in eval mode."""
    return nn.BatchNorm2d(channels, affine=False)


def sync_batch_norm(channels: int) -> nn.Module:
    """Batch norm over the batches of all processes; with one process the same as `batch_norm`."""
    return SyncBatchNorm(channels, affine=False)


def instance_norm(channels: int) -> nn.Module:
    """Statistics over the pixels of each picture and channel."""
    return InstanceNorm(channels, affine=False)


def group_norm(channels: int) -> nn.Module:
    """Statistics over the pixels of each picture in 32 groups of channels (fewer where 32 does not divide them)."""
    return nn.GroupNorm(gcd(32, channels), channels, affine=False)


def layer_norm(channels: int) -> nn.Module:
    """Statistics over all pixels and channels of each picture."""
    return nn.GroupNorm(1, channels, affine=False)


PARAMETER_FREE_NORMS: dict[str, Norm] = {
    "batch": batch_norm,
    "sync_batch": sync_batch_norm,
    "instance": instance_norm,
    "group": group_norm,
    "layer": layer_norm,
}

# The norms of plain convolution layers (discriminators, encoders): batch norms have a scale and shift there.
CONV_NORMS: dict[str, Norm | None] = {
    "none": None,
    "instance": instance_norm,
    "batch": nn.BatchNorm2d,
    "sync_batch": lambda channels: SyncBatchNorm(channels),
}


@contextmanager
def fresh_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms forget their running statistics, and take the plain mean over the forwards inside the block.

    For averaged weights: the averages of other weights' statistics are not their statistics. Norms in eval mode, which
    are frozen, keep theirs.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


@contextmanager
def alone(network: nn.Module) -> Iterator[None]:
    """Synchronised batch norms take the batch of this process for the whole: for work that others have no share in."""
    norms = [module for module in network.modules() if isinstance(module, SyncBatchNorm)]
    for norm in norms:
        norm.alone = True
    try:
        yield
    finally:
        for norm in norms:
            norm.alone = False


class InstanceNorm(nn.InstanceNorm2d):
    """Torch's instance norm with the right gradient in every memory format.

    Torch's own is wrong, silently, for a single picture whose gradient comes in the channels-last order (seen on CPUs
    with PyTorch 2.15).
    """

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient.contiguous())
        return y


class SyncBatchNorm(nn.SyncBatchNorm):
    """Batch norm over the batches of all processes, on GPUs and on CPUs.

    On GPUs and with a single process this is torch's own. Torch refuses CPU tensors of several processes; there the
    same moments come from a differentiable all-reduce of (count, sum), then of the squared deviations.
    """

    alone = False
    """Whether the batch of this process is the whole (see `alone`)."""

    def forward(self, x: Tensor) -> Tensor:
        if self.alone:
            return nn.modules.batchnorm._BatchNorm.forward(self, x)
        if x.is_cuda or not self.training or not dist.is_initialized() or dist.get_world_size() == 1:
            return super().forward(x)

        # Mean over all processes.                                                                x: [B, C, H, W]
        wide = at_least_float32(x)
        here = wide.new_full([1], x.numel() / x.shape[1])
        total = _SumOverProcesses.apply(torch.cat([wide.sum((0, 2, 3)), here]))                   # [C + 1]
        count = total[-1:].detach()
        mean = total[:-1] / count                                                                 # [C]

        # Biased variance over all processes, from the deviations: no cancellation.
        deviation = wide - mean[None, :, None, None]
        variance = _SumOverProcesses.apply(deviation.square().sum((0, 2, 3))) / count             # [C]
        self._update_running_statistics(mean.detach(), variance.detach(), count)

        normalized = deviation * torch.rsqrt(variance + self.eps)[None, :, None, None]
        if self.affine:
            normalized = normalized * self.weight[None, :, None, None] + self.bias[None, :, None, None]
        return normalized.to(x.dtype)

    def _update_running_statistics(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)                          # unbiased


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return _SumOverProcesses.forward(context, *gradients)
