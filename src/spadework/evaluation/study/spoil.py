"""Pictures for attention checks: so spoiled that nobody who looks prefers them to what they were."""

from __future__ import annotations

import numpy as np
from PIL import Image

from spadework.draw import Draw

TILES = 6
"""Tiles along each side of a picture that are shuffled."""
NOISE = 60.0
"""Standard deviation of the noise, in 8-bit values."""


def spoil(image: Image.Image, draw: Draw) -> Image.Image:
    """The picture with its tiles shuffled and its colours drowned in noise."""
    pixels = np.asarray(image.convert("RGB"), np.float32)  # [H, W, 3]
    height, width = pixels.shape[:2]

    # Tiles of equal size, the picture's rim left out of them where it does not divide.
    high, wide = max(height // TILES, 1), max(width // TILES, 1)
    rows, columns = height // high, width // wide
    cut = pixels[: rows * high, : columns * wide].reshape(rows, high, columns, wide, 3)
    tiles = cut.swapaxes(1, 2).reshape(-1, high, wide, 3)  # [rows * columns, high, wide, 3]
    shuffled = tiles[draw.permutation("tiles", len(tiles))[0].numpy()].reshape(rows, columns, high, wide, 3)
    result = shuffled.swapaxes(1, 2).reshape(rows * high, columns * wide, 3)

    noise = draw.normal("noise", *result.shape)[0].numpy() * NOISE
    spoiled = Image.fromarray((result + noise).clip(0, 255).astype(np.uint8))
    return spoiled.resize(image.size)
