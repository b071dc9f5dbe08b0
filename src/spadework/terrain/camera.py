"""The camera, and the grid of ground points that it can see.

The grid is in perspective: rows of equal ratio in depth, columns of equal angle. Near ground is sampled finely, far
ground coarsely, each about as finely as a pixel. N rows (near to far), C columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

FARTHEST = 45_000.0
"""Metres."""
MARGIN = 0.07
"""Columns beyond each edge of the picture, in widths: they throw shadows into it."""


@dataclass(frozen=True)
class Camera:
    """A level camera at the origin that looks along +z; x points right, y up."""

    width: int
    height: int
    """Pixels, supersampled."""
    focal: float
    """Pixels."""
    horizon: float
    """Row of the horizon."""
    nearest: float
    """Depth of the first row of the grid, metres."""
    device: torch.device

    @cached_property
    def rows(self) -> int:
        """Rows of the grid."""
        return int(3.8 * max(self.width, self.height))

    @cached_property
    def margin(self) -> int:
        """Columns of the grid beyond each edge of the picture."""
        return round(MARGIN * self.width)

    @cached_property
    def columns(self) -> int:
        """Columns of the grid."""
        return self.width + 2 * self.margin

    @cached_property
    def log_z(self) -> Tensor:
        """[N] natural logarithm of the rows' depths."""
        return torch.linspace(math.log(self.nearest), math.log(FARTHEST), self.rows, device=self.device)

    @cached_property
    def z(self) -> Tensor:
        """[N, 1] depths, metres."""
        return self.log_z.exp()[:, None]

    @cached_property
    def x(self) -> Tensor:
        """[N, C] metres."""
        column = torch.arange(self.columns, device=self.device) + 0.5 - self.margin - self.width / 2
        return self.z * (column / self.focal)

    @cached_property
    def across(self) -> Tensor:
        """[1, width] tangent of each pixel column's angle to the right."""
        return ((torch.arange(self.width, device=self.device) + 0.5 - self.width / 2) / self.focal)[None]

    @cached_property
    def up(self) -> Tensor:
        """[height, 1] tangent of each pixel row's angle above the horizon."""
        return ((self.horizon - torch.arange(self.height, device=self.device) - 0.5) / self.focal)[:, None]

    def rows_nearer(self, depth: float) -> int:
        """How many rows of the grid are nearer than that."""
        step = (math.log(FARTHEST) - math.log(self.nearest)) / (self.rows - 1)
        return min(max(math.ceil((math.log(max(depth, 1e-3)) - math.log(self.nearest)) / step), 0), self.rows)

    def visible(self, wavelength: float) -> int:
        """How many rows of the grid are near enough for waves of that length to be seen."""
        return self.rows_nearer(wavelength * self.focal / 2.2)

    def sharpness(self, wavelength: float, z: Tensor) -> Tensor:
        """0..1: how much of waves of that length survives at depth z; finer ones than pixels would only be noise."""
        return ((wavelength * self.focal / z - 2.2) / 3).clamp(0, 1)

    def cell(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The grid's row and column nearest to points of the ground."""
        step = float(self.log_z[1] - self.log_z[0])
        row = ((z.log() - self.log_z[0]) / step).round().long().clamp(0, self.rows - 1)
        column = (x / z * self.focal + self.width / 2 + self.margin - 0.5).round().long().clamp(0, self.columns - 1)
        return row, column

    def read(self, grids: Tensor, x: Tensor, z: Tensor) -> Tensor:
        """Bilinear values of [K, N, C] grids at points of the ground -> [K, *x.shape]; the edge's beyond the grid."""
        step = (math.log(FARTHEST) - math.log(self.nearest)) / 2
        u = (x / z * self.focal + self.columns / 2 - 0.5) * (2 / (self.columns - 1)) - 1
        v = (z.clamp(min=self.nearest).log() - math.log(self.nearest)) / step - 1
        grid = torch.stack([u, v], dim=-1).reshape(1, 1, -1, 2)
        values = F.grid_sample(grids[None], grid, mode="bilinear", padding_mode="border", align_corners=True)
        return values.reshape(grids.shape[0], *x.shape)
