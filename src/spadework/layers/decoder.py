"""The decoder that SPADE's generator and its descendants share: modulated blocks with up-sampling, then the photo.

Shapes: B batch, C channels, h w the first features' size, H W the photo's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from spadework.layers.blocks import Convolution, ModulatedBlock, leaky_relu, upsample
from spadework.layers.recompute import recomputed
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics


class ModulatedDecoder(nn.Module):
    """One residual block for each step of `channels`, doubling the size before those that `upsample_before` marks.

    `stem` makes the first features; how it is called is its owner's business. `modulation(channels)` makes the blocks'
    normalisation, `shortcut_modulation` that of their shortcuts if it differs.
    """

    recompute = False
    """Keep only what goes into a block for the backward pass, and compute the block again there: the same numbers."""

    def __init__(
        self,
        stem: nn.Module,
        channels: Sequence[int],
        modulation: Callable[[int], nn.Module],
        *,
        upsample_before: Sequence[bool],
        shortcut_modulation: Callable[[int], nn.Module] | None = None,
        convolution: Convolution = SpectralConv2d,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.upsample_before = list(upsample_before)
        self.blocks = nn.ModuleList(
            ModulatedBlock(
                *(before, after, modulation), shortcut_modulation=shortcut_modulation, convolution=convolution
            )
            for before, after in pairwise(channels)
        )
        self.to_photo = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def decode(self, x: Tensor, semantics: Semantics) -> Tensor:
        """Features [B, C, h, w] -> the photo [B, 3, H, W] in [-1, 1]."""
        for block, up in zip(self.blocks, self.upsample_before, strict=True):

            def step(x: Tensor, block: nn.Module = block, up: bool = up) -> Tensor:
                return block(upsample(x) if up else x, semantics)

            recompute = self.recompute and torch.is_grad_enabled()
            x = recomputed(block, step, x) if recompute else step(x)            # [B, C, 2h, 2w], ...
        return torch.tanh(self.to_photo(leaky_relu(x)))                         # [B, 3, H, W]
