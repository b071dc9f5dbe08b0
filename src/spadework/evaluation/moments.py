"""Mean and covariance of features: streamed, merged, and the same numbers however the rows came in.

Rows are taken in blocks of BLOCK, whatever the batches they arrive in; a block's moments depend on its rows alone, and
blocks are merged from first to last (Chan, Golub and LeVeque 1979). Everything is float64; memory does not grow with
the number of rows.

Shapes: N rows (one per photo), F features.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spadework.atomic import write_atomic

BLOCK = 256
"""Rows per block. Whoever splits the work between processes splits it at multiples of this."""


@dataclass(frozen=True)
class Gaussian:
    """A mean and a covariance: all that a Fréchet distance sees of a set."""

    mean: Tensor
    """float64 [F]."""
    covariance: Tensor
    """float64 [F, F], with denominator N - 1."""
    n: int | None
    """How many photos it is of; None where a foreign file does not tell."""


@dataclass(frozen=True)
class Moments:
    """What N rows leave behind; those of two sets can be merged."""

    n: int
    mean: Tensor
    """float64 [F]."""
    scatter: Tensor
    """float64 [F, F]: the sum of (x - mean) (x - mean)^T."""

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of features [N, F], taken as one block."""
        require_features(features)
        x = features.detach().to("cpu", torch.float64)
        mean = x.mean(0)
        deviation = x - mean
        return cls(len(x), mean, deviation.T @ deviation)

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets together, this one first."""
        if len(self.mean) != len(other.mean):
            raise ValueError(f"features of {len(self.mean)} and of {len(other.mean)} numbers cannot be one set")
        n = self.n + other.n
        difference = other.mean - self.mean
        mean = self.mean + difference * (other.n / n)
        between = torch.outer(difference, difference) * (self.n * other.n / n)
        return Moments(n, mean, self.scatter + other.scatter + between)

    @property
    def gaussian(self) -> Gaussian:
        """Mean and covariance; raises ValueError for fewer than two rows."""
        if self.n < 2:
            raise ValueError(f"a covariance needs at least 2 photos; there is {self.n}")
        covariance = self.scatter / (self.n - 1)
        return Gaussian(self.mean, (covariance + covariance.T) / 2, self.n)


class MomentStream:
    """Takes features in any batches, in order, and keeps one block of rows and one set of moments."""

    def __init__(self) -> None:
        self._moments: Moments | None = None
        self._waiting: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """The next rows, [B, F]."""
        require_features(features)
        waiting = features.detach().to("cpu", torch.float64)
        if self._waiting is not None:
            waiting = torch.cat([self._waiting, waiting])
        while len(waiting) >= BLOCK:
            self._moments = _merge(self._moments, Moments.of(waiting[:BLOCK]))
            waiting = waiting[BLOCK:]
        self._waiting = waiting.clone() if len(waiting) else None

    @property
    def moments(self) -> Moments:
        """Of all rows so far; raises ValueError if there were none."""
        moments = self._moments if self._waiting is None else _merge(self._moments, Moments.of(self._waiting))
        if moments is None:
            raise ValueError("no photos were given: there are no moments of an empty set")
        return moments


def moments_of(batches: Iterable[Tensor]) -> Moments:
    """The moments of features that come in batches [B, F]."""
    stream = MomentStream()
    for features in batches:
        stream.add(features)
    return stream.moments


def merge(parts: Iterable[Moments]) -> Moments:
    """The parts of a set, from first to last. Parts of BLOCK rows each (but for the last) give a stream's numbers."""
    merged: Moments | None = None
    for part in parts:
        merged = _merge(merged, part)
    if merged is None:
        raise ValueError("no parts were given: there are no moments of an empty set")
    return merged


def require_features(features: Tensor) -> None:
    """Raise ValueError for anything but finite floats [N, F] with a row and a column."""
    if features.dim() != 2 or not features.is_floating_point() or 0 in features.shape:
        raise ValueError(f"features are floats [N, F], at least one; got {features.dtype} {list(features.shape)}")
    wrong = (~features.sum(1, dtype=torch.float64).isfinite()).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"features of {len(wrong)} photos are not finite, the first in row {wrong[0]}: the network overflowed "
            "(compute features in float32) or its weights are damaged"
        )


def require_same_space(real: Tensor, fake: Tensor) -> None:
    """Raise ValueError unless both are features, and of one network at one depth."""
    require_features(real)
    require_features(fake)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"one set has {real.shape[1]} features per photo and the other {fake.shape[1]}: "
            "both must come from the same network at the same depth"
        )


def write_npz(path: Path | str, gaussian: Gaussian) -> None:
    """A file that pytorch-fid reads: `mu`, `sigma`; and `n`, which it does not look at. Whole or not at all."""
    mu, sigma = gaussian.mean.numpy(), gaussian.covariance.numpy()
    n = {} if gaussian.n is None else {"n": np.array(gaussian.n)}
    write_atomic(path, lambda file: np.savez(file, allow_pickle=False, mu=mu, sigma=sigma, **n))


def read_npz(path: Path | str) -> Gaussian:
    """What `write_npz` or pytorch-fid wrote. Raises ValueError that names the file; executes nothing in it."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files if name in ("mu", "sigma", "n")}
    except Exception as error:  # the reader raises nearly every kind there is on a damaged file
        raise ValueError(f"{path}: this is no npz file of mean and covariance, or it is damaged ({error})") from error
    if not {"mu", "sigma"} <= set(held):
        raise ValueError(f"{path}: expected arrays `mu` and `sigma`, as pytorch-fid saves them")
    mean, covariance = (torch.from_numpy(held[name].astype(np.float64)) for name in ("mu", "sigma"))
    if mean.dim() != 1 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(f"{path}: mu {list(mean.shape)} and sigma {list(covariance.shape)} do not belong together")
    if not (mean.isfinite().all() and covariance.isfinite().all()):
        raise ValueError(f"{path}: mu or sigma holds values that are not finite: the file is of no use")
    return Gaussian(mean, covariance, int(held["n"]) if "n" in held else None)


def _merge(first: Moments | None, second: Moments) -> Moments:
    return second if first is None else first.merged(second)
