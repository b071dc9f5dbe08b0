"""Tiles of things that lie or stand scattered over the ground: crowns seen from above, and stones."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from spadework.terrain.dice import Dice
from spadework.terrain.noise import wrapped

TEXELS = 512
CANOPY = 256.0
"""Side of the tile of crowns, metres."""
BOULDERS = 51.2
"""Side of the tile of stones, metres."""


@cache
def canopy_tile(device: torch.device, conifers: bool) -> Tensor:
    """[2, T+1, T+1]: crowns seen from above: height in shares of a grown forest's, and a number per crown."""
    dice = Dice(int(conifers), "canopy")
    cell = 4.4 if conifers else 6.4
    cells = int(CANOPY / cell)
    size = (1 + 0.22 * dice.normal("size", cells * cells)).clamp(0.45, 1.6)
    wide = 2.8 * size**0.7 if conifers else 4.4 * size
    centres = _scattered(dice, cells)
    reach = int(8 / (CANOPY / TEXELS))
    row, column, dx, dz = _around(centres, TEXELS, reach)
    radius = torch.sqrt((dx * (CANOPY / TEXELS)) ** 2 + (dz * (CANOPY / TEXELS)) ** 2) / wide[:, None]
    shape = 1 - radius if conifers else 0.42 + 0.45 * (1 - radius**2).clamp(min=0).sqrt()
    high = torch.where(radius < 1, shape * size[:, None], torch.zeros_like(radius))
    high = high + 0.04 * dice.normal("leaves", *high.shape) * (radius < 1)
    own = dice.many("own", len(size), 1).expand_as(high)
    return wrapped(_highest(row, column, high, own, TEXELS)).to(device)


@cache
def boulder_tile(device: torch.device) -> Tensor:
    """[1, T+1, T+1]: rounded stones of 0.2 to 2.5 m, metres high."""
    dice = Dice(0, "boulders")
    cells = 10
    radius = (0.25 * (1 - dice.many("radius", cells * cells)) ** -0.7).clamp(max=2.5)
    row, column, dx, dz = _around(_scattered(dice, cells), TEXELS, int(3.2 / (BOULDERS / TEXELS)))
    turn = 3 * dice.many("turn", len(radius), 1)
    flat = 0.6 + 0.4 * dice.many("flat", len(radius), 1)
    u = (dx * turn.cos() + dz * turn.sin()) * (BOULDERS / TEXELS)
    v = (dz * turn.cos() - dx * turn.sin()) * (BOULDERS / TEXELS) / flat
    angle, phase = torch.atan2(v, u), 6 * dice.many("phase", len(radius), 3)
    uneven = sum(
        a * torch.sin(n * angle + phase[:, i, None]) for i, (a, n) in enumerate(((0.15, 2), (0.12, 3), (0.06, 7)))
    )
    share = torch.sqrt(u**2 + v**2) / radius[:, None] / (1 + uneven)
    tilt = dice.normal("tilt", len(radius), 2) * 0.2
    face = 0.55 + (u * tilt[:, :1] + v * tilt[:, 1:]) / radius[:, None]
    high = radius[:, None] * 0.9 * torch.minimum((1 - share**2).clamp(min=0).sqrt(), face).clamp(min=0)
    return wrapped(_highest(row, column, high, high, TEXELS)[:1]).to(device)


def _scattered(dice: Dice, cells: int) -> Tensor:
    """[cells², 2] points in 0..1, one per cell of a square."""
    row, column = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
    corner = torch.stack([row, column], dim=-1).reshape(-1, 2)
    return (corner + dice.many("place", cells * cells, 2)) / cells


def _around(centres: Tensor, texels: int, reach: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The texels within `reach` of each point -> rows, columns (wrapped), and offsets in texels; all [points, n]."""
    span = torch.arange(-reach, reach + 1)
    dz, dx = (offset.reshape(1, -1) for offset in torch.meshgrid(span, span, indexing="ij"))
    middle = (centres * texels).long()
    row, column = middle[:, :1] + dz, middle[:, 1:] + dx
    place = centres * texels
    return row % texels, column % texels, column + 0.5 - place[:, 1:], row + 0.5 - place[:, :1]


def _highest(row: Tensor, column: Tensor, high: Tensor, own: Tensor, texels: int) -> Tensor:
    """[2, T, T]: the highest of all that falls on a texel, and its own number."""
    flat, high, own = (row * texels + column).reshape(-1), high.reshape(-1), own.reshape(-1)
    order = torch.argsort(high, stable=True)
    top = torch.zeros(texels * texels).scatter_reduce(0, flat, high, "amax")
    winner = torch.zeros(texels * texels, dtype=torch.long).scatter_reduce(
        0, flat[order], torch.arange(len(order)), "amax"
    )
    return torch.stack([top, own[order][winner]]).reshape(2, texels, texels)
