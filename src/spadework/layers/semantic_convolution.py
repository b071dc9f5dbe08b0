"""A convolution over a label map and a photo, side by side.

A convolution is linear: over a one-hot map and a photo it is the convolution of the photo plus what it makes of the
map, which is one of a few vectors at each pixel and looked up.

Shapes: B batch, K semantic channels, H W the photo's size, D output channels, h w the output's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.form import Form
from spadework.layers.tables import first_table, look_up
from spadework.semantics import Semantics


class SemanticConv2d(nn.Conv2d):
    """`nn.Conv2d` whose first input channels are those of the semantics, and the others those of a photo."""

    form: Form = "auto"
    """`dense` appends the one-hot map to the photo; every other form looks its part up."""

    def forward(self, semantics: Semantics, photo: Tensor) -> Tensor:  # type: ignore[override]  # two inputs
        """`photo` [B, 3, H, W], `semantics` of its size."""
        size = (photo.shape[-2], photo.shape[-1])
        if self.form == "dense":
            return super().forward(torch.cat([semantics.dense(size), photo], 1))                 # [B, D, h, w]

        # What is dense, convolved; the rest looked up.
        of_map, of_photo = self.weight.tensor_split([semantics.table.shape[1]], 1)
        if semantics.extras is not None:
            photo = torch.cat([semantics.pooled(size, 0).dense(size)[:, -semantics.extras.shape[1] :], photo], 1)
        convolved = F.conv2d(photo, of_photo, self.bias, self.stride, self.padding)              # [B, D, h, w]
        layer = self.kernel_size[0], self.stride[0], int(self.padding[0])
        windows = semantics.windows(size, layer)
        return convolved + look_up(first_table(semantics.vectors(size), of_map, windows), windows)
