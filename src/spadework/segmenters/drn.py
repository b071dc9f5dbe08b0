"""Dilated Residual Networks (Yu et al. 2017, arXiv:1705.09914), arrangement D: SPADE's judge of Cityscapes is D-105.

A residual network that keeps an eighth of the resolution, dilating instead of striding; plain convolutions after the
last residual stage take away the grid that dilation leaves. Names of weights are those of fyu/drn.

Shapes: B batch, K classes, C channels, F features, H W height and width of the photos, h w of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from spadework.choose import choose
from spadework.segmenters.resizing import resize_photos
from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.weights import WeightsFile, fill, read_weights

MEAN = (0.29010095242892997, 0.32808144844279574, 0.28696394422942517)
STD = (0.1829540508368939, 0.18656561047509476, 0.18447508988480435)
"""Of Cityscapes' photos in [0, 1]: red, green, blue."""

SCALES = (0.5, 0.75, 1.25, 1.5, 1.75)
"""Of the multi-scale test, beside the photo's own size."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the shortcut; unlike torchvision's it can be dilated."""

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        *,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, width, stride=stride, dilation=dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        h = F.relu(self.bn1(self.conv1(x)))                                             # [B, width, H, W]
        return F.relu(self.bn2(self.conv2(h)) + shortcut)                               # [B, width, H, W]


@dataclass(frozen=True)
class Layout:
    """One network of the family. Both tuples are about levels 1 to 8; level 0 is a 7x7 convolution.

    Levels 1, 2, 7 and 8 are plain convolutions, levels 3 to 6 residual blocks.
    """

    block: type[BasicBlock] | type[Bottleneck]
    layers: tuple[int, ...]
    """Convolutions or blocks per level."""
    channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512, 512)
    """Of level 0 and 1 (the same), 2, ..., 8; a bottleneck has four times as many at its end."""


# Depth counts convolutions on the way: D-22 has 1 + 1 + 1 + 2 (2 + 2 + 2 + 2) + 1 + 1, and ImageNet's classifier.
LAYOUTS: dict[str, Layout] = {
    "d-22": Layout(BasicBlock, (1, 1, 2, 2, 2, 2, 1, 1)),
    "d-24": Layout(BasicBlock, (1, 1, 2, 2, 2, 2, 2, 2)),
    "d-38": Layout(BasicBlock, (1, 1, 3, 4, 6, 3, 1, 1)),
    "d-40": Layout(BasicBlock, (1, 1, 3, 4, 6, 3, 2, 2)),
    "d-54": Layout(Bottleneck, (1, 1, 3, 4, 6, 3, 1, 1)),
    "d-56": Layout(Bottleneck, (1, 1, 3, 4, 6, 3, 2, 2)),
    "d-105": Layout(Bottleneck, (1, 1, 3, 4, 23, 3, 1, 1)),
    "d-107": Layout(Bottleneck, (1, 1, 3, 4, 23, 3, 2, 2)),
}


class Drn(Segmenter):
    """A DRN with a classifier and fixed upsampling.

    `scores` are log-probabilities, or with `scales` their sum over the photo's own size and these.
    """

    def __init__(
        self,
        classes: Sequence[str],
        layout: str | Layout = "d-105",
        *,
        scales: Sequence[float] = (),
    ) -> None:
        """`layout` is a key of LAYOUTS or one of your own; `scales` come beside the photo's own size."""
        super().__init__()
        self.name = f"drn-{layout}" if isinstance(layout, str) else "drn"
        self.classes = tuple(classes)
        self.scales = tuple(scales)
        layout = layout if isinstance(layout, Layout) else choose(LAYOUTS, layout, "DRN")

        self.base = _trunk(layout)
        self.seg = nn.Conv2d(layout.channels[7], len(self.classes), 1)
        self.up = BilinearUpsampling(len(self.classes), 8)
        self.eval()

    @classmethod
    def read(cls, path: Path | str, classes: Sequence[str], layout: str | Layout = "d-105", **options: Any) -> Drn:
        """With the weights of a file such as `drn-d-105_ms_cityscapes.pth`; raises ValueError for another file."""
        network = cls(classes, layout, **options)
        fill(network, read_weights(path), path, f"the DRN segmenter {network.name} of {len(network.classes)} classes")
        network.weights = (WeightsFile.of(path),)
        return network

    @torch.no_grad()
    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, K, h, w] at `size`, by default that of the photos."""
        x = normalize(photos)
        height, width = x.shape[2:]
        total = self(x)[:, :, :height, :width]                                          # [B, K, H, W]
        for scale in self.scales:
            scaled = resize_photos(photos, (max(int(height * scale), 1), max(int(width * scale), 1)), "bicubic")
            # As Pillow resizes maps of float. What hangs over the edge is squeezed in, not cut off: so was the
            # original (golden drn_seg/narrow_basic).
            total = total + F.interpolate(self(normalize(scaled)), (height, width), mode="bilinear", antialias=True)
        return F.interpolate(total, size or (height, width), mode="bilinear")

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, F]: the spatial mean of the last level, at the photos' scale."""
        return self.base(normalize(photos)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised photos [B, 3, H, W] -> log-probabilities [B, K, H, W], sides rounded up to multiples of 8."""
        return self.up(self.seg(self.base(x))).log_softmax(1)

    def protocol(self) -> dict[str, Any]:
        """How photos are treated."""
        return {
            "preprocessing": "RGB / 255, less Cityscapes' mean, over its deviation",
            "sizes": "as given",
            "scales": [1.0, *self.scales],
            "prediction": "log-softmax after 8x bilinear upsampling" + (", summed over scales" if self.scales else ""),
        }


class BilinearUpsampling(nn.ConvTranspose2d):
    """Upsampling by a fixed kernel, classes apart.

    Half a kernel from the edge, weights do not add up to one: that is how the released models were trained, and not
    what F.interpolate does (golden drn_seg/narrow).
    """

    def __init__(self, channels: int, times: int) -> None:
        size = 2 * times
        super().__init__(
            channels, channels, size, stride=times, padding=times // 2, groups=channels, bias=False
        )
        line = 1 - ((torch.arange(size) + 0.5) / times - 1).abs()                       # 1 3 5 ... 5 3 1, over 16
        with torch.no_grad():
            self.weight.copy_(torch.outer(line, line))
        self.weight.requires_grad_(False)


def normalize(photos: Tensor) -> Tensor:
    """uint8 [B, 3, H, W], RGB -> float, by Cityscapes' mean and deviation."""
    check_photos(photos)
    x = photos.float() / 255
    return (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(STD)[:, None, None]


def _trunk(layout: Layout) -> nn.Sequential:
    """Levels 0 to 8."""
    widths, layers = layout.channels, layout.layers
    ends = [layout.block.expansion * width for width in widths[2:6]]                    # of levels 3 to 6
    return nn.Sequential(
        _convolutions(3, widths[0], 1, kernel_size=7),                                  # [B, C, H, W]
        _convolutions(widths[0], widths[0], layers[0]),
        _convolutions(widths[0], widths[1], layers[1], stride=2),                       # [B, C, H/2, W/2]
        _blocks(layout.block, widths[1], widths[2], layers[2], stride=2),               # [B, C, H/4, W/4]
        _blocks(layout.block, ends[0], widths[3], layers[3], stride=2),                 # [B, C, H/8, W/8]
        _blocks(layout.block, ends[1], widths[4], layers[4], dilation=2),
        _blocks(layout.block, ends[2], widths[5], layers[5], dilation=4),
        _convolutions(ends[3], widths[6], layers[6], dilation=2),
        _convolutions(widths[6], widths[7], layers[7]),
    )


def _convolutions(
    in_channels: int, width: int, count: int, *, kernel_size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """`count` times convolution, batch norm, ReLU; the first carries the stride."""
    level = nn.Sequential()
    for number in range(count):
        channels, step = (width, 1) if number else (in_channels, stride)
        level.append(_convolution(channels, width, kernel_size, stride=step, dilation=dilation))
        level.append(nn.BatchNorm2d(width))
        level.append(nn.ReLU())
    return level


def _convolution(
    in_channels: int, width: int, kernel_size: int = 3, *, stride: int = 1, dilation: int = 1
) -> nn.Conv2d:
    padding = dilation * (kernel_size // 2)
    return nn.Conv2d(in_channels, width, kernel_size, stride, padding, dilation, bias=False)


def _blocks(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    width: int,
    count: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> nn.Sequential:
    """`count` residual blocks; the first carries the stride and, where anything changes, a learned shortcut."""
    out_channels = block.expansion * width
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )
    first = block(in_channels, width, stride, shortcut, dilation=dilation)
    return nn.Sequential(first, *(block(out_channels, width, dilation=dilation) for _ in range(count - 1)))
