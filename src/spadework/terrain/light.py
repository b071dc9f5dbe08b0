"""Light on its way: shadows, and the air between things and the camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.dice import Dice
from spadework.terrain.noise import Noise, smooth
from spadework.terrain.sky import Sky
from spadework.terrain.style import Style
from spadework.terrain.surface import Surface

STEPS = 15
REACH = 6000.0
"""How far a shadow falls, metres."""
FOG_HEIGHT = 45.0
"""In which ground fog thins out by e, metres."""


def sunlit(surface: Surface, sky: Sky, camera: Camera, dice: Dice) -> Tensor:
    """[H, W] in 0..1: how much of the sun each pixel sees, in steps towards it that grow with distance."""
    lit = torch.ones_like(surface.z)
    if float(sky.sunlight.max()) <= 1e-4:
        return lit
    index = (~surface.sky).reshape(-1).nonzero()[:, 0]
    x, y, z = (part.reshape(-1)[index] for part in (surface.x, surface.y, surface.z))
    plant = surface.plant.reshape(-1)[index] >= 0
    first = torch.maximum(2 * z / camera.focal, torch.where(plant, 3.0, 0.12))
    rise = math.tan(max(math.asin(float(sky.sun[1])), 0.03))
    across, along = math.sin(sky.azimuth), math.cos(sky.azimuth)
    growth = (REACH / first).clamp(min=2) ** (1 / STEPS)
    jitter = dice.many("shadow jitter", surface.z.numel()).to(z.device)[index]
    seen = torch.ones_like(z)
    for step in range(STEPS):
        distance = first * growth ** (step + 0.45 * jitter)
        there = z + along * distance
        high = camera.read(surface.casters[None], x + across * distance, there.clamp(min=camera.nearest))[0]
        clear = (y + distance * rise - high) / (0.035 * distance + 0.05 * first)
        seen = torch.minimum(seen, torch.where(there > camera.nearest, (clear + 0.5).clamp(0, 1), 1.0))
    lit.view(-1)[index] = seen
    return lit


def cloud_shadows(surface: Surface, cover: float, style: Style) -> Tensor:
    """[H, W] in 0..1: patches of sun and shade over the land; cover -1 few clouds, 1 many."""
    dice = Dice(style.seed, "cloud shadows")
    noise = Noise(dice, surface.z.device)
    patches = 0.7 * noise("large", surface.x, surface.z, 1800.0) + 0.35 * noise("small", surface.x, surface.z, 600.0)
    strength = dice.uniform("strength", 0.0, 0.8)
    return 1 - strength * smooth(-0.1, 0.5, patches + 0.5 * min(cover, 0.6) - 0.2)


def through_air(color: Tensor, surface: Surface, eye: float, horizon: Tensor, sky: Sky, style: Style) -> Tensor:
    """Colours [3, H, W] as they arrive: dimmed, and mixed with the light of the air, `horizon` [3, 1, W]."""
    distance = torch.sqrt(surface.x**2 + surface.z**2 + (surface.y - eye) ** 2)
    depth = sky.haze[:, None, None] * distance
    if style.fog > 0:
        depth = depth + style.fog * _fog(surface.y.clamp(min=0), eye, distance)
    through = torch.exp(-depth)
    return color * through + horizon * (1 - through)


def _fog(height: Tensor, eye: float, distance: Tensor) -> Tensor:
    """Metres of fog of full density along the ray: its density falls as exp(-height / FOG_HEIGHT)."""
    rise = height - eye
    steep = torch.where(rise.abs() < 1, 1.0, rise)
    slanted = (math.exp(-eye / FOG_HEIGHT) - torch.exp(-height / FOG_HEIGHT)) * FOG_HEIGHT / steep
    return (distance * torch.where(rise.abs() < 1, torch.exp(-height / FOG_HEIGHT), slanted)).clamp(max=9e4)
