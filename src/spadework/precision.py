"""Numerical precision: what must not be computed in half precision, whatever autocast asks for around it."""

from __future__ import annotations

from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """Half precisions in float32, the others as they are."""
    return x.float() if x.dtype.itemsize < 4 else x
