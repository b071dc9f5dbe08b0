"""Made-up label maps and photos."""

from __future__ import annotations

import numpy as np
from PIL import Image

COLORS = [(0, 0, 250), (0, 250, 0), (250, 0, 0), (250, 250, 0)]


def ids(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    """[H, W] uint8: blocks of 8 x 8 pixels with ids 0..3 or 255."""
    blocks = np.random.default_rng(seed).choice(np.array([0, 1, 2, 3, 255], np.uint8), (height // 8, width // 8))
    return blocks.repeat(8, axis=0).repeat(8, axis=1)


def painted(label: np.ndarray) -> Image.Image:
    """A photo that shows each class as its colour, unlabelled as black."""
    colors = np.zeros((256, 3), np.uint8)
    colors[:4] = COLORS
    return Image.fromarray(colors[label])
