"""Weights in half precision: files of half the size, which are read back as float32."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

LARGEST = torch.finfo(torch.float16).max


def half_precision(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """A network's state dict with its matrices and kernels in float16; `name` is what an error calls it.

    Vectors stay as they are: biases, running means and variances, power iterations. They are few, and variances may lie
    below what float16 can hold. Raises ValueError for weights that are not finite or too large.
    """
    made = {key: tensor.half() if _is_matrix(tensor) else tensor for key, tensor in state.items()}
    for key, tensor in made.items():
        if not state[key].isfinite().all():
            raise ValueError(
                f"{name}: its weights {key} are not all finite: was the training sound? Look at its losses and "
                "samples, and ship an earlier checkpoint"
            )
        if not tensor.isfinite().all():
            largest = float(state[key].abs().max())
            raise ValueError(
                f"{name}: its weights {key} reach {largest:g}, half precision holds {LARGEST:g} at most: was the "
                "training sound? Look at its losses and samples, and ship an earlier checkpoint"
            )
    return made


def _is_matrix(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim > 1
