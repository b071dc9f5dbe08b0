"""The kernel distance between two sets of features: KID over Inception's (Bińkowski et al. 2018).

The unbiased estimate of the squared maximum mean discrepancy under k(x, y) = (x.y / F + 1)^3. Unlike the Fréchet
distance its expectation does not depend on how many photos there are; around 0 it may come out negative.

Shapes: N, M rows (one per photo), F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spadework.evaluation.moments import require_same_space

SUBSET_SIZE = 1000
"""Photos per subset where there are as many: torch-fidelity's default."""

_ROWS = 2048


@dataclass(frozen=True)
class KernelDistance:
    """An average over random subsets, and how far these lie apart."""

    value: float
    deviation: float | None
    """The standard deviation over subsets; None where the one subset is all there is."""
    subsets: int
    subset_size: int
    """Photos of each set in a subset."""
    seed: int


def kernel_distance(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int | None = None, seed: int = 2020
) -> KernelDistance:
    """The kernel distance between features [N, F] and [M, F]: the mean over `subsets` random subsets.

    `subset_size`: photos of each set, by default SUBSET_SIZE or the smaller set's number. Subsets are drawn as
    torch-fidelity draws them: its seed is 2020, and its first input is the generated photos. Raises ValueError for
    sets smaller than a subset.
    """
    require_same_space(real, fake)
    smaller = min(len(real), len(fake))
    size = min(SUBSET_SIZE, smaller) if subset_size is None else subset_size
    if not 2 <= size <= smaller or subsets < 1:
        raise ValueError(
            f"{subsets} subsets of {size} photos cannot be drawn from {len(real)} real and {len(fake)} generated ones: "
            f"there must be at least one, of 2 to {smaller} photos"
        )

    # Where a subset is the whole of both sets, all subsets are one and the same.
    if size == len(real) == len(fake):
        return KernelDistance(squared_mmd(real, fake), None, 1, size, seed)
    # NumPy's legacy generator, whose stream never changes: torch-fidelity's subsets, in its order.
    draw = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        some_fake = fake[torch.from_numpy(draw.choice(len(fake), size, replace=False))]
        some_real = real[torch.from_numpy(draw.choice(len(real), size, replace=False))]
        values.append(squared_mmd(some_real, some_fake))
    return KernelDistance(float(np.mean(values)), float(np.std(values)), subsets, size, seed)


def squared_mmd(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate over all rows of x [N, F] and y [M, F] (Gretton et al. 2012, eq. 3), in float64."""
    require_same_space(x, y)
    x, y = x.detach().double(), y.detach().double()
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError(f"a kernel distance needs at least 2 photos of each set; there are {n} and {m}")
    within_x = (_kernel_sum(x, x) - _own(x)) / (n * (n - 1))
    within_y = (_kernel_sum(y, y) - _own(y)) / (m * (m - 1))
    return within_x + within_y - 2 * _kernel_sum(x, y) / (n * m)


def _kernel_sum(x: Tensor, y: Tensor) -> float:
    """sum_ij (x_i.y_j / F + 1)^3, a few rows at a time."""
    return sum(((rows @ y.T) / x.shape[1] + 1).pow(3).sum().item() for rows in x.split(_ROWS))


def _own(x: Tensor) -> float:
    """sum_i k(x_i, x_i)."""
    return (x.square().sum(1) / x.shape[1] + 1).pow(3).sum().item()
