"""Heaps: the shape of a layer of cumulus clouds, as a density at every point of the air."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.dice import Dice
from spadework.terrain.noise import Noise, band_pass, smooth, wrapped

VOXELS = 64


@dataclass
class Heaps:
    """A layer of cumulus in numbers; metres."""

    low: float
    thick: float
    size: float
    cover: float
    place: tuple[float, float]
    noise: Noise

    def density(self, points: Tensor, *, coarse: bool = False) -> Tensor:
        """[S, 3] -> [S] in 0..1.2; `coarse` leaves the curls out."""
        height = (points[:, 1] - self.low) / self.thick
        wide = points / (3.2 * self.size) + points.new_tensor([self.place[0], 0.0, self.place[1]])
        field = 0.75 * _volume(wide)[0] + 0.55 * self.noise("heaps", points[:, 0], points[:, 2], 4 * self.size)
        density = field + 1.2 * self.cover - 0.3 - 1.65 * height**2 * smooth(0.0, 1.0, height)
        if not coarse:
            density = density - 0.28 * (0.6 - 0.55 * _volume(points / (0.62 * self.size))[1])
        return density.clamp(0, 1.2) * smooth(-0.02, 0.12, height) * (height < 1)


def _volume(points: Tensor) -> Tensor:
    """[S, 3] in tiles -> [2, S]: masses, and curls."""
    tile = _tile(points.device)
    grid = ((points - points.floor()) * 2 - 1)[None, None, None]
    return F.grid_sample(tile[None], grid, align_corners=True)[0, :, 0, 0]


@cache
def _tile(device: torch.device) -> Tensor:
    """[2, V+1, V+1, V+1]"""
    dice = Dice(0, "clouds")

    def waves(name: str, cycles: float) -> Tensor:
        return band_pass(dice.normal(name, VOXELS, VOXELS, VOXELS), cycles, 0.38)

    def billows(name: str, cycles: float) -> Tensor:
        return 1 - 2 * waves(name, cycles).abs().clamp(max=1.2) / 1.2

    masses = 0.45 * waves("masses", 4) + 0.35 * billows("masses/1", 7) + 0.2 * billows("masses/2", 13)
    curls = 0.6 * billows("curls", 6) + 0.4 * billows("curls/1", 13)
    return wrapped(torch.stack([masses / masses.std(), curls / curls.std()])).to(device)
