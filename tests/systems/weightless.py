"""Networks on paper: all their layers and shapes, no numbers in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import nn


@contextmanager
def weightless() -> Iterator[None]:
    """Networks built meanwhile lie on the meta device, and nothing is drawn for them, which is slow even there."""
    with (
        torch.device("meta"),
        patch.object(nn.modules.conv._ConvNd, "reset_parameters"),
        patch.object(nn.Linear, "reset_parameters"),
        patch("spadework.layers.spectral._unit", lambda vector: vector),
        patch("spadework.layers.spectral._SpectralNorm.settle"),
        patch("spadework.systems.spade.initialize"),
        patch("spadework.systems.oasis.initialize"),
    ):
        yield
