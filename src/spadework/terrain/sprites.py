"""Plants seen from the side, once for all: how much light comes to each point from each side, so that any sun fits.

A texel holds eight bytes: coverage, the share of light that arrives from right, left, above, the viewer's side and
the far side, wood, and a number of its own. Each sprite is kept at several sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.dice import Dice
from spadework.terrain.plants import SPECIES, Plant

TALL = 256
"""Texels that a plant is high at its largest size."""
SIZES = 6
VOXELS = 36
DENSITY = 0.11
"""Optical depth of a leaf's particle in a voxel."""


@dataclass(frozen=True)
class Sprites:
    """All sprites of all sizes in one array of texels."""

    texels: Tensor
    """[total, 8] uint8."""
    start: Tensor
    """[sprites, SIZES] index of the first texel."""
    width: Tensor
    """[sprites, SIZES] texels."""
    aspect: Tensor
    """[sprites] width in heights."""
    of: dict[str, range]
    """Species -> its sprites."""


@cache
def sprites(device: torch.device) -> Sprites:
    """The sprites of every species."""
    texels: list[Tensor] = []
    start: list[list[int]] = []
    width: list[list[int]] = []
    aspect: list[float] = []
    of: dict[str, range] = {}
    total = 0
    for species, (count, grow) in SPECIES.items():
        of[species] = range(len(start), len(start) + count)
        for number in range(count):
            dice = Dice(number, f"plants/{species}")
            plant = grow(dice)
            starts, widths = [], []
            for size in _sizes(_picture(plant, dice)):
                flat = (size * 255).round().to(torch.uint8).reshape(8, -1).T
                texels.append(flat)
                starts.append(total)
                widths.append(size.shape[2])
                total += len(flat)
            start.append(starts)
            width.append(widths)
            aspect.append(plant.aspect)
    return Sprites(
        torch.cat(texels).contiguous().to(device),
        torch.tensor(start, device=device),
        torch.tensor(width, device=device),
        torch.tensor(aspect, device=device),
        of,
    )


def _picture(plant: Plant, dice: Dice) -> Tensor:
    """[8, TALL, TALL * aspect], drawn at twice that size, nearer particles over farther ones."""
    high, wide = 2 * TALL, int(2 * TALL * plant.aspect)
    values = torch.cat(
        [
            torch.ones(len(plant.points), 1),
            _light(plant),
            plant.wood[:, None].float(),
            dice.many("own", len(plant.points), 1),
        ],
        dim=1,
    )
    order = torch.argsort(plant.points[:, 2], descending=True, stable=True)
    points, values = plant.points[order], values[order]
    x = ((points[:, 0] / plant.aspect + 0.5) * wide).long()
    y = ((1 - points[:, 1]) * high).long()
    leaf = values[:, 6] < 0.5

    # A leaf covers two by two texels and sometimes more, wood only one; the last one drawn stays.
    picture = np.zeros((high * wide, 8), np.float32)
    large = leaf & (values[:, 7] > 0.4)
    covers = [(torch.ones_like(leaf), 0, 0), (leaf, 1, 0), (leaf, 0, 1), (leaf, 1, 1), (large, 2, 0), (large, 1, 2)]
    index = torch.stack(
        [torch.where(on, (y + dy).clamp(0, high - 1) * wide + (x + dx), -1) for on, dx, dy in covers], 1
    )
    inside = (index >= 0) & ((x >= 0) & (x < wide - 2) & (y >= 0) & (y < high))[:, None]
    which = torch.arange(len(points))[:, None].expand_as(index)[inside]
    picture[index[inside].numpy()] = values[which].numpy()
    return _halved(torch.from_numpy(picture).reshape(high, wide, 8).permute(2, 0, 1))


def _light(plant: Plant) -> Tensor:
    """[P, 5]: the share of light that arrives from right, left, above, the viewer's side and the far side."""
    place = plant.points + torch.tensor([0.75, 0.0, 0.75])
    cell = (place * torch.tensor([VOXELS / 1.5, VOXELS, VOXELS / 1.5])).long().clamp(0, VOXELS - 1)
    flat = (cell[:, 0] * VOXELS + cell[:, 1]) * VOXELS + cell[:, 2]
    weight = torch.where(plant.wood, 0.1, 1.0) * DENSITY * 30_000 / max(len(plant.points), 20_000)
    depth = torch.bincount(flat, weights=weight, minlength=VOXELS**3).reshape(VOXELS, VOXELS, VOXELS).float()
    depth = F.avg_pool3d(depth[None, None], 3, 1, 1)[0, 0] * 0.7 + depth * 0.3
    sides = []
    for axis, forward in ((0, False), (0, True), (1, False), (2, True), (2, False)):
        through = depth.cumsum(axis) if forward else depth.flip(axis).cumsum(axis).flip(axis)
        sides.append(torch.exp(-(through - 0.5 * depth)).reshape(-1)[flat])
    return torch.stack(sides, dim=1)


def _sizes(picture: Tensor) -> list[Tensor]:
    sizes = [picture]
    for _ in range(SIZES - 1):
        sizes.append(_halved(sizes[-1]))
    return sizes


def _halved(picture: Tensor) -> Tensor:
    """Half as large; the rest is averaged by coverage."""
    weighted = torch.cat([picture[:1], picture[1:] * picture[:1]])
    small = F.avg_pool2d(weighted[None], 2)[0]
    return torch.cat([small[:1], small[1:] / small[:1].clamp(min=1e-4)])
