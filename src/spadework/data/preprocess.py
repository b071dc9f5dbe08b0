"""Resizing, cropping and flipping photo, label map and instance map together.

A `Geometry` is decided once per sample and applied to all three, in the order resize, crop, flip: photos with Pillow's
antialiased bicubic filter, label and instance maps with Pillow's nearest. Sizes and positions are (width, height) and
(x, y) here, as in Pillow; tensors are [H, W].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.data.label_map import photo_bytes
from spadework.draw import Draw

Size = tuple[int, int]


@dataclass(frozen=True)
class Preprocess:
    """How pairs become samples of one size; JSON types only."""

    mode: str = "resize_and_crop"
    """A key of `PREPROCESS`."""
    load_size: int = 286
    """Pixels: the width, or the short side, that pictures are resized to."""
    crop_size: int = 256
    """Pixels: the width of the crop (of the picture in mode fixed)."""
    aspect_ratio: float = 1.0
    """Width / height of the crop, of mode fixed, and of the size that resize_and_crop loads."""
    flip: bool = True
    """Mirror half of the samples in training."""
    hand_drawn: float = 0.0
    """Share of the samples, in training, whose label maps look as if drawn by hand (`hand_drawn.py`)."""
    parity: bool = False
    """Do what the original SPADE code does: wrong sizes in scale_shortside, square crops, pixels beyond the edge 0."""

    def __post_init__(self) -> None:
        if self.mode not in PREPROCESS:
            raise ValueError(f"preprocess mode {self.mode!r} is unknown; there are {', '.join(PREPROCESS)}")
        if self.load_size < 1 or self.crop_size < 1:
            raise ValueError(f"load_size {self.load_size} and crop_size {self.crop_size} must be at least 1 pixel")
        if not 0 <= self.hand_drawn <= 1:
            raise ValueError(f"hand_drawn {self.hand_drawn} is a share of the samples: 0 to 1")
        if self.aspect_ratio <= 0 or round(self.crop_size / self.aspect_ratio) < 1:
            raise ValueError(f"aspect_ratio {self.aspect_ratio} leaves no height for crop_size {self.crop_size}")

    def refuse_padding(self) -> None:
        """Raise ValueError where pictures would be made smaller than the crop, and most of every sample be padding."""
        if self.mode in ("resize_and_crop", "scale_width_and_crop") and self.load_size < self.crop_size:
            raise ValueError(
                f"load size {self.load_size} is smaller than the width {self.crop_size}: most of every sample would be "
                f"padding. Take --load-size {round(self.crop_size * 286 / 256)}"
            )


@dataclass(frozen=True)
class Geometry:
    """What happens to every picture of one sample."""

    resized: Size
    """Width and height to resize to."""
    crop: tuple[int, int, int, int] | None = None
    """x, y, width, height in the resized picture; may reach beyond its edge."""
    flip: bool = False
    """Mirror left and right, at the end."""

    def photo(self, photo: Image.Image) -> Tensor:
        """[3, H, W] uint8, packed; beyond the edge black."""
        if photo.size != self.resized:
            photo = photo.resize(self.resized, Image.Resampling.BICUBIC)
        x, y, width, height = self.crop or (0, 0, *photo.size)
        if x < 0 or y < 0 or x + width > photo.width or y + height > photo.height:
            photo, x, y = photo.crop((x, y, x + width, y + height)), 0, 0
        values = np.asarray(photo)[y : y + height, x : x + width]
        return photo_bytes(values[:, ::-1] if self.flip else values)

    def map(self, values: Tensor, fill: int) -> Tensor:
        """[H, W] integers -> [H', W'] of the same type and values; beyond the edge `fill`."""
        height, width = values.shape
        x, y, crop_width, crop_height = self.crop or (0, 0, *self.resized)
        columns, column_inside = _source(width, self.resized[0], x, crop_width)
        rows, row_inside = _source(height, self.resized[1], y, crop_height)
        if self.flip:
            columns, column_inside = columns[::-1], column_inside[::-1]
        result = values.numpy().take(rows, axis=0).take(columns, axis=1)
        if not (row_inside.all() and column_inside.all()):
            result[~(row_inside[:, None] & column_inside)] = fill
        return torch.from_numpy(result)


def preprocess(
    photo: Image.Image | None,
    label_map: Tensor,
    instance_map: Tensor | None,
    geometry: Geometry,
    *,
    fill: int = 0,
) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Apply one geometry to all: photo [3, H, W] uint8 (packed), label map and instance map [H, W] in their own types.

    `fill` is the class index beyond the edge, normally the unlabelled one; instance ids are 0 there.
    """
    return (
        None if photo is None else geometry.photo(photo),
        geometry.map(label_map, fill),
        None if instance_map is None else geometry.map(instance_map, 0),
    )


def draw_geometry(settings: Preprocess, size: Size, draw: Draw, *, training: bool) -> Geometry:
    """The geometry of one sample of that width and height.

    In training the crop is uniform over all positions and half of the samples are mirrored (where settings.flip);
    otherwise the crop is centred and nothing mirrored.
    """
    resized = PREPROCESS[settings.mode](size, settings)
    width, height = crop_size(settings)
    room_x, room_y = max(resized[0] - width, 0), max(resized[1] - height, 0)
    if not training:
        return geometry_at(settings, size, (room_x // 2, room_y // 2), flip=False)
    x, y = int(draw.integer("crop x", room_x + 1)), int(draw.integer("crop y", room_y + 1))
    flip = settings.flip and bool(draw.integer("flip", 2))
    return geometry_at(settings, size, (x, y), flip)


def geometry_at(settings: Preprocess, size: Size, crop_position: tuple[int, int], flip: bool) -> Geometry:
    """The geometry for a picture of that width and height, its crop at (x, y) of the resized picture.

    Modes without crop ignore the position.
    """
    resized = PREPROCESS[settings.mode](size, settings)
    crop = (*crop_position, *crop_size(settings)) if settings.mode in CROPPING else None
    return Geometry(resized, crop, flip)


def crop_size(settings: Preprocess) -> Size:
    """Width and height of the crop; an aspect_ratio other than 1 makes it a rectangle (the original: always square)."""
    return _rectangle(settings.crop_size, settings)


def _rectangle(width: int, settings: Preprocess) -> Size:
    return width, width if settings.parity else round(width / settings.aspect_ratio)


# Resizing: (width, height) of the picture -> of the resized one.


def _square(size: Size, settings: Preprocess) -> Size:
    return _rectangle(settings.load_size, settings)


def _unchanged(size: Size, settings: Preprocess) -> Size:
    return size


def _scale_width(size: Size, settings: Preprocess) -> Size:
    width, height = size
    return settings.load_size, max(int(settings.load_size * height / width), 1)


def _scale_shortside(size: Size, settings: Preprocess) -> Size:
    short, long = min(size), max(size)
    if short == settings.load_size:
        return size
    if settings.parity:
        new_short, new_long = short, int(settings.load_size * long / short)
    else:
        new_short, new_long = settings.load_size, round(settings.load_size * long / short)
    return (new_short, new_long) if size[0] == short else (new_long, new_short)


def _fixed(size: Size, settings: Preprocess) -> Size:
    return settings.crop_size, round(settings.crop_size / settings.aspect_ratio)


def _multiple_of_32(size: Size, settings: Preprocess) -> Size:
    width, height = (max(round(side / 32), 1) * 32 for side in size)
    return width, height


PREPROCESS: dict[str, Callable[[Size, Preprocess], Size]] = {
    "resize_and_crop": _square,
    "crop": _unchanged,
    "scale_width": _scale_width,
    "scale_width_and_crop": _scale_width,
    "scale_shortside": _scale_shortside,
    "scale_shortside_and_crop": _scale_shortside,
    "fixed": _fixed,
    "none": _multiple_of_32,
}
"""Every mode and how it resizes."""

CROPPING = {"resize_and_crop", "crop", "scale_width_and_crop", "scale_shortside_and_crop"}
"""The modes that crop."""


def _source(length: int, resized: int, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels start..start+count-1 of a resized line lie in the original one, and which lie on it at all."""
    positions = np.arange(start, start + count)
    inside = (positions >= 0) & (positions < resized)
    return _nearest(length, resized)[positions.clip(0, resized - 1)], inside


@lru_cache(1024)
def _nearest(length: int, resized: int) -> np.ndarray:
    """The source pixel of each pixel of a line that Pillow's nearest filter resizes."""
    line = Image.fromarray(np.arange(length, dtype=np.int32)[None, :])
    return np.array(line.resize((resized, 1), Image.Resampling.NEAREST))[0].astype(np.int64)
