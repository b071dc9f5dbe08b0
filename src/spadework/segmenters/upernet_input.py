"""What UPerNet sees of a photo: colours, which differ between the two families of published weights, and sizes.

Shapes: B batch, H W height and width of the resized photos.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from spadework.segmenters.resizing import resize_photos


def imagenet(photos: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [B, 3, ...] -> [B, 3, H, W]: Pillow's bilinear; RGB / 255 by ImageNet's mean and deviation."""
    x = resize_photos(photos, size, "bilinear").float() / 255
    mean, deviation = x.new_tensor((0.485, 0.456, 0.406)), x.new_tensor((0.229, 0.224, 0.225))
    return (x - mean[:, None, None]) / deviation[:, None, None]


def caffe(photos: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [B, 3, ...] -> [B, 3, H, W]: bilinear between neighbours, to whole numbers; BGR less Caffe's mean."""
    x = photos.flip(1).float()
    if size != tuple(photos.shape[2:]):
        x = F.interpolate(x, size, mode="bilinear", align_corners=False).round()
    return x - x.new_tensor((102.9801, 115.9465, 122.7717))[:, None, None]


PREPROCESSING: dict[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {"ade20k": imagenet, "baseline": caffe}
"""The folder that weights were published in (`ade20k-resnet101-upernet`, `baseline-...`) -> their input."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that one photo is tested at."""

    short_sides: tuple[int, ...] = (300, 375, 450, 525, 600)
    """In pixels; probabilities are averaged over them."""
    longest: int = 1000
    """No side gets longer than this before rounding."""
    multiple: int = 32
    """Sides are rounded up to it: the photo is stretched a little, never padded."""

    def of(self, height: int, width: int) -> list[tuple[int, int]]:
        """The sizes (height, width) for a photo."""
        scales = [
            min(side / min(height, width), self.longest / max(height, width)) for side in self.short_sides
        ]
        return [(self._up(int(height * scale)), self._up(int(width * scale))) for scale in scales]

    def _up(self, side: int) -> int:
        return -(-side // self.multiple) * self.multiple


SIZES: dict[str, Sizes] = {
    "five": Sizes(),
    "450": Sizes((450,)),
    "450-padding-8": Sizes((450,), multiple=8),
    "256": Sizes((256,)),
}
"""Name -> sizes: the published test; the one size that the code tested at in early 2019, with the padding that this
network was trained with and with its general one; and pictures of 256 pixels as they are."""
