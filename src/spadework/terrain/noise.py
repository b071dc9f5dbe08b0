"""Noise: random fields of the plane, one wavelength each, looked up anywhere.

A tile of white noise through a band-pass holds many waves of one length; each octave of a field reads it at its own
scale, angle and place, so that no repetition shows. x, z are metres; all tensors of one call have one shape.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.dice import Dice

TEXELS = 512
"""Side of the tile."""
CYCLES = 32
"""Waves across the tile."""


class Noise:
    """The random fields of one layout. Values have mean 0 and standard deviation 1."""

    def __init__(self, dice: Dice, device: torch.device) -> None:
        self.dice = dice
        self.device = device
        self._places: dict[str, tuple[float, float, float]] = {}

    def __call__(self, name: str, x: Tensor, z: Tensor, wavelength: float) -> Tensor:
        """The field of that name at (x, z), its waves `wavelength` metres long."""
        u, v, _, _ = self._place(name, x, z, wavelength)
        return lookup(value_tile(self.device), u, v)[0]

    def with_slope(self, name: str, x: Tensor, z: Tensor, wavelength: float) -> tuple[Tensor, Tensor, Tensor]:
        """The field, and its derivatives per wavelength along x and z."""
        u, v, cosine, sine = self._place(name, x, z, wavelength)
        value, du, dv = lookup(slope_tile(self.device), u, v)
        return value, cosine * du + sine * dv, cosine * dv - sine * du

    def octaves(self, name: str, x: Tensor, z: Tensor, wavelength: float, count: int, gain: float = 0.5) -> Tensor:
        """Fractal sum: each octave half as long as the one before, `gain` times as high."""
        total = torch.zeros_like(x)
        for octave in range(count):
            total += gain**octave * self(f"{name}/{octave}", x, z, wavelength * 0.5**octave)
        return total

    def _place(self, name: str, x: Tensor, z: Tensor, wavelength: float) -> tuple[Tensor, Tensor, float, float]:
        if name not in self._places:
            angle, u0, v0 = self.dice.many(f"noise/{name}", 3).tolist()
            self._places[name] = (2 * math.pi * angle, u0, v0)
        angle, u0, v0 = self._places[name]
        cosine, sine = math.cos(angle), math.sin(angle)
        scale = 1 / (wavelength * CYCLES)
        u = (cosine * scale) * x - (sine * scale) * z + u0
        v = (sine * scale) * x + (cosine * scale) * z + v0
        return u, v, cosine, sine


def lookup(tile: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Bilinear values of a padded tile [C, T+1, T+1] at (u, v) in tiles, endlessly repeated -> [C, *u.shape]."""
    grid = torch.stack([u - u.floor(), v - v.floor()], dim=-1).mul_(2).sub_(1).reshape(1, 1, -1, 2)
    values = F.grid_sample(tile[None], grid, mode="bilinear", align_corners=True)
    return values.reshape(tile.shape[0], *u.shape)


def band_pass(white: Tensor, cycles: float, width: float) -> Tensor:
    """Waves of about `cycles` per tile from white noise of any dimension; `width` is the deviation of their log."""
    squares = [
        (torch.fft.fftfreq(size) * size).reshape([-1 if axis == i else 1 for i in range(white.dim())]) ** 2
        for axis, size in enumerate(white.shape)
    ]
    frequency = torch.sqrt(sum(squares[1:], squares[0])).clamp(min=1e-3)
    mask = torch.exp(-0.5 * (torch.log(frequency / cycles) / width) ** 2)
    waves = torch.fft.ifftn(torch.fft.fftn(white) * mask).real
    return waves / waves.std()


def wrapped(tile: Tensor) -> Tensor:
    """[C, ...] with the first row, column, ... repeated at the end, so that a lookup may run over it."""
    for axis in range(1, tile.dim()):
        tile = torch.cat([tile, tile.narrow(axis, 0, 1)], dim=axis)
    return tile.contiguous()


@cache
def value_tile(device: torch.device) -> Tensor:
    """[1, T+1, T+1]."""
    return wrapped(band_pass(Dice(0, "tile").normal("value", TEXELS, TEXELS), CYCLES, 0.45)[None]).to(device)


@cache
def slope_tile(device: torch.device) -> Tensor:
    """[3, T+1, T+1]: value and derivatives per wave along u and v (central differences)."""
    value = band_pass(Dice(0, "tile").normal("slope", TEXELS, TEXELS), CYCLES, 0.35)
    step = TEXELS / (2 * CYCLES)
    dv, du = ((value.roll(-1, axis) - value.roll(1, axis)) * step for axis in (0, 1))
    return wrapped(torch.stack([value, du, dv])).to(device)


@cache
def white_tile(device: torch.device) -> Tensor:
    """[3, T+1, T+1]: uniform in [0, 1), no two texels alike: blades, petals, grains."""
    return wrapped(Dice(0, "tile").many("white", 3, TEXELS, TEXELS)).to(device)


def smooth(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, a smooth step between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
