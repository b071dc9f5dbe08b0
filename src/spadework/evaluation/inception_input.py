"""From a photo to what the FID Inception sees: three libraries do it in three ways, and each gives another number.

Each function is uint8 [B, 3, H, W] -> float32 [B, 3, 299, 299], about -1..1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

SIDE = 299
"""Pixels; whatever a photo's shape, it is stretched to a square."""


def as_pytorch_fid(photos: Tensor) -> Tensor:
    """Bilinear between pixel centres, without antialiasing, on 0..1; then 2x - 1. pytorch-fid's and OASIS's."""
    x = F.interpolate(photos.float() / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2 * x - 1


def as_torch_fidelity(photos: Tensor) -> Tensor:
    """TensorFlow 1's bilinear: source = target * scale, no shift by half a pixel; then (x - 128) / 128.

    torch-fidelity's and torchmetrics'; closest to the TensorFlow code of Heusel et al. 2017.
    """
    x = photos.float()
    low, high, part = _tensorflow_places(x.shape[3], x.device)
    x = x[..., low] + (x[..., high] - x[..., low]) * part                               # [B, 3, H, 299]
    low, high, part = _tensorflow_places(x.shape[2], x.device)
    x = x[:, :, low] + (x[:, :, high] - x[:, :, low]) * part[:, None]                   # [B, 3, 299, 299]
    return (x - 128) / 128


def as_clean_fid(photos: Tensor) -> Tensor:
    """Pillow's bicubic on floats, antialiased when shrinking, clipped to 0..255; then (x - 128) / 128.

    clean-fid's mode "clean" (Parmar et al. 2022).
    """
    planes = photos.flatten(0, 1).cpu().numpy().astype(np.float32)
    resized = [Image.fromarray(plane).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for plane in planes]
    x = torch.from_numpy(np.stack([np.asarray(plane) for plane in resized]))
    x = x.view(*photos.shape[:2], SIDE, SIDE).to(photos.device).clamp(0, 255)
    return (x - 128) / 128


MODES: dict[str, Callable[[Tensor], Tensor]] = {
    "pytorch-fid": as_pytorch_fid,
    "torch-fidelity": as_torch_fidelity,
    "clean-fid": as_clean_fid,
}
"""Name of the library -> what it does to a photo."""


def _tensorflow_places(size: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each target pixel the source pixels on both sides and how far it lies between them, in float32 as there."""
    place = torch.arange(SIDE, dtype=torch.float32, device=device) * torch.tensor(size / SIDE, dtype=torch.float32)
    low = place.long()
    return low, (low + 1).clamp(max=size - 1), place - low
