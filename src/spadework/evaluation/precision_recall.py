"""Improved precision and recall (Kynkäänniemi et al. 2019).

A set's manifold is the union of balls around its photos' features, each reaching to its k-th nearest neighbour in the
set. Precision is the share of generated photos inside the manifold of the real ones: are they real-looking? Recall is
the share of real photos inside that of the generated ones: is everything there generated?

Shapes: N, M rows (one per photo), F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.evaluation.moments import require_same_space

_SIDE = 2048
"""Distances are held for so many rows and columns at a time: 32 MiB."""

_COINCIDE = 1e-13
"""Squared distances below this share of the squared lengths are rounding: float32 features tell no more apart."""


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in 0..1."""

    precision: float
    recall: float
    neighbours: int
    """k: which neighbour a ball reaches to."""
    real: int
    """How many real photos."""
    fake: int
    """How many generated ones."""


def precision_recall(real: Tensor, fake: Tensor, *, neighbours: int = 3) -> PrecisionRecall:
    """Precision and recall of features [N, F] of real and [M, F] of generated photos, in float64.

    Memory beyond the features does not grow with N and M. Raises ValueError where a set has no k-th neighbour.
    """
    require_same_space(real, fake)
    if not 1 <= neighbours < min(len(real), len(fake)):
        raise ValueError(
            f"neighbours={neighbours} cannot be found among {len(real)} real and {len(fake)} generated photos: "
            "there must be 1 or more, and fewer than photos in each set"
        )
    # Distances stay the same and lose fewer digits around the common mean.
    centre = real.mean(0, dtype=torch.float64)
    precision = _share_inside(fake, real, centre, neighbours)
    recall = _share_inside(real, fake, centre, neighbours)
    return PrecisionRecall(precision, recall, neighbours, len(real), len(fake))


def _share_inside(x: Tensor, manifold: Tensor, centre: Tensor, neighbours: int) -> float:
    """The share of rows of x [N, F] that lie in one of the balls around the rows of `manifold` [M, F]."""
    radii = torch.cat([_radii(rows, manifold, centre, neighbours) for rows in manifold.split(_SIDE)])   # [M]
    inside = 0
    for rows in x.split(_SIDE):
        reached = torch.zeros(len(rows), dtype=torch.bool, device=x.device)
        for start, apart, rounding in _squared_distances(rows, manifold, centre):
            reached |= (apart <= radii[start : start + apart.shape[1]] + rounding).any(1)
        inside += int(reached.sum())
    return inside / len(x)


def _radii(rows: Tensor, among: Tensor, centre: Tensor, neighbours: int) -> Tensor:
    """The squared distance of each row to its k-th nearest neighbour; the nearest of all is the row itself."""
    nearest = torch.empty(len(rows), 0, dtype=torch.float64, device=rows.device)
    for _, apart, _ in _squared_distances(rows, among, centre):
        nearest = torch.cat([nearest, apart], dim=1)
        nearest = nearest.topk(min(neighbours + 1, nearest.shape[1]), dim=1, largest=False).values
    return nearest[:, -1]


def _squared_distances(rows: Tensor, others: Tensor, centre: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(first column, |x - y|^2, what of it is rounding) of rows [N, F] and some of the others at a time."""
    x = rows.double() - centre
    start = 0
    for some in others.split(_SIDE):
        y = some.double() - centre
        lengths = x.square().sum(1)[:, None] + y.square().sum(1)                            # |x|^2 + |y|^2
        yield start, (lengths - 2 * x @ y.T).clamp(min=0), lengths * _COINCIDE
        start += len(some)
