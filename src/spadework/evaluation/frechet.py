"""The Fréchet distance between two sets of features, each taken as a Gaussian (Heusel et al. 2017, eq. 6).

    d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2

With S = R R^T, the last trace is the sum of the singular values of R1^T R2. That keeps the digits that the eigenvalues
of S1 S2 lose, needs no ridge for sets smaller than the number of features, and is 0 for equal sets. R comes from the
eigenvalues of S, those below rounding left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spadework.evaluation.moments import Gaussian


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """The squared Fréchet distance, as "FID" is understood; never below 0. Raises ValueError for other sizes."""
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"one set has {len(a.mean)} features per photo and the other {len(b.mean)}: "
            "both must come from the same network at the same depth"
        )
    apart = (a.mean - b.mean).square().sum()
    shared = torch.linalg.svdvals(_root(a.covariance).T @ _root(b.covariance)).sum()
    return max(0.0, float(apart + a.covariance.trace() + b.covariance.trace() - 2 * shared))


def _root(covariance: Tensor) -> Tensor:
    """R [F, rank] with R R^T = covariance [F, F]; eigenvalues within rounding of 0, also below it, are 0."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
    kept = values > rounding
    return vectors[:, kept] * values[kept].sqrt()
