"""Photos as evaluation sees them: 8 bit, as they are stored, so that nobody can mistake their range.

Shapes: B batch, H W height and width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def require_photos(photos: Tensor, user: str) -> None:
    """Raise ValueError, which names the `user` and says what came, for anything but uint8 [B, 3, H, W]."""
    if not isinstance(photos, Tensor) or photos.dtype != torch.uint8 or photos.dim() != 4 or photos.shape[1] != 3:
        what = f"{photos.dtype} {list(photos.shape)}" if isinstance(photos, Tensor) else type(photos).__name__
        raise ValueError(
            f"{user} takes photos as uint8 [B, 3, H, W], RGB, 0..255, but got {what}. "
            "A photo in [-1, 1] becomes one by ((photo + 1) * 127.5).to(torch.uint8)"
        )
    if 0 in photos.shape:
        raise ValueError(f"{user} takes photos of at least one pixel, but got {list(photos.shape)}")
