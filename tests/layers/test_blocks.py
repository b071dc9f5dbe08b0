"""Convolution layers and residual blocks."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.blocks import ConvLayer, ModulatedBlock, ResidualDown, leaky_relu, upsample
from spadework.layers.modulation import SPADE, Concat, Unmodulated
from spadework.layers.normalization import instance_norm
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics
from tests.layers.float64 import EXACT, label_map, numbers, randomized


def block(before: int, after: int, **options: object) -> ModulatedBlock:
    modulation = partial(SPADE, semantic_channels=5, hidden=7)
    made = ModulatedBlock(before, after, modulation, **options)  # type: ignore[arg-type]  # a test's own options
    randomized(made)
    return made.eval()


def semantics() -> Semantics:
    return Semantics.from_label_map(label_map(2, 8, 8), 5, dtype=torch.float64)


def slope(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize(("before", "after"), [(6, 6), (6, 4), (4, 6)])
def test_figure_4(before: int, after: int) -> None:
    """Modulation, activation, convolution, twice; beside it a shortcut without activation."""
    layer, map_, x = block(before, after), semantics(), numbers(2, before, 8, 8)
    h = F.conv2d(slope(layer.norm_0(x, map_)), layer.conv_0.normalized_weight(), layer.conv_0.bias, padding=1)
    assert h.shape[1] == min(before, after)
    h = F.conv2d(slope(layer.norm_1(h, map_)), layer.conv_1.normalized_weight(), layer.conv_1.bias, padding=1)
    shortcut = x
    if before != after:
        shortcut = F.conv2d(layer.norm_s(x, map_), layer.conv_s.normalized_weight())
        assert layer.conv_s.bias is None
    torch.testing.assert_close(layer(x, map_), shortcut + h, **EXACT)
    assert layer.learned_shortcut == hasattr(layer, "conv_s") == (before != after)


def test_blocks_with_other_modulation_and_convolution() -> None:
    made = ModulatedBlock(
        6, 4, partial(Concat, semantic_channels=5), shortcut_modulation=Unmodulated, convolution=nn.Conv2d
    ).double()
    x = numbers(2, 6, 8, 8)
    assert made(x, semantics()).shape == (2, 4, 8, 8)
    assert (made.conv_0.in_channels, made.conv_1.in_channels, made.conv_s.in_channels) == (11, 9, 6)
    assert {type(made.conv_0), type(made.conv_1), type(made.conv_s)} == {nn.Conv2d}


def test_a_norm_replaces_the_bias() -> None:
    with_norm, without = ConvLayer(3, 4, 3, norm=instance_norm), ConvLayer(3, 4, 3)
    assert with_norm.conv.bias is None and without.conv.bias is not None
    assert isinstance(with_norm.conv, SpectralConv2d)
    x = numbers(1, 3, 8, 8).float()
    torch.testing.assert_close(without.eval()(x), without.conv(x))
    torch.testing.assert_close(with_norm.eval()(x), F.instance_norm(with_norm.conv(x)))


@pytest.mark.parametrize(("stride", "size"), [(1, (9, 6)), (2, (5, 3))])
def test_the_discriminators_residual_block(stride: int, size: tuple[int, int]) -> None:
    layer = ResidualDown(3, 5, stride=stride)
    randomized(layer).eval()
    x = numbers(2, 3, 9, 6)
    h = F.conv2d(slope(x), layer.conv_0.normalized_weight(), layer.conv_0.bias, padding=1)
    h = F.conv2d(slope(h), layer.conv_1.normalized_weight(), layer.conv_1.bias, padding=1)
    total = h + F.conv2d(x, layer.conv_s.normalized_weight())
    expected = F.avg_pool2d(total, 2, ceil_mode=True) if stride == 2 else total
    torch.testing.assert_close(layer(x), expected, **EXACT)
    assert expected.shape[-2:] == size


def test_upsampling_repeats_pixels() -> None:
    x = torch.tensor([[[[1.0, 2.0]]]])
    assert upsample(x).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]


def test_the_slope() -> None:
    assert leaky_relu(torch.tensor([-1.0, 0.0, 2.0])).tolist() == pytest.approx([-0.2, 0, 2])
