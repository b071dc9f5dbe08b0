"""Photos of 8 bits in another size, by Pillow, as the tests of segmenters resize them.

Shapes: B batch, H W height and width.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resize_photos(photos: Tensor, size: tuple[int, int], filter: Literal["bilinear", "bicubic"]) -> Tensor:
    """uint8 [B, 3, H, W] -> uint8 at `size` (height, width), by Pillow: shrinking averages over what a pixel covers.

    Computed on the CPU wherever the photos lie, so that every device sees the same input.
    """
    if size == tuple(photos.shape[2:]):
        return photos
    pixels = photos.permute(0, 2, 3, 1).cpu().numpy()                                   # [B, H, W, 3]
    height, width = size
    resized = [np.asarray(Image.fromarray(each).resize((width, height), FILTERS[filter])) for each in pixels]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).to(photos.device)
