"""Water: what it mirrors, what shines through from below, ripples, glitter and foam.

A pixel's mirror image is another pixel of the same column, found once per layout: a ray that comes up again from the
water at slope t meets a point at depth d that the picture shows at row horizon - focal (t - 2 eye / d).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.camera import FARTHEST, Camera
from spadework.terrain.classes import Land
from spadework.terrain.clouds import deck_radiance
from spadework.terrain.noise import Noise, smooth
from spadework.terrain.sky import Sky
from spadework.terrain.style import Style
from spadework.terrain.surface import Surface

BODY = ((0.010, 0.034, 0.034), (0.006, 0.022, 0.040), (0.014, 0.062, 0.060), (0.024, 0.026, 0.016))
BOTTOM = (0.13, 0.115, 0.075)
TAPS = 4
BLINDING = 10.0
"""The logarithm of a spark's strength at most: white on any film. Steep waves would make it infinite."""


@dataclass
class Water:
    """The pixels that show water, [P] in a row."""

    index: Tensor
    """Of each pixel in the flat picture."""
    mirrored: Tensor
    """Depth of what it mirrors, metres; FARTHEST at the sky, and where the picture does not show it."""
    ripples: Tensor
    """[2, P] slopes of the surface across and along the view, about -1..1."""
    foam: Tensor
    """0..1"""
    swell: Tensor
    """Slope of the long waves."""


def find_water(surface: Surface, eye: float, camera: Camera, noise: Noise) -> Water:
    """Which pixels are water, what they mirror, and the shape of their surface."""
    wet = (surface.land == Land.WATER) | (surface.land == Land.SEA)
    index = wet.reshape(-1).nonzero()[:, 0]
    column, row = index % camera.width, index // camera.width
    x, z = surface.x.reshape(-1)[index], surface.z.reshape(-1)[index]
    rise = (row + 0.5 - camera.horizon) / camera.focal

    # The picture itself is searched: begin as if all were far away, then correct by the depth that is found.
    mirrored = torch.full_like(z, FARTHEST)
    for _ in range(6):
        found = _shown_at(mirrored, rise, column, eye, surface, camera)
        mirrored = torch.where(found < z * 0.98, mirrored, found)
    again = _shown_at(mirrored, rise, column, eye, surface, camera)
    lost = (again / mirrored - 1).abs() > 0.1
    ripples = torch.zeros(2, len(index), device=z.device)
    for wavelength, steep in ((6.0, 0.25), (1.8, 0.35), (0.6, 0.35), (0.2, 0.3)):
        _, across, along = noise.with_slope(f"ripples/{wavelength}", x, z, wavelength)
        sharp = camera.sharpness(wavelength, z) * steep / (2 * math.pi)
        ripples += sharp * torch.stack([across, along])
    gusts = 0.75 + 0.25 * (0.6 * noise("gusts", x, 0.3 * z, 60.0) + 0.5 * noise("gusts/1", x, 0.3 * z, 25.0))
    ripples *= gusts.clamp(0.15, 1.5)
    sea = (surface.land == Land.SEA).reshape(-1)[index]
    foam, swell = torch.zeros_like(z), torch.zeros_like(z)
    if surface.to_sea is not None:
        foam, swell = _surf(surface.to_sea.reshape(-1)[index], sea, x, z, camera, noise)
    return Water(index, torch.where(lost, FARTHEST, mirrored), ripples, foam, swell)


def _shown_at(depth: Tensor, rise: Tensor, column: Tensor, eye: float, surface: Surface, camera: Camera) -> Tensor:
    """The depth that the picture shows where the mirror image of something at `depth` would be."""
    row = camera.horizon - camera.focal * (rise - 2 * eye / depth)
    return surface.z.reshape(-1)[row.round().long().clamp(0, camera.height - 1) * camera.width + column]


def _surf(out: Tensor, sea: Tensor, x: Tensor, z: Tensor, camera: Camera, noise: Noise) -> tuple[Tensor, Tensor]:
    """Waves that run along the shore and break near it, and the foam they leave; `out` metres from the shoreline."""
    length = 9.0 + 0.22 * out.clamp(0, 60)
    warp = 1.6 * noise("surf warp", x, z, 40.0) + 0.5 * noise("surf warp/1", x, z, 11.0)
    phase = out / length + 0.16 * warp
    share = phase - phase.floor()
    broken = (0.5 + 0.5 * noise("breakers", x, z, 30.0)).clamp(0, 1)
    lace = noise("lace", x, z, 1.6) * 0.5 + noise("lace/1", x, z, 0.5) * camera.sharpness(0.5, z) * 0.5
    near = (1 - smooth(8, 28, out)) * smooth(0.0, 1.5, out)
    crest = torch.exp(-(((share - 0.5) / 0.10) ** 2)) * near * smooth(0.25, 0.7, broken + 0.3 * near)
    trail = smooth(0.5, 1.0, share) * near * smooth(0.2, 0.9, lace + 0.4)
    wash = torch.exp(-((out / 1.3) ** 2)) * smooth(-0.3, 0.6, lace)
    caps = smooth(2.1, 2.8, noise("caps", x, 2.5 * z, 14.0) + 0.4 * lace) * smooth(30, 90, out) * 0.8
    foam = (crest * (0.8 + 0.4 * lace) + 0.55 * trail + 0.8 * wash + caps).clamp(0, 1)
    fade = camera.sharpness(14.0, z)
    swell = 0.10 * torch.cos(2 * math.pi * share) * (1 - 0.6 * smooth(40, 200, out)) * fade
    return torch.where(sea, foam, 0.0), torch.where(sea, swell, 0.0)


def draw_water(
    picture: Tensor, water: Water, surface: Surface, sky: Sky, style: Style, eye: float, camera: Camera, deck: bool
) -> Tensor:
    """[3, P] radiance of the water's pixels, given the picture [3, H, W] of everything else."""
    row, column = water.index // camera.width, water.index % camera.width
    z = surface.z.reshape(-1)[water.index]
    down = (row + 0.5 - camera.horizon) / camera.focal
    wind = 0.06 + 0.94 * style.wind
    tilt = wind * (0.5 * water.ripples[1]) + water.swell * 0.4

    # A few mirror directions per pixel: waves smaller than pixels smear what they mirror upwards and downwards.
    mirror = torch.zeros(3, len(z), device=z.device)
    hidden = ~surface.sky[0][column] | deck  # what lies above the picture is more of its first row, unless it is sky
    for tap in range(TAPS):
        smear = ((tap + 0.5) / TAPS - 0.5) * 0.10 * wind
        rise = (down + 2 * (tilt + smear) * (down + 0.06) * 1.5).clamp(min=0.0008)
        target = camera.horizon - camera.focal * (rise - 2 * eye / water.mirrored) - 0.5
        beside = column + (water.ripples[0] * wind * 16).clamp(-6, 6)
        inside = target >= 0
        grid = torch.stack([beside / (camera.width - 1), target.clamp(min=0) / (camera.height - 1)], dim=-1) * 2 - 1
        seen = F.grid_sample(picture[None], grid[None, None], padding_mode="border", align_corners=True)[0, :, 0]
        if deck:
            above = deck_radiance(sky, rise)
        else:
            above = sky.radiance(torch.atan(rise).clamp(min=0.035), torch.atan(camera.across[0][column]))
        seen = torch.where(inside | hidden, seen, above)
        mirror += seen / TAPS

    # Schlick: the flatter the view, the more is mirrored; choppy water is never quite flat.
    cosine = (down / torch.sqrt(1 + down**2) + 0.06 * wind + (tilt - 0.02).clamp(min=0)).clamp(0, 1)
    mirrors = (0.02 + 0.98 * (1 - cosine) ** 5).clamp(0, 0.96)
    light = (sky.dome + sky.sunlight * sky.sun[1].clamp(min=0))[:, None] / math.pi
    shallow = torch.exp(-0.8 * surface.depth.reshape(-1)[water.index].clamp(min=0)) * (z < 3000)
    body = picture.new_tensor(BODY[style.water])[:, None] + shallow * picture.new_tensor(BOTTOM)[:, None]
    color = torch.lerp(body * light, mirror, mirrors)

    # The sun's own image, broken into sparks.
    across = camera.across[0][column]
    towards = (across * sky.sun[0] + (down + 2 * tilt) * sky.sun[1] + sky.sun[2]) / torch.sqrt(1 + across**2 + down**2)
    strength = (90 * (towards - 1) / (wind + 0.08)).clamp(max=BLINDING)
    spark = torch.exp(strength) * (0.3 + 1.5 * (9 * wind * water.ripples[0]).clamp(0, 2))
    color = color + (0.0 if deck else 0.06 if style.night else 0.22) * sky.sunlight[:, None] * spark * mirrors
    white = (sky.dome + sky.sunlight * sky.sun[1].clamp(min=0.05))[:, None] / math.pi * 0.62
    return torch.lerp(color, white, water.foam)
