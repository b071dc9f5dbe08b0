"""What a judge sees in training: crops at random scales, in colours that vary, since generators have their own colours.

All randomness is a `Draw`'s, so training resumes exactly.

Shapes: B batch, H W height and width of a crop.
"""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from spadework.data.doctor.look_at_all import QUICK
from spadework.data.doctor.quick import Check
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Geometry, Preprocess
from spadework.draw import Draw
from spadework.evaluation.judge.settings import JudgeSettings
from spadework.sample import Sample
from spadework.segmenters.own_network import fitted

_GRAY = (0.299, 0.587, 0.114)


class Crops(PairDataset):
    """The pairs of other data, each as a crop at a random scale; beyond a photo's edge lies `outside`."""

    def __init__(self, pairs: PairDataset, settings: JudgeSettings) -> None:
        super().__init__(pairs.ontology, Preprocess("crop"), training=True)
        self.pairs = pairs
        self.splits = pairs.splits
        self.augmentation = settings

    @property
    def outside(self) -> int:
        """The class index beyond a photo's edge: unlabelled, or one more than there are."""
        index = self.ontology.unlabelled_index
        return self.ontology.channels if index is None else index

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def shard_sizes(self) -> tuple[int, ...]:
        """Those of the pairs."""
        return self.pairs.shard_sizes

    def name(self, index: int) -> str:
        """As the pairs call it."""
        return self.pairs.name(index)

    def read(self, index: int) -> tuple[Image.Image | None, Tensor, Tensor | None]:
        """Pair `index`, whole."""
        return self.pairs.read(index)

    def check(self, limit: int = QUICK) -> Check:
        """The check of the pairs."""
        return self.pairs.check(limit)

    def fingerprint(self) -> dict[str, Any]:
        """That of the pairs."""
        return self.pairs.fingerprint()

    def sample(self, index: int, draw: Draw) -> Sample:
        """A crop of pair `index`, packed."""
        photo, label_map, _ = self.read(index)
        assert photo is not None
        geometry = draw_crop(self.augmentation, photo.size, draw)
        return Sample(geometry.map(label_map, self.outside), self.name(index), geometry.photo(photo))


def draw_crop(settings: JudgeSettings, size: tuple[int, int], draw: Draw) -> Geometry:
    """A random crop of a photo of that width and height, at a random scale; smaller photos get an edge around them."""
    ratio = settings.largest / settings.smallest
    scale = settings.smallest * ratio ** float(draw.uniform("scale"))
    width, height = fitted(size, max(round(scale * min(settings.height, settings.width)), 1))
    x, y = (_start(room, draw, axis) for room, axis in ((width - settings.width, "x"), (height - settings.height, "y")))
    flip = settings.flip and bool(draw.integer("flip", 2))
    return Geometry((width, height), (x, y, settings.width, settings.height), flip)


def _start(room: int, draw: Draw, axis: str) -> int:
    """Where a crop begins; below zero where the photo is smaller than the crop."""
    start = int(draw.integer(f"crop {axis}", abs(room) + 1))
    return start if room >= 0 else -start


def vary_colors(photos: Tensor, jitter: float, draw: Draw) -> Tensor:
    """uint8 [B, 3, H, W] -> float [B, 3, H, W] in 0..255, each photo in colours of its own.

    In this order: brightness and colour cast (a factor per channel), contrast (around the photo's mean gray),
    saturation (around each pixel's gray).
    """
    def factors(purpose: str, channels: int, reach: float) -> Tensor:
        return (1 + reach * (2 * draw.uniform(purpose, channels, 1, 1) - 1)).to(photos.device)

    colors = photos.float()
    if jitter == 0:
        return colors
    colors = colors * factors("brightness", 1, jitter) * factors("cast", 3, jitter / 4)
    gray = _gray(colors).mean((2, 3), keepdim=True)                                                    # [B, 1, 1, 1]
    colors = gray + factors("contrast", 1, jitter) * (colors - gray)
    gray = _gray(colors)                                                                               # [B, 1, H, W]
    colors = gray + factors("saturation", 1, jitter) * (colors - gray)
    return colors.clamp(0, 255)


def _gray(colors: Tensor) -> Tensor:
    weights = torch.tensor(_GRAY, device=colors.device)[:, None, None]
    return (colors * weights).sum(1, keepdim=True)
