"""Numbers for tests of layers: float64, the same every time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EXACT = {"rtol": 1e-12, "atol": 1e-12}
"""What float64 rounding may leave between two ways to compute the same."""


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def label_map(*shape: int, classes: int = 5, seed: int = 0) -> Tensor:
    """Class indices 0..classes-1."""
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in float64, all parameters drawn anew: none is zero or one by its initialisation."""
    module = module.double()
    for i, parameter in enumerate(module.parameters()):
        parameter.copy_(numbers(*parameter.shape, seed=1000 * seed + i) / max(1, parameter[0].numel()) ** 0.5)
    return module
