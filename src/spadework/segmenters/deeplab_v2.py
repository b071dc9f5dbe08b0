"""DeepLabV2 (Chen et al. 2018, arXiv:1606.00915), on a ResNet-101 at three scales: SPADE's judge of COCO-Stuff.

A ResNet whose last two stages are dilated instead of strided; four convolutions of widely different dilation, summed,
give the classes. Names of weights are those of kazuto1011/deeplab-pytorch. The paper's CRF is left out, as it was when
SPADE was judged.

Shapes: B batch, K classes, C channels, F features, H W height and width of the photos, h w of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.weights import WeightsFile, fill, read_weights

BGR_MEAN = (104.008, 116.669, 122.675)
"""Taken off photos in 0..255, channels in the order blue, green, red."""


class DeepLabV2(Segmenter):
    """DeepLabV2-ResNet101-MSC. `scores` are logits, the maximum over the scales, resized bilinearly."""

    name = "deeplab-v2"

    def __init__(
        self,
        classes: Sequence[str],
        *,
        width: int = 64,
        blocks: Sequence[int] = (3, 4, 23, 3),
        dilations: Sequence[int] = (6, 12, 18, 24),
        scales: Sequence[float] = (0.5, 0.75),
    ) -> None:
        """`scales` come beside the photo's own size."""
        super().__init__()
        self.classes = tuple(classes)
        self.scales = tuple(scales)
        self.base = DeepLab(len(self.classes), width, blocks, dilations)
        self.eval()

    @classmethod
    def read(cls, path: Path | str, classes: Sequence[str], **options: Any) -> DeepLabV2:
        """With the weights of `deeplabv2_resnet101_msc-*.pth`; raises ValueError for another file."""
        network = cls(classes, **options)
        fill(network, read_weights(path), path, f"a DeepLabV2 segmenter of {len(network.classes)} classes")
        network.weights = (WeightsFile.of(path),)
        return network

    @torch.no_grad()
    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> logits [B, K, h, w] at `size`, by default that of the photos."""
        logits = self(normalize(photos))                                                # [B, K, H/8, W/8]
        return _resize(logits, size or tuple(photos.shape[2:]))                         # [B, K, h, w]

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, F]: the spatial mean of the last stage, at the photos' scale."""
        return self.base.encode(normalize(photos)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised photos [B, 3, H, W] -> logits [B, K, H/8, W/8]: the largest over the scales."""
        logits = self.base(x)                                                           # [B, K, H/8, W/8]
        for scale in self.scales:
            if int(min(x.shape[2:]) * scale) == 0:
                continue  # nothing would be left of the photo
            smaller = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
            logits = torch.maximum(logits, _resize(self.base(smaller), tuple(logits.shape[2:])))
        return logits

    def protocol(self) -> dict[str, Any]:
        """How photos are treated."""
        return {
            "preprocessing": "BGR, 0..255, less (104.008, 116.669, 122.675)",
            "sizes": "as given",
            "scales": [1.0, *self.scales],
            "prediction": "maximum of logits over scales, resized bilinearly",
        }


def normalize(photos: Tensor) -> Tensor:
    """uint8 [B, 3, H, W], RGB -> float: BGR, 0..255 less the mean."""
    check_photos(photos)
    x = photos.flip(1).float()
    return x - x.new_tensor(BGR_MEAN)[:, None, None]


class DeepLab(nn.Module):
    """The network at one scale."""

    def __init__(self, classes: int, width: int, blocks: Sequence[int], dilations: Sequence[int]) -> None:
        super().__init__()
        first, second, third, fourth = blocks
        self.layer1 = Stem(width)
        self.layer2 = _stage(width, width, first, stride=1, dilation=1)
        self.layer3 = _stage(4 * width, 2 * width, second, stride=2, dilation=1)
        self.layer4 = _stage(8 * width, 4 * width, third, stride=1, dilation=2)
        self.layer5 = _stage(16 * width, 8 * width, fourth, stride=1, dilation=4)
        self.aspp = AtrousPyramid(32 * width, classes, dilations)

    def encode(self, x: Tensor) -> Tensor:
        x = self.layer1(x)                                                              # [B, C, H/4, W/4]
        x = self.layer3(self.layer2(x))                                                 # [B, 8C, H/8, W/8]
        return self.layer5(self.layer4(x))                                              # [B, 32C, H/8, W/8]

    def forward(self, x: Tensor) -> Tensor:
        return self.aspp(self.encode(x))                                                # [B, K, H/8, W/8]


class Stem(nn.Module):
    """Convolution 7x7 and max-pooling, whose last window may hang over the edge: 256 pixels become 65."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, width, 7, stride=2, padding=3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(F.relu(self.conv1(x)))


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3, 1x1; unlike torchvision's, the first 1x1 carries the stride, as in MSRA's ResNet."""

    def __init__(self, in_channels: int, width: int, *, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.reduce = ConvNorm(in_channels, width, 1, stride=stride)
        self.conv3x3 = ConvNorm(width, width, 3, padding=dilation, dilation=dilation)
        self.increase = ConvNorm(width, 4 * width, 1)
        self.shortcut = ConvNorm(in_channels, 4 * width, 1, stride=stride) if project else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv3x3(F.relu(self.reduce(x))))                                # [B, width, H, W]
        return F.relu(self.increase(h) + self.shortcut(x))                              # [B, 4 width, H, W]


class AtrousPyramid(nn.Module):
    """Atrous spatial pyramid pooling: parallel 3x3 convolutions of growing dilation, summed."""

    def __init__(self, in_channels: int, classes: int, dilations: Sequence[int]) -> None:
        super().__init__()
        for number, dilation in enumerate(dilations):
            self.add_module(f"c{number}", nn.Conv2d(in_channels, classes, 3, padding=dilation, dilation=dilation))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (branch(x) for branch in self.children())                      # [B, K, H, W] each
        return sum(others, start=first)


class ConvNorm(nn.Module):
    """Convolution and batch norm, as `conv` and `bn`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


def _stage(in_channels: int, width: int, blocks: int, *, stride: int, dilation: int) -> nn.Sequential:
    stage = nn.Sequential()
    for number in range(blocks):
        first = number == 0
        block = Bottleneck(
            in_channels if first else 4 * width,
            width,
            stride=stride if first else 1,
            dilation=dilation,  # in the first block too: torchvision's own option would spare it
            project=first,
        )
        stage.add_module(f"block{number + 1}", block)
    return stage


def _resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=False)
