"""Noise beside the classes of a label map, constant over regions: OASIS's "3D noise" (Sushko et al. 2021, section 3.3).

The noise is a vector for each picture, or for each region of it, spread over the region's pixels. So what a network
sees at a pixel is still one of a few vectors, and whatever is computed by distinct windows can be.

Shapes: B batch, R regions, Z noise channels, N classes, H W the label map's size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spadework.semantics import Semantics
from spadework.windows import find_windows


def semantics_with_noise(
    label_map: Tensor, classes: int, noise: Tensor, regions: Tensor | None = None
) -> Semantics:
    """Semantics of Z + N channels, the noise first.

    `label_map` [B, H, W] holds class indices, `noise` [B, R, Z] a vector for each region of each picture, and `regions`
    [B, H, W] in 0..R-1 says which of them a pixel belongs to (None: all to the first). Raises ValueError for an index
    out of range.
    """
    one_hot = Semantics.from_label_map(label_map, classes, dtype=noise.dtype)
    batch, count = noise.shape[:2]
    pictures = torch.arange(batch, device=label_map.device)[:, None, None]
    if regions is not None and not 0 <= int(regions.min()) <= int(regions.max()) < count:
        raise ValueError(f"regions {int(regions.min())}..{int(regions.max())} for {count} noise vectors 0..{count - 1}")

    # A code for each picture, region and class; later regions get later codes, so that those before keep theirs.
    place = pictures if regions is None else pictures + batch * regions                   # [B, H, W]
    codes = place * classes + one_hot.codes
    rows = torch.arange(batch * count * classes, device=label_map.device)
    if len(rows) > codes.numel():
        found = find_windows(codes + 1, len(rows), 1)  # more combinations than pixels: only those that occur
        codes, rows = found.ids.long(), found.values[:, 0].long() - 1
    of_place = noise.transpose(0, 1).flatten(0, 1)                                        # [R * B, Z]
    return Semantics(codes, torch.cat([of_place[rows // classes], one_hot.table[rows % classes]], 1))
