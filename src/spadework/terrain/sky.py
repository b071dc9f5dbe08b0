"""The clear sky: sunlight scattered once by air and haze (and, roughly, again), for any height of the sun.

Rayleigh and Mie scattering with ozone, integrated along each ray through an atmosphere of exponential density (Nishita
et al. 1993). Radiance is per unit of sunlight above the atmosphere, times SUN. Colours are linear RGB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

EARTH, AIR = 6.36e6, 6.0e4
"""Radius, and height of the atmosphere, metres."""
RAYLEIGH = torch.tensor([5.8e-6, 13.5e-6, 33.1e-6])
OZONE = torch.tensor([0.65e-6, 1.88e-6, 0.085e-6])
RAYLEIGH_HEIGHT, MIE_HEIGHT = 8000.0, 1200.0
FORWARD = 0.76
"""g of the haze's phase function (Cornette and Shanks 1992)."""
SUN = 20.0
ROWS, COLUMNS, STEPS = 72, 40, 18


@dataclass
class Sky:
    """The light of a clear sky."""

    sun: Tensor
    """[3] direction to the sun: right, up, away."""
    table: Tensor
    """[3, ROWS, COLUMNS] radiance by elevation and angle from the sun."""
    sunlight: Tensor
    """[3] irradiance of a surface that faces the sun."""
    dome: Tensor
    """[3] irradiance of flat ground by the sky alone."""
    haze: Tensor
    """[3] extinction per metre near the ground."""
    azimuth: float
    """Of the sun, radians from the direction of view."""

    def radiance(self, elevation: Tensor, azimuth: Tensor) -> Tensor:
        """[3, ...] for directions in radians, azimuth from the direction of view."""
        apart = torch.remainder(azimuth - self.azimuth + math.pi, 2 * math.pi) - math.pi
        v = (elevation.clamp(0, math.pi / 2) / (math.pi / 2)) ** (1 / 1.8)
        grid = torch.stack([2 * apart.abs() / math.pi - 1, 2 * v - 1], dim=-1).reshape(1, 1, -1, 2)
        values = F.grid_sample(self.table[None], grid, padding_mode="border", align_corners=True)
        return values.reshape(3, *elevation.shape)


def clear_sky(elevation: float, azimuth: float, haze: float, device: torch.device) -> Sky:
    """The sky for a sun at that elevation (radians, negative below the horizon); haze 1 is a clear day."""
    mie = 4e-6 * haze**0.8
    table = _table(elevation, mie)
    sine = math.sin(elevation)
    through = _to_space(torch.tensor(300.0), torch.tensor(max(sine, 0.0)), mie)
    set_ = 1.0 if elevation > 0 else 0.6 * math.exp(elevation * 90)
    sunlight = SUN * set_ * (0.65 * through + 0.35 * through.mean())
    sun = torch.tensor([math.cos(elevation) * math.sin(azimuth), sine, math.cos(elevation) * math.cos(azimuth)])
    angles = _elevations()
    weight = angles.cos() * angles.sin() * torch.gradient(angles)[0] * 2 * math.pi
    dome = (table.mean(dim=2) * weight).sum(dim=1)
    extinction = RAYLEIGH * 1.6 + mie
    sun, table, sunlight, dome = (value.to(device) for value in (sun, table, sunlight, dome))
    return Sky(sun, table, sunlight, dome, extinction.to(device), azimuth)


def _elevations() -> Tensor:
    return torch.linspace(0, 1, ROWS) ** 1.8 * (math.pi / 2) + 0.004


def _table(elevation: float, mie: float) -> Tensor:
    """[3, ROWS, COLUMNS]: the integral along each ray, midpoint rule with steps that grow with distance."""
    view, apart = torch.meshgrid(_elevations(), torch.linspace(0, math.pi, COLUMNS), indexing="ij")
    sine, radius = view.sin(), EARTH + 200.0
    cosine = sine * math.sin(elevation) + view.cos() * math.cos(elevation) * apart.cos()  # to the sun
    length = -radius * sine + torch.sqrt(radius**2 * (sine**2 - 1) + (EARTH + AIR) ** 2)
    g = FORWARD
    rayleigh_phase = 3 / (16 * math.pi) * (1 + cosine**2)
    mie_phase = 3 / (8 * math.pi) * (1 - g * g) * (1 + cosine**2) / ((2 + g * g) * (1 + g * g - 2 * g * cosine) ** 1.5)
    again = 0.12 * max(0.02, min(1.0, math.sin(elevation) + 0.12))

    light = torch.zeros(ROWS, COLUMNS, 3)
    air, dust = torch.zeros_like(sine), torch.zeros_like(sine)
    for step in range(STEPS):
        at = length * ((step + 0.5) / STEPS) ** 2
        over = length * (((step + 1) / STEPS) ** 2 - (step / STEPS) ** 2)
        distance = torch.sqrt(radius**2 + at**2 + 2 * radius * at * sine)
        height = (distance - EARTH).clamp(min=0)
        air_here, dust_here = torch.exp(-height / RAYLEIGH_HEIGHT) * over, torch.exp(-height / MIE_HEIGHT) * over
        air, dust = air + air_here / 2, dust + dust_here / 2
        seen = torch.exp(-(RAYLEIGH * air[..., None] + 1.1 * mie * dust[..., None]))
        lit = _to_space(height, (radius * math.sin(elevation) + at * cosine) / distance, mie)
        once = RAYLEIGH * (rayleigh_phase * air_here)[..., None] + mie * (mie_phase * dust_here)[..., None]
        every_way = (RAYLEIGH * air_here[..., None] + mie * dust_here[..., None]) / (4 * math.pi)
        light += seen * (lit * once + every_way * (0.25 * lit + again))
        air, dust = air + air_here / 2, dust + dust_here / 2
    return SUN * light.permute(2, 0, 1).contiguous()


def _to_space(height: Tensor, sine: Tensor, mie: float, steps: int = 8) -> Tensor:
    """[..., 3]: how much sunlight reaches a point at that height; none through the ground."""
    radius = EARTH + height
    length = -radius * sine + torch.sqrt((radius**2 * (sine**2 - 1) + (EARTH + AIR) ** 2).clamp(min=0))
    blocked = (sine < 0) & (radius**2 * (sine**2 - 1) + EARTH**2 > 0)
    air, dust, ozone = torch.zeros_like(radius), torch.zeros_like(radius), torch.zeros_like(radius)
    for step in range(steps):
        at = length * ((step + 0.5) / steps) ** 2
        over = length * (((step + 1) / steps) ** 2 - (step / steps) ** 2)
        above = (torch.sqrt(radius**2 + at**2 + 2 * radius * at * sine) - EARTH).clamp(min=0)
        air = air + torch.exp(-above / RAYLEIGH_HEIGHT) * over
        dust = dust + torch.exp(-above / MIE_HEIGHT) * over
        ozone = ozone + (1 - (above - 25e3).abs() / 15e3).clamp(min=0) * over
    depth = RAYLEIGH * air[..., None] + 1.1 * mie * dust[..., None] + OZONE * 0.9 * ozone[..., None]
    return torch.exp(-depth) * (~blocked)[..., None]
