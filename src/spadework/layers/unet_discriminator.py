"""The segmentation discriminator of OASIS (Sushko et al. 2021, section 3.1): a U-Net that says what every pixel shows.

It sees the photo alone and tells each pixel's class, or that the pixel is fake.

Shapes: B batch, C channels, N classes, H W the photo's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.blocks import leaky_relu, upsample
from spadework.layers.spectral import SpectralConv2d


class UNetDiscriminator(nn.Module):
    """Residual blocks down to a bottleneck and up again, with skips between equal sizes.

    `channels` of the blocks on the way down, each of which halves the size: height and width must be multiples of
    2^len(channels). The last block on the way up has `last` channels. Spectral norm on every convolution but the last.
    """

    def __init__(
        self, outputs: int, *, channels: Sequence[int] = (128, 128, 256, 256, 512, 512), last: int = 64
    ) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            DownBlock(before, after, first=i == 0) for i, (before, after) in enumerate(pairwise([3, *channels]))
        )

        # On the way up all blocks but the first see, too, the output of the block down that ended at their size.
        after = [*reversed(channels[:-1]), last]
        before = [channels[-1], *(2 * count for count in after[:-1])]
        self.up = nn.ModuleList(UpBlock(*step) for step in zip(before, after, strict=True))
        self.to_logits = nn.Conv2d(last, outputs, 1)

    def forward(self, photo: Tensor) -> Tensor:
        """`photo` [B, 3, H, W] in [-1, 1] -> logits [B, outputs, H, W]."""
        x, skips = photo, []
        for block in self.down:
            x = block(x)                                                                # [B, C, H/2, W/2], ...
            skips.append(x)
        skips.pop()
        for i, block in enumerate(self.up):
            x = block(x if i == 0 else torch.cat([skips.pop(), x], 1))                  # ..., [B, last, H, W]
        return self.to_logits(x)                                                        # [B, outputs, H, W]


class _ResidualBlock(nn.Module):
    """Two convolutions, and a 1x1 convolution beside them where the number of channels changes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv_0 = SpectralConv2d(in_channels, out_channels, 3, padding=1)
        self.conv_1 = SpectralConv2d(out_channels, out_channels, 3, padding=1)
        self.conv_s = SpectralConv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()


class DownBlock(_ResidualBlock):
    """Halves the size. The `first` block sees a photo, which needs no activation.

    The original takes the mean of 2x2 pixels behind the 1x1 convolution: the same numbers with four times the work.
    """

    def __init__(self, in_channels: int, out_channels: int, *, first: bool = False) -> None:
        super().__init__(in_channels, out_channels)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_0(x if self.first else leaky_relu(x))                             # [B, out, H, W]
        h = self.conv_1(leaky_relu(h))
        return F.avg_pool2d(h, 2) + self.conv_s(F.avg_pool2d(x, 2))                     # [B, out, H/2, W/2]


class UpBlock(_ResidualBlock):
    """Doubles the size. Here, too, the 1x1 convolution comes first, at a quarter of the work."""

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_0(upsample(leaky_relu(x)))                                        # [B, out, 2H, 2W]
        h = self.conv_1(leaky_relu(h))
        return h + upsample(self.conv_s(x))
