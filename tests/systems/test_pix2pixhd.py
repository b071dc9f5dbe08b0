"""The generator that SPADE is compared with."""

from __future__ import annotations

import pytest
import torch

from spadework.layers.normalization import CONV_NORMS
from spadework.semantics import Semantics
from spadework.systems.pix2pixhd import GlobalGenerator
from tests import tiny
from tests.systems.weightless import weightless


@pytest.mark.parametrize(
    ("channels", "norm", "width", "expected"),
    [
        (184, "instance", 64, 182_989_507),
        (151, "instance", 64, 182_886_019),
        (36, "instance", 64, 182_525_379),
        (184, "sync_batch", 64, 183_032_259),
        (151, "sync_batch", 64, 182_928_771),
        (36, "sync_batch", 64, 182_568_131),
        (184, "sync_batch", 48, 103_073_619),
        (151, "sync_batch", 48, 102_996_003),
        (36, "sync_batch", 48, 102_725_523),
    ],
)
def test_the_published_sizes(channels: int, norm: str, width: int, expected: int) -> None:
    with weightless():
        network = GlobalGenerator(channels, width=width, norm=CONV_NORMS[norm])
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.parametrize("norm", CONV_NORMS)
def test_photos_have_the_size_asked_for(norm: str) -> None:
    torch.manual_seed(0)
    network = GlobalGenerator(5, width=4, downsamplings=2, blocks=2, norm=CONV_NORMS[norm])
    semantics = Semantics.from_label_map(tiny.label_maps(2, 40, 24), 5)
    for size in ((40, 24), (64, 48)):
        photo = network(semantics, size)
        assert photo.shape == (2, 3, *size) and photo.abs().max() <= 1 and photo.std() > 0
    photo.square().mean().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
