"""Weights by the recipe "fill-v1": for golden cases of networks that are too big to store.

Tensors are drawn one after the other, in the order of their sorted names, from torch's generator on the CPU.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

LEFT_ALONE = {"num_batches_tracked", "_tmp_running_mean", "_tmp_running_var", "_running_iter"}
"""Last parts of names that keep their values and draw nothing; tensors of integers do as well."""


def fill(
    tensors: Mapping[str, Tensor],
    seed: int,
    *,
    gain: float = 1.0,
    shift: float = 1.0,
    skipped: Collection[str] = (),
) -> dict[str, Tensor]:
    """New values for `tensors` (their names and shapes count, and the values of those left alone), by name.

    Names bear the prefix that the case writes ("base.", "encoder/", none). Meta tensors will do: what is left alone
    is zero then.
    """
    generator = torch.Generator().manual_seed(seed)
    filled: dict[str, Tensor] = {}
    for name in sorted(tensors):
        tensor, last = tensors[name], name.replace("/", ".").rsplit(".", 1)[-1]
        if last in LEFT_ALONE or name in skipped or not tensor.is_floating_point():
            filled[name] = torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else tensor.clone()
        else:
            uniform = torch.rand(tensor.numel(), generator=generator).reshape(tensor.shape)
            filled[name] = _value(uniform, last, gain, shift)
    return filled


def _value(u: Tensor, last: str, gain: float, shift: float) -> Tensor:
    if last == "running_mean":
        return (0.4 * u - 0.2) * shift
    if last == "running_var":
        return 0.5 + u
    if u.dim() >= 2:
        return (2 * u - 1) * gain * math.sqrt(3 / u[0].numel())
    if last == "weight":
        return 0.75 + 0.5 * u
    return (0.2 * u - 0.1) * shift


def fill_network(
    network: nn.Module,
    seed: int,
    *,
    prefix: str = "",
    gain: float = 1.0,
    shift: float = 1.0,
    skipped: Collection[str] = (),
) -> dict[str, Tensor]:
    """The weights of a network by the recipe, under its own names; loads nothing.

    `prefix` is what the case writes before each name; `skipped` are names with it.
    """
    tensors = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    filled = fill(tensors, seed, gain=gain, shift=shift, skipped=skipped)
    return {name.removeprefix(prefix): tensor for name, tensor in filled.items()}


def check_value(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the raw bytes of all tensors, in the order of their sorted names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
