"""Colour of the ground and its plants: how much light each pixel throws back, linear RGB [3, H, W]."""

from __future__ import annotations

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.classes import Land
from spadework.terrain.noise import lookup, smooth, white_tile
from spadework.terrain.scattered import boulder_tile
from spadework.terrain.scene import Scene
from spadework.terrain.style import Style
from spadework.terrain.surface import Surface

Rgb = tuple[float, float, float]

GRASS: dict[str, tuple[Rgb, Rgb]] = {
    "spring": ((0.052, 0.078, 0.024), (0.138, 0.160, 0.056)),
    "summer": ((0.052, 0.066, 0.022), (0.140, 0.136, 0.056)),
    "dry": ((0.150, 0.120, 0.052), (0.330, 0.260, 0.120)),
    "autumn": ((0.090, 0.080, 0.030), (0.220, 0.165, 0.065)),
}
LEAVES: dict[str, Rgb] = {
    "spring": (0.080, 0.120, 0.028),
    "summer": (0.045, 0.072, 0.020),
    "dry": (0.065, 0.075, 0.028),
    "autumn": (0.075, 0.085, 0.022),
}
NEEDLES: Rgb = (0.050, 0.068, 0.033)
TURNED: tuple[Rgb, Rgb] = ((0.280, 0.170, 0.025), (0.260, 0.065, 0.014))
ROCK: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.110, 0.105, 0.102), (0.250, 0.242, 0.230)),
    ((0.135, 0.108, 0.085), (0.285, 0.230, 0.180)),
    ((0.090, 0.090, 0.090), (0.215, 0.212, 0.210)),
    ((0.180, 0.170, 0.152), (0.340, 0.325, 0.298)),
)
DESERT_ROCK: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.200, 0.130, 0.085), (0.420, 0.290, 0.190)),
    ((0.230, 0.105, 0.055), (0.430, 0.220, 0.125)),
    ((0.130, 0.105, 0.085), (0.280, 0.230, 0.185)),
    ((0.260, 0.205, 0.145), (0.480, 0.400, 0.300)),
)
SAND: tuple[Rgb, Rgb] = ((0.340, 0.275, 0.190), (0.500, 0.420, 0.310))
DESERT_SAND: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.400, 0.265, 0.140), (0.560, 0.390, 0.220)),
    ((0.420, 0.220, 0.095), (0.570, 0.320, 0.150)),
    ((0.360, 0.285, 0.190), (0.520, 0.430, 0.300)),
    ((0.440, 0.350, 0.230), (0.600, 0.490, 0.340)),
)
PATH: tuple[Rgb, Rgb] = ((0.140, 0.108, 0.078), (0.290, 0.238, 0.178))
SNOW: Rgb = (0.86, 0.88, 0.91)
BARK: Rgb = (0.085, 0.068, 0.054)
FRESH: Rgb = (0.90, 1.30, 0.40)
BLOOM: tuple[Rgb, ...] = (
    (0.75, 0.55, 0.03),
    (0.80, 0.78, 0.72),
    (0.55, 0.06, 0.04),
    (0.30, 0.12, 0.45),
    (0.60, 0.22, 0.36),
)


def albedo(surface: Surface, scene: Scene, style: Style, camera: Camera) -> Tensor:
    """Every pixel's, by what it shows."""
    large, middle, small = surface.patches
    mixed = 0.5 + 0.2 * large + 0.22 * middle + 0.2 * small
    grass = _grass(surface, scene, style, camera)
    kinds = {
        Land.GRASS: grass,
        Land.FLOWERS: _flowers(grass, surface, style, camera),
        Land.SNOW: _rgb(SNOW, surface) * (1 + 0.03 * middle + 0.02 * small),
        Land.SAND: _sand(surface, scene, style, camera),
        Land.PATH: _path(surface, scene, style),
        Land.TREE: _canopy(surface, scene, style),
    }
    rock = _rock(surface, scene, style)
    color = torch.where((surface.land == Land.ROCK) | (surface.land == Land.MOUNTAIN), rock, _between(*PATH, mixed))
    for kind, own in kinds.items():
        color = torch.where(surface.land == kind, own, color)
    return torch.where(surface.plant >= 0, _plants(surface, scene, style), color).clamp(0.005, 0.95)


def _rgb(color: Rgb, surface: Surface) -> Tensor:
    return torch.tensor(color, device=surface.z.device)[:, None, None]


def _between(dark: Rgb, light: Rgb, share: Tensor) -> Tensor:
    low, high = (torch.tensor(color, device=share.device)[:, None, None] for color in (dark, light))
    return torch.lerp(low, high, share.clamp(0, 1.2))


def _grass(surface: Surface, scene: Scene, style: Style, camera: Camera) -> Tensor:
    """Dark between the blades, light at their tips, where blades can be seen."""
    large, middle, small = surface.patches
    color = _between(*GRASS[style.season], 0.48 + 0.32 * large + 0.26 * middle + 0.16 * small)
    near = camera.sharpness(0.3, surface.z)
    return color * (0.68 + near * (0.75 * surface.blades.clamp(0, 1.3) - 0.30))


def _flowers(grass: Tensor, surface: Surface, style: Style, camera: Camera) -> Tensor:
    """Heads of two colours over fresh grass: single ones near, a shimmer far away."""
    one = _rgb(BLOOM[style.bloom], surface)
    two = _rgb(BLOOM[(style.bloom + 1) % len(BLOOM)], surface)
    color = torch.lerp(grass, grass.mean(0) * _rgb(FRESH, surface), 0.5)
    for size, share in ((0.9, 0.17), (0.35, 0.36)):
        white = lookup(white_tile(grass.device), surface.x * size * 2.2 / 8, surface.z * size * 1.5 / 8)
        sharp = ((0.055 / size * camera.focal / surface.z) / 1.2).clamp(0.0, 1)
        heads = smooth(1 - share * 1.2, 1 - share * 0.8, white[0])
        dense = torch.lerp(torch.full_like(heads, share), heads, sharp) * (0.8 + 0.2 * surface.patches[1]).clamp(0.4, 1)
        color = torch.lerp(color, torch.where(white[1] > 0.8, two, one), (1.1 * dense).clamp(max=0.9))
    return color


def _rock(surface: Surface, scene: Scene, style: Style) -> Tensor:
    """Layers and stains."""
    large, middle, small = surface.patches
    kinds = DESERT_ROCK if scene.desert else ROCK
    layers = torch.sin(surface.y * 0.21 + 2.5 * large) * (surface.z < 6000) + 0.6 * torch.sin(
        surface.y * 0.9 + 4 * middle
    )
    strength = 0.16 if scene.desert else 0.07
    far = smooth(200.0, 900.0, surface.z)
    return _between(*kinds[style.rock], 0.5 + strength * layers * far + 0.24 * large + 0.22 * middle + 0.2 * small)


def _sand(surface: Surface, scene: Scene, style: Style, camera: Camera) -> Tensor:
    """Dark where it is wet."""
    large, middle, small = surface.patches
    share = 0.5 + 0.12 * large + 0.10 * middle + 0.12 * small
    if scene.desert:
        return _between(*DESERT_SAND[style.rock], share)
    dry = smooth(0.05, 0.45, surface.y)
    color = _between(*SAND, share)
    if scene.river or scene.lake:  # gravel
        pebbles = lookup(boulder_tile(share.device), surface.x / 9, surface.z / 9)[0]
        near = (0.35 * camera.focal / surface.z / 3).clamp(0, 1)
        share = share - 0.1 + 0.15 * middle + near * (0.9 * pebbles - 0.3).clamp(-0.3, 0.5)
        color = torch.lerp(color, _between(*ROCK[style.rock], share), 0.75)
    return color * (0.5 + 0.5 * dry)


def _path(surface: Surface, scene: Scene, style: Style) -> Tensor:
    """Trodden earth; in winter trodden snow, in the desert trodden sand."""
    large, middle, small = surface.patches
    share = 0.5 + 0.15 * large + 0.25 * middle + 0.35 * small
    earth = _between(*PATH, share)
    if scene.winter:
        return torch.lerp(earth, _rgb((0.66, 0.67, 0.70), surface), (0.66 + 0.22 * middle + 0.2 * small).clamp(0, 0.95))
    return torch.lerp(earth, _between(*DESERT_SAND[style.rock], share), 0.6) if scene.desert else earth


def _canopy(surface: Surface, scene: Scene, style: Style) -> Tensor:
    """The forest from afar: a colour per crown, dark in the gaps."""
    own = surface.crown
    if scene.conifers > 0.5:
        color = _rgb(NEEDLES, surface) * (0.7 + 0.6 * own + 0.15 * surface.patches[0])
    elif scene.bare:
        color = _rgb((0.10, 0.085, 0.072), surface) * (0.7 + 0.6 * own)
    else:
        color = _leaves(surface, style, own)
    if scene.winter:
        up = torch.rsqrt(1 + surface.east**2 + surface.north**2)
        lies = smooth(0.3, 1.15, up + 0.3 * surface.patches[2] + 0.5 * own) * style.snow
        color = torch.lerp(color, _rgb((0.75, 0.78, 0.83), surface), 0.75 * lies)
    gaps = smooth(0.0, 0.55, (surface.canopy / 15).clamp(0, 1))
    return color * (0.3 + 0.7 * gaps)


def _leaves(surface: Surface, style: Style, own: Tensor) -> Tensor:
    """Green, or each tree at another stage of autumn."""
    green = _rgb(LEAVES[style.season], surface) * (0.72 + 0.56 * own)
    if style.season != "autumn":
        return green
    stage = own + 0.25 * surface.patches[0]
    yellow, red = (_rgb(color, surface) for color in TURNED)
    return torch.lerp(torch.lerp(green, yellow, smooth(0.25, 0.6, stage)), red, smooth(0.72, 1.0, stage))


def _plants(surface: Surface, scene: Scene, style: Style) -> Tensor:
    """Leaves, needles or bark; in winter snow on what lies open to the sky."""
    light = surface.texel.permute(2, 0, 1).float() / 255
    speckle = 0.8 + 0.4 * light[7]
    leaves = torch.where(
        surface.needles, _rgb(NEEDLES, surface) * (0.75 + 0.5 * surface.own), _leaves(surface, style, surface.own)
    )
    leaves = torch.where(surface.land == Land.BUSH, 0.72 * leaves, leaves)
    if scene.desert:
        leaves = torch.lerp(leaves, _rgb((0.16, 0.15, 0.09), surface), 0.7)
    color = torch.where(light[6] > 0.5, _rgb(BARK, surface) * (0.7 + 0.6 * surface.own), leaves) * speckle
    if scene.winter:
        lies = smooth(0.55, 0.95, light[3] + 0.15 * (light[7] - 0.5)) * style.snow
        color = torch.lerp(color, _rgb((0.78, 0.80, 0.85), surface), lies)
    return color
