"""Visibility: which point of the ground each pixel shows.

In a column of the grid, a point at height h and depth z is seen at slope s = (h - camera) / z. The running maximum of s
over depth rises from row to row; a pixel of slope t shows the first row that reaches t. N x C grid, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.terrain.camera import Camera


@dataclass
class Seen:
    """What the pixels show, [H, W]."""

    sky: Tensor
    """bool: nothing but sky."""
    z: Tensor
    """Depth, metres; FARTHEST at the sky."""
    row: Tensor
    """The grid's row."""
    column: Tensor
    """The grid's column."""


def look(top: Tensor, height: float, camera: Camera) -> Seen:
    """What a camera at that height sees of a surface [N, C]."""
    inside = slice(camera.margin, camera.margin + camera.width)
    slope = (top[:, inside] - height) / camera.z
    slope[0] = torch.minimum(slope[0], camera.up.min() - 1.0)
    rising = torch.cummax(slope, dim=0).values

    # Pixels from the bottom up have rising slopes, so one search per column finds all their rows.
    wanted = camera.up[:, 0].flip(0).expand(camera.width, -1).contiguous()
    first = torch.searchsorted(rising.T.contiguous(), wanted).flip(1).T  # [H, W]
    sky = first >= camera.rows
    after = first.clamp(1, camera.rows - 1)
    columns = torch.arange(camera.width, device=top.device)[None].expand_as(after)

    # Between the last row below t and the first one above, depth is interpolated.
    low, high = slope[after - 1, columns], slope[after, columns]
    share = ((camera.up - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    z = torch.lerp(camera.log_z[after - 1], camera.log_z[after], share).exp()
    occluded = low < rising[after - 1, columns] - 1e-7
    row = torch.where((share > 0.5) | occluded, after, after - 1)
    return Seen(sky, torch.where(sky, camera.log_z[-1].exp(), z), row, columns + camera.margin)
