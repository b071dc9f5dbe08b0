"""Convolution layers and residual blocks that the systems share.

Shapes: B batch, C channels, H W height and width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.normalization import Norm
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics

Convolution = Callable[..., nn.Module]

SLOPE = 0.2
"""Of leaky ReLUs below zero, in every system of the family."""


class ConvLayer(nn.Module):
    """Convolution and, if given, its norm; the norm's shift replaces the convolution's bias."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        norm: Norm | None = None,
        convolution: Convolution = SpectralConv2d,
        **options: Any,
    ) -> None:
        super().__init__()
        self.conv = convolution(in_channels, out_channels, kernel_size, bias=norm is None, **options)
        self.norm = nn.Identity() if norm is None else norm(out_channels)

    def forward(self, *inputs: Any) -> Tensor:
        return self.norm(self.conv(*inputs))


class ModulatedBlock(nn.Module):
    """The residual block of SPADE's generator (Figure 4): modulation, activation, convolution, twice.

    `modulation(channels)` makes a layer that is called with features and semantics and has `out_channels`. The shortcut
    is learned where the number of channels changes; `shortcut_modulation` may differ from the main path's.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modulation: Callable[[int], nn.Module],
        *,
        shortcut_modulation: Callable[[int], nn.Module] | None = None,
        convolution: Convolution = SpectralConv2d,
    ) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.norm_0 = modulation(in_channels)
        self.conv_0 = convolution(self.norm_0.out_channels, middle, 3, padding=1)
        self.norm_1 = modulation(middle)
        self.conv_1 = convolution(self.norm_1.out_channels, out_channels, 3, padding=1)

        self.learned_shortcut = in_channels != out_channels
        if self.learned_shortcut:
            self.norm_s = (shortcut_modulation or modulation)(in_channels)
            self.conv_s = convolution(self.norm_s.out_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor, semantics: Semantics) -> Tensor:
        shortcut = self.conv_s(self.norm_s(x, semantics)) if self.learned_shortcut else x       # [B, out, H, W]
        h = self.conv_0(leaky_relu_(self.norm_0(x, semantics)))                                 # [B, middle, H, W]
        h = self.conv_1(leaky_relu_(self.norm_1(h, semantics)))                                 # [B, out, H, W]
        return shortcut + h


class ResidualDown(nn.Module):
    """Residual block that halves the size where `stride` is 2 (Miyato et al. 2018, discriminator block)."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv_0 = SpectralConv2d(in_channels, out_channels, 3, padding=1)
        self.conv_1 = SpectralConv2d(out_channels, out_channels, 3, padding=1)
        self.conv_s = SpectralConv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_1(leaky_relu(self.conv_0(leaky_relu(x))))                                 # [B, out, H, W]
        total = h + self.conv_s(x)
        return F.avg_pool2d(total, 2, ceil_mode=True) if self.stride == 2 else total


def leaky_relu(x: Tensor) -> Tensor:
    """max(x, 0.2 x)."""
    return F.leaky_relu(x, SLOPE)


def leaky_relu_(x: Tensor) -> Tensor:
    """The same in the memory of x, for what nobody else needs: backward gets by with the result."""
    return F.leaky_relu_(x, SLOPE)


def upsample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, 2H, 2W], nearest neighbour."""
    return F.interpolate(x, scale_factor=2, mode="nearest")
