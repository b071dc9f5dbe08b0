"""What every segmenter is: a network with its test protocol, from photos as people store them to a class per pixel.

Shapes: B batch, K classes, F features, H W height and width of the photos, h w of the result.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spadework.segmenters.weights import WeightsFile

__all__ = ["Segmenter", "WeightsFile", "check_photos"]


class Segmenter(nn.Module):
    """Photos -> scores of classes.

    Normalising, resizing and several scales are the segmenter's own affair: what goes in is 8-bit RGB. A subclass says
    how in `scores`, `features` and `protocol`; it is in eval mode once loaded.
    """

    name: str
    """What a report calls it."""
    classes: tuple[str, ...]
    """The names of the K outputs, in order."""
    weights: tuple[WeightsFile, ...] = ()
    """Where its weights came from; empty for random ones."""
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    """The packages that compute it: their versions belong into a report."""

    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float [B, K, h, w] at `size` (height, width), by default that of the photos.

        A larger score is a likelier class. The test protocol (resizing, several scales) is included. Raises ValueError
        for anything but such photos.
        """
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> int64 [B, h, w]: the likeliest class, an index into `classes`."""
        return self.scores(photos, size).argmax(1)

    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float [B, F]: the spatial mean of the encoder's last features, at one scale."""
        raise NotImplementedError

    def protocol(self) -> dict[str, Any]:
        """How photos are treated, in JSON types: the family of preprocessing, sizes, scales."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types: name, protocol, files of weights with SHA-256, package versions."""
        return {
            "name": self.name,
            "classes": len(self.classes),
            **self.protocol(),
            "weights": [asdict(file) for file in self.weights],
            "versions": {package: version(package) for package in self.packages},
        }


def check_photos(photos: Tensor) -> None:
    """Raises ValueError, which says what came, for anything but a batch of 8-bit RGB photos."""
    if not isinstance(photos, Tensor) or photos.dtype != torch.uint8 or photos.dim() != 4 or photos.shape[1] != 3:
        what = f"{photos.dtype} {list(photos.shape)}" if isinstance(photos, Tensor) else type(photos).__name__
        raise ValueError(
            f"a segmenter takes photos as uint8 [B, 3, H, W], RGB, 0..255; this is {what}. A photo in [-1, 1] becomes "
            "one by ((photo + 1) * 127.5).to(torch.uint8)"
        )
    if 0 in photos.shape:
        raise ValueError(f"a segmenter takes photos of at least one pixel; these are {list(photos.shape)}")
