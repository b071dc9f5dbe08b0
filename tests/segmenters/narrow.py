"""The paper's segmenters with few channels, at random weights: quick, and otherwise as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torchvision.models.resnet import Bottleneck

from spadework.segmenters.deeplab_v2 import DeepLabV2
from spadework.segmenters.drn import SCALES, BasicBlock, Drn, Layout
from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.upernet import UPerNet
from spadework.segmenters.upernet_input import SIZES, Sizes
from tests.goldens.fill import fill_network

CLASSES = ("sky", "grass", "house", "road", "lake")

SMALL_SIZES = Sizes((48, 80), longest=100)
BOTTLENECKS = Layout(Bottleneck, (1, 1, 1, 2, 2, 1, 1, 1), (4, 6, 4, 6, 8, 8, 24, 24))
BASIC_BLOCKS = Layout(BasicBlock, (1, 2, 2, 1, 1, 1, 2, 2), (4, 8, 12, 16, 24, 24, 24, 16))

deeplab = partial(DeepLabV2, CLASSES, width=8, blocks=(1, 2, 2, 1))
upernet = partial(
    UPerNet,
    CLASSES,
    preprocessing="ade20k",
    stem=(6, 6, 12),
    widths=(4, 8, 16, 32),
    blocks=(1, 1, 2, 1),
    pyramid_width=8,
)
drn = partial(Drn, CLASSES, BOTTLENECKS)

NARROW: dict[str, Callable[[], Segmenter]] = {
    "deeplab-v2": deeplab,
    "upernet": partial(upernet, sizes=SMALL_SIZES),
    "upernet baseline": partial(upernet, preprocessing="baseline", sizes=SIZES["256"]),
    "drn": drn,
    "drn basic": partial(Drn, CLASSES, BASIC_BLOCKS),
    "drn multi-scale": partial(drn, scales=SCALES),
}


def filled(segmenter: Segmenter, seed: int = 0) -> Segmenter:
    """The segmenter with weights by the goldens' recipe: its classes differ from place to place."""
    segmenter.load_state_dict(fill_network(segmenter, seed, skipped={"up.weight"}))
    return segmenter


def photos(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """uint8 [B, 3, H, W]: colours that change slowly, with some noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (smooth + 20 * torch.rand(count, 3, height, width, generator=generator) - 10).clamp(0, 255).to(torch.uint8)
