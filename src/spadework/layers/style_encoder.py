"""The image encoder: a photo becomes the mean and log variance of its style (SPADE, section 3 and appendix A).

Shapes: B batch, C channels, Z style size, S the input size.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.blocks import ConvLayer, leaky_relu
from spadework.layers.normalization import Norm, instance_norm


class StyleEncoder(nn.Module):
    """Stride-2 convolutions down to 4x4, then two linear layers.

    Photos of other sizes are resized to `input_size` (a power of two, 256 in the paper: six convolutions).
    """

    def __init__(
        self,
        *,
        width: int = 64,
        style_size: int = 256,
        norm: Norm | None = instance_norm,
        input_size: int = 256,
    ) -> None:
        super().__init__()
        layers = input_size.bit_length() - 3
        if layers < 1 or input_size != 2 ** (layers + 2):
            raise ValueError(f"the encoder's input size must be a power of two from 8 up; got {input_size}")
        self.input_size = input_size
        channels = [3] + [width * min(2**j, 8) for j in range(layers)]
        self.layers = nn.ModuleList(
            ConvLayer(before, after, 3, norm=norm, stride=2, padding=1) for before, after in pairwise(channels)
        )
        self.mean = nn.Linear(channels[-1] * 4 * 4, style_size)
        self.log_variance = nn.Linear(channels[-1] * 4 * 4, style_size)

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        """`photo` [B, 3, H, W] in [-1, 1] -> mean and log variance, [B, Z] each."""
        x = photo
        if x.shape[-2:] != (self.input_size, self.input_size):
            x = F.interpolate(x, size=(self.input_size, self.input_size), mode="bilinear")      # [B, 3, S, S]
        for layer in self.layers:
            x = leaky_relu(layer(x))                                                            # [B, C, S/2, S/2], ...
        x = x.flatten(1)                                                                        # [B, C*4*4]
        return self.mean(x), self.log_variance(x)
