"""Clouds: heaps in a layer of the sky, veils, or a closed deck.

Heaps are marched through once per layout: what a ray passes and how much of it is seen does not depend on the light.
A style then lights the samples that count. R rays, S samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.dice import Dice
from spadework.terrain.heaps import Heaps
from spadework.terrain.noise import Noise, smooth
from spadework.terrain.scene import Scene
from spadework.terrain.sky import Sky

STEPS = 24
FINENESS = 2
"""A ray of the clouds per so many pixels."""


@dataclass
class Clouds:
    """What of the sky clouds hide, whatever the light."""

    cover: Tensor
    """[H, W] in 0..1: how much of the clear sky is hidden."""
    veil: Tensor
    """[H, W] in 0..1: the thin part of it."""
    deck: Tensor | None
    """[H, W] around 0: brightness of a closed deck."""
    heaps: Heaps | None
    ray: Tensor
    """[S] which ray each sample lies on."""
    points: Tensor
    """[S, 3]"""
    density: Tensor
    """[S]"""
    seen: Tensor
    """[S] 0..1: how much of a sample's light reaches the camera."""
    shape: tuple[int, int]
    """Rows and columns of the rays."""


def build_clouds(scene: Scene, camera: Camera, sky: Tensor, noise: Noise, dice: Dice) -> Clouds:
    """The clouds of a scene; `sky` [H, W] says where there is sky at all."""
    rows = max(int(camera.horizon) // FINENESS, 1)
    shape = (min(rows, camera.height // FINENESS), camera.width // FINENESS)
    empty = torch.zeros(camera.height, camera.width, device=camera.device)
    nothing = empty[0, :0]
    clouds = Clouds(empty, empty, None, None, nothing.long(), nothing.reshape(0, 3), nothing, nothing, shape)
    if scene.sky == "overcast":
        clouds.cover, clouds.deck = torch.ones_like(empty), _deck(camera, noise)
    elif scene.sky == "cirrus":
        clouds.veil = _veil(camera, noise, dice)
        clouds.cover = clouds.veil
    elif scene.sky == "cumulus":
        _march(clouds, scene, camera, sky, noise, dice)
        if dice.chance("veil above", 0.3):
            clouds.veil = _veil(camera, noise, dice) * (1 - clouds.cover) * 0.6
            clouds.cover = clouds.cover + clouds.veil
    return clouds


def _march(clouds: Clouds, scene: Scene, camera: Camera, sky: Tensor, noise: Noise, dice: Dice) -> None:
    """Find the samples of heaps that are seen, front to back."""
    thick = dice.uniform("cloud thickness", 350, 1200)
    heaps = Heaps(
        low=dice.uniform("cloud base", 900, 2200),
        thick=thick,
        size=dice.uniform("cloud size", 1000, 2500),
        cover=scene.clouds,
        place=(dice.uniform("cloud x", 0, 1), dice.uniform("cloud z", 0, 1)),
        noise=noise,
    )
    rows, columns = clouds.shape
    middle = slice(FINENESS // 2, None, FINENESS)
    up = camera.up[middle, 0][:rows, None].expand(rows, columns)
    across = camera.across[0, middle][None, :columns].expand(rows, columns)
    ray = sky[middle, middle][:rows, :columns].reshape(-1).nonzero()[:, 0]
    up, across = up.reshape(-1)[ray].clamp(min=0.012), across.reshape(-1)[ray]
    jitter = dice.many("cloud jitter", rows * columns).to(camera.device)[ray]
    slant = torch.sqrt(1 + across**2 + up**2) / up
    through = torch.ones_like(up)
    thinness = 0.0075 / thick * 700 * 1.6
    found: list[tuple[Tensor, ...]] = []
    for step in range(STEPS):
        y = heaps.low + thick * (step + jitter) / STEPS
        z = y / up
        points = torch.stack([across * z, y, z], dim=1)
        active = (through > 0.02).nonzero()[:, 0]
        density = heaps.density(points[active])
        active, density = active[density > 0.003], density[density > 0.003]
        passed = torch.exp(-thinness * density * thick / STEPS * slant[active].clamp(max=12))
        found.append((ray[active], points[active], density, through[active] * (1 - passed)))
        through[active] *= passed
    clouds.heaps = heaps
    clouds.ray, clouds.points, clouds.density, clouds.seen = (torch.cat(parts) for parts in zip(*found, strict=True))

    # Far clouds dissolve in haze.
    hidden = torch.zeros(rows * columns, device=camera.device)
    hidden[ray] = (1 - through) * torch.exp(-((heaps.low * slant / 70_000) ** 2))
    clouds.cover = _full(hidden.reshape(1, rows, columns), camera)[0]


def light_clouds(clouds: Clouds, sky: Sky, clear: Tensor, camera: Camera) -> Tensor:
    """The clear sky's picture [3, H, W] with clouds before it."""
    picture = clear
    if clouds.deck is not None:
        return _lit_deck(clouds.deck, sky, camera)
    if bool((clouds.veil > 0).any()):
        towards = _towards_sun(sky, camera)
        glow = (0.10 + 0.14 * (0.5 + 0.5 * towards) ** 8) * sky.sunlight[:, None, None]
        picture = torch.lerp(picture, glow + 0.5 / math.pi * sky.dome[:, None, None], clouds.veil)
    if clouds.heaps is not None and len(clouds.ray):
        light = _lit_heaps(clouds, sky)
        rows, columns = clouds.shape
        sums = torch.zeros(4, rows * columns, device=camera.device)
        sums.index_add_(1, clouds.ray, torch.cat([light * clouds.seen, clouds.seen[None]]))
        full = _full(sums.reshape(4, rows, columns), camera)
        opaque = clouds.cover - clouds.veil
        picture = torch.lerp(picture, full[:3] / full[3].clamp(min=1e-3), opaque.clamp(0, 1))
    return picture


def _lit_heaps(clouds: Clouds, sky: Sky) -> Tensor:
    """[3, S] radiance of each sample: sunlight that three steps to the sun let through, and light from all round."""
    assert clouds.heaps is not None
    heaps = clouds.heaps
    to_sun = sky.sun.clone()
    to_sun[1] = to_sun[1].clamp(min=0.10)
    depth = torch.zeros_like(clouds.density)
    for distance, length in ((45.0, 70.0), (130.0, 130.0), (330.0, 260.0)):
        depth += length * heaps.density(clouds.points + to_sun * distance, coarse=True)
    thinness = 0.011 * 700 * 1.6 / heaps.thick
    direction = clouds.points / clouds.points.norm(dim=1, keepdim=True)
    cosine = direction @ sky.sun
    phase = 0.55 * _henyey(0.75, cosine) + 0.45 * _henyey(0.05, cosine) + 0.02
    scattered = torch.exp(-thinness * depth) * phase + 0.07 * torch.exp(-0.25 * thinness * depth)
    scattered += 0.022 * torch.exp(-0.06 * thinness * depth)
    powder = 1 - 0.6 * torch.exp(-9 * clouds.density)
    high = (clouds.points[:, 1] - heaps.low) / heaps.thick
    light = 1.7 * sky.sunlight[:, None] * scattered * powder + sky.dome[:, None] / math.pi * (0.40 + 0.5 * high)

    # Air between the cloud and the camera.
    distance = clouds.points.norm(dim=1)
    seen = torch.exp(-0.5 * sky.haze[:, None] * distance)
    behind = sky.radiance(torch.asin(direction[:, 1]).clamp(min=0.02), torch.atan2(direction[:, 0], direction[:, 2]))
    return light * seen + behind * (1 - seen)


def under_deck(sky: Sky) -> Sky:
    """The light below a closed deck: what came from the sun comes from all of the sky, nearly without colour."""
    grey = 0.33 * (sky.dome + sky.sunlight * sky.sun[1]).mean()
    return replace(sky, dome=grey * sky.dome.new_tensor([0.96, 1.0, 1.06]), sunlight=0.05 * sky.sunlight)


def deck_radiance(sky: Sky, sine: Tensor) -> Tensor:
    """[3, ...]: three times as bright overhead as at the horizon (the CIE's overcast sky), by sine of elevation."""
    dome = sky.dome.reshape(3, *[1] * sine.dim())
    return 3 / (7 * math.pi) * dome * (1 + 2 * sine.clamp(min=0))


def _lit_deck(deck: Tensor, sky: Sky, camera: Camera) -> Tensor:
    sine = camera.up / torch.sqrt(1 + camera.up**2 + camera.across**2)
    before_sun = 1 + 0.25 * (0.5 + 0.5 * _towards_sun(sky, camera)) ** 3
    return deck_radiance(sky, sine) * before_sun * (1 + deck).clamp(0.4, 1.8)


def _deck(camera: Camera, noise: Noise) -> Tensor:
    z = 1000.0 / camera.up.clamp(min=0.025)
    x, z = camera.across * z, z.expand(-1, camera.width)
    warp = 130 * noise("deck warp", x, z, 2600.0)
    waves = noise.octaves("deck", x + warp, z + warp, 2600.0, 5, 0.55)
    return 0.17 * waves * smooth(0.02, 0.18, camera.up)


def _veil(camera: Camera, noise: Noise, dice: Dice) -> Tensor:
    """Streaks of ice along the wind of great heights."""
    z = 8000.0 / camera.up.clamp(min=0.02)
    x, z = camera.across * z, z.expand(-1, camera.width)
    angle = dice.uniform("high wind", 0, 2 * math.pi)
    along, across = x * math.cos(angle) + z * math.sin(angle), z * math.cos(angle) - x * math.sin(angle)
    bend = noise("veil bend", along, across, 9000.0)
    streaks = 0.5 * noise("veil/0", 0.25 * along + 500 * bend, across + 800 * bend, 5200.0)
    streaks += 0.3 * noise("veil/1", 0.2 * along + 500 * bend, across + 500 * bend, 1900.0)
    streaks += 0.16 * noise("veil/2", 0.2 * along, across + 300 * bend, 700.0)
    amount = dice.uniform("veil", 0.15, 1.0)
    wide = 0.6 * noise("veil wide", along, across, 14000.0)
    dense = (streaks + wide + 0.6 * amount - 0.35).clamp(0, 1.4) * 0.6 * smooth(0.02, 0.12, camera.up)
    return 1 - torch.exp(-1.4 * dense)


def _towards_sun(sky: Sky, camera: Camera) -> Tensor:
    """[H, W] cosine between each pixel's ray and the sun."""
    length = torch.sqrt(1 + camera.up**2 + camera.across**2)
    return (camera.across * sky.sun[0] + camera.up * sky.sun[1] + sky.sun[2]) / length


def _henyey(g: float, cosine: Tensor) -> Tensor:
    return (1 - g * g) / (4 * math.pi * (1 + g * g - 2 * g * cosine) ** 1.5)


def _full(rays: Tensor, camera: Camera) -> Tensor:
    """Rays [K, rows, columns] over the whole picture [K, H, W]; nothing below."""
    wide = F.interpolate(rays[None], scale_factor=FINENESS, mode="bilinear", align_corners=False)[0]
    whole = torch.zeros(rays.shape[0], camera.height, camera.width, device=rays.device)
    high, across = min(wide.shape[1], camera.height), min(wide.shape[2], camera.width)
    whole[:, :high, :across] = wide[:, :high, :across]
    return whole
