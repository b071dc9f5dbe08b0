"""pix2pixHD (Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs").

Here is its global generator, in the form that the SPADE paper compares with as "pix2pixHD++" (spectral norm on every
convolution but the last): the label map enters once, at the input, and normalisation may wash it away.

Shapes: B batch, K semantic channels, C channels, H W height and width.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.blocks import ConvLayer, Convolution
from spadework.layers.normalization import Norm, instance_norm
from spadework.layers.spectral import SpectralConv2d, SpectralConvTranspose2d
from spadework.semantics import Semantics


class Stage(ConvLayer):
    """Convolution, norm, ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with reflection padding and no activation after the sum."""

    def __init__(self, channels: int, kernel_size: int, *, norm: Norm | None, convolution: Convolution) -> None:
        super().__init__()
        conv = partial(convolution, channels, channels, kernel_size, bias=norm is None, **_reflect(kernel_size))
        self.conv_0 = conv()
        self.norm_0 = nn.Identity() if norm is None else norm(channels)
        self.conv_1 = conv()
        self.norm_1 = nn.Identity() if norm is None else norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm_0(self.conv_0(x)))                             # [B, C, H, W]
        return x + self.norm_1(self.conv_1(h))


class GlobalGenerator(nn.Module):
    """Down-sampling convolutions, residual blocks, up-sampling transposed convolutions.

    Height and width must be multiples of 2^downsamplings. It has no style input: one map gives one photo.
    """

    def __init__(
        self,
        semantic_channels: int,
        *,
        width: int = 64,
        downsamplings: int = 4,
        blocks: int = 9,
        norm: Norm | None = instance_norm,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
    ) -> None:
        super().__init__()
        stage = partial(Stage, norm=norm, convolution=SpectralConv2d)
        stage_up = partial(Stage, norm=norm, convolution=SpectralConvTranspose2d)
        channels = [width * 2**j for j in range(downsamplings + 1)]
        steps = list(pairwise(channels))

        self.layers = nn.Sequential(
            stage(semantic_channels, width, first_kernel_size, **_reflect(first_kernel_size)),
            *(stage(before, after, 3, stride=2, padding=1) for before, after in steps),
            *(
                ResidualBlock(channels[-1], kernel_size, norm=norm, convolution=SpectralConv2d)
                for _ in range(blocks)
            ),
            *(stage_up(after, before, 3, stride=2, padding=1, output_padding=1) for before, after in reversed(steps)),
        )
        self.to_photo = nn.Conv2d(width, 3, 7, **_reflect(7))

    def forward(self, semantics: Semantics, size: tuple[int, int]) -> Tensor:
        """The photo [B, 3, H, W] in [-1, 1] for a map resized to `size`."""
        x = semantics.dense(size)                                           # [B, K, H, W]
        x = self.layers(x)                                                  # [B, C, H, W]
        return torch.tanh(self.to_photo(x))                                 # [B, 3, H, W]


def _reflect(kernel_size: int) -> dict[str, Any]:
    return {"padding": (kernel_size - 1) // 2, "padding_mode": "reflect"}
