"""One model that many clients use: photos of label maps, and for each client what makes its next stroke quicker.

Everything here runs in the model's thread (`Turns`).

Shapes: H W the label map.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from spadework.studio.received import nearest
from spadework.studio.style_choice import shrunk, style_size
from spadework.synthesizer import Synthesizer, to_image
from spadework.systems.base import Style

SLOW = 0.25
"""Seconds: where a photo takes longer, a preview comes first."""
QUICK = 0.12
"""Seconds that a preview should take."""
SMALLEST = 64
"""Pixels of a preview's longer side, at least."""
STROKE = 16
"""The start's measurement paints one row in so many."""


@dataclass(frozen=True)
class Made:
    """A photo and the seconds that it took."""

    photo: Image.Image
    seconds: float


class SharedModel:
    """A loaded model. Synthesizers of different clients share its networks, each keeping its own last label map."""

    def __init__(self, synthesizer: Synthesizer, kept_pixels: int) -> None:
        self.synthesizer = synthesizer
        self.kept_pixels = kept_pixels
        self.style_size = style_size(synthesizer)
        self.seconds_per_pixel = 0.0
        """What a photo takes, as measured last."""
        self.seconds = 0.0
        """What a photo of the trained size took at the start."""
        self._kept: OrderedDict[tuple[str, tuple[int, int]], Synthesizer] = OrderedDict()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the model was trained at."""
        config = self.synthesizer.system.config
        return config.height, config.width

    def generate(
        self, client: str, index: Tensor, style: Style | None, instance_map: Tensor | None = None
    ) -> Made:
        """The photo of a label map [H, W] of class indices; raises ValueError for a style that does not fit."""
        made = self._generate(client, index, style, instance_map)
        measured = made.seconds / index.numel()
        self.seconds_per_pixel = 0.7 * self.seconds_per_pixel + 0.3 * measured if self.seconds_per_pixel else measured
        return made

    def _generate(self, client: str, index: Tensor, style: Style | None, instance_map: Tensor | None = None) -> Made:
        start = time.perf_counter()
        size = index.shape[0], index.shape[1]
        synthesizer = self._of(client, size)
        instances = None if instance_map is None else instance_map[None]
        photo = to_image(synthesizer.batch(index[None], instance_map=instances, style=style)[0])
        return Made(photo, time.perf_counter() - start)

    def preview(self, client: str, index: Tensor, style: Style | None, side: int) -> Made:
        """A smaller photo of the same map: `side` pixels on its longer side at most."""
        size = self.preview_size((index.shape[0], index.shape[1]), side)
        return self._generate(client, nearest(index, size), shrunk(style, size))

    def preview_size(self, size: tuple[int, int], side: int) -> tuple[int, int]:
        """Height and width of a preview, multiples of what the networks take."""
        multiple = self.synthesizer.system.size_multiple
        factor = min(1.0, side / max(size))
        height, width = (max(multiple, round(one * factor / multiple) * multiple) for one in size)
        return height, width

    def preview_side(self, size: tuple[int, int]) -> int | None:
        """The longer side of a preview that is quick; None where the full size is quick enough."""
        pixels = size[0] * size[1]
        if self.seconds_per_pixel * pixels <= SLOW:
            return None
        side = max(size) * (QUICK / (self.seconds_per_pixel * pixels)) ** 0.5
        return max(SMALLEST, int(side)) if side < 0.75 * max(size) else None

    def forget(self, client: str) -> None:
        """A client has gone: let go of what was kept for it."""
        for key in [key for key in self._kept if key[0] == client]:
            del self._kept[key]

    def warm_up(self) -> None:
        """Prepare the networks and measure a stroke on a map of the trained size."""
        classes = self.synthesizer.ontology.channels
        index = torch.arange(self.size[0])[:, None].expand(self.size).mul(min(classes, 3)).div(self.size[0]).long()
        zeros = None if not self.style_size else Style(torch.zeros(self.style_size))
        self.generate("warm-up", index, zeros)
        self.seconds_per_pixel = 0.0
        painted = index.clone()
        painted[self.size[0] // 2 : self.size[0] // 2 + max(1, self.size[0] // STROKE)] = 0
        self.seconds = self.generate("warm-up", painted, zeros).seconds
        self.forget("warm-up")

    def _of(self, client: str, size: tuple[int, int]) -> Synthesizer:
        """The client's synthesizer for this size; the longest unused ones are let go."""
        key = client, size
        synthesizer = self._kept.pop(key, None)
        if synthesizer is None:
            synthesizer = self.synthesizer.fresh()
        self._kept[key] = synthesizer
        while len(self._kept) > 1 and sum(h * w for _, (h, w) in self._kept) > self.kept_pixels:
            self._kept.popitem(last=False)
        return synthesizer
