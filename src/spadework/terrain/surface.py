"""Surface: all that the pixels show of the ground and its plants, whatever the style.

H x W supersampled pixels, N x C grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.classes import Land
from spadework.terrain.cover import Cover
from spadework.terrain.forest import Drawn, Plants
from spadework.terrain.noise import Noise
from spadework.terrain.relief import Relief
from spadework.terrain.visibility import Seen

FAR_ROCK = 700.0
"""Rock beyond this depth is mountain."""
AREAS = (Land.ROCK, Land.SNOW, Land.GRASS, Land.FLOWERS, Land.TREE, Land.SAND)
"""Classes of which each pixel takes its neighbourhood's most frequent."""


@dataclass
class Surface:
    """What each pixel shows; [H, W] unless said otherwise."""

    sky: Tensor
    """bool"""
    land: Tensor
    """int64 classes; SKY at the sky."""
    x: Tensor
    y: Tensor
    """Height above the water."""
    z: Tensor
    east: Tensor
    """Normal vector over its upward part: (east, 1, north)."""
    north: Tensor
    open: Tensor
    """0..1: share of the sky that is not hidden by what stands around."""
    canopy: Tensor
    """Height of the forest there, metres."""
    crown: Tensor
    blades: Tensor
    """Height of the grass in shares of the scene's, faded where too far to be seen."""
    depth: Tensor
    """Of the water, metres; negative on land."""
    to_sea: Tensor | None
    plant: Tensor
    """Index of the plant, -1 where there is none."""
    texel: Tensor
    """[H, W, 8] uint8: its texel."""
    own: Tensor
    """0..1: the plant's own number."""
    needles: Tensor
    """bool: a conifer."""
    flipped: Tensor
    """bool: a plant's mirror image."""
    casters: Tensor
    """[N, C] heights that throw shadows."""
    patches: Tensor
    """[3, H, W] noise of large, middle and small patches, about -1..1."""
    bumps: Tensor
    """[2, H, W] slopes of small unevenness along x and z."""
    rock_bumps: Tensor
    """[2, H, W] and of rock faces."""


def build_surface(
    seen: Seen, relief: Relief, cover: Cover, casters: Tensor, eye: float, camera: Camera, noise: Noise
) -> Surface:
    """The ground as the pixels show it, without plants."""

    def at(grid: Tensor) -> Tensor:
        return grid[seen.row, seen.column]

    z = seen.z
    x = camera.across * z
    land = torch.where(seen.sky, Land.SKY, at(cover.land).long())
    land = _cleaned(land, seen, z, cover.plants_to)
    wet = (land == Land.WATER) | (land == Land.SEA)
    y = torch.where(wet, 0.0, eye + camera.up * z)
    east, north = _normals(x, z, land, cover, camera)
    sheared = (x + 0.57 * y, z + 0.83 * y)  # so that patches do not run straight down steep faces
    return Surface(
        sky=seen.sky,
        land=land,
        x=x,
        y=y,
        z=z,
        east=east,
        north=north,
        open=_openness(x, y, z, casters, camera),
        canopy=at(cover.canopy),
        crown=at(cover.crown),
        blades=at(cover.blades),
        depth=-at(cover.ground),
        to_sea=None if relief.to_sea is None else at(relief.to_sea),
        plant=torch.full_like(seen.row, -1),
        texel=torch.zeros(*z.shape, 8, dtype=torch.uint8, device=z.device),
        own=torch.zeros_like(z),
        needles=torch.zeros_like(seen.sky),
        flipped=torch.zeros_like(seen.sky),
        casters=casters,
        patches=_patches(*sheared, z, camera, noise),
        bumps=_bumps("bump", (14.0, 4.0, 1.2, 0.35, 0.1), *sheared, z, camera, noise),
        rock_bumps=_bumps("rock bump", (150.0, 60.0, 28.0, 9.0), *sheared, z, camera, noise),
    )


def add_plants(surface: Surface, drawn: Drawn, plants: Plants, eye: float, camera: Camera) -> None:
    """Put the plants' pixels over the ground's."""
    there = drawn.plant >= 0
    which = drawn.plant[there]
    surface.plant, surface.texel = drawn.plant, drawn.texel
    surface.z = drawn.z
    surface.x = torch.where(there, camera.across * drawn.z, surface.x)
    surface.y = torch.where(there, eye + camera.up * drawn.z, surface.y)
    surface.land[there] = torch.where(plants.is_bush[which], Land.BUSH, Land.TREE).long()
    surface.own[there] = plants.own[which]
    surface.needles[there], surface.flipped[there] = plants.needles[which], plants.flipped[which]
    surface.sky = surface.sky & ~there
    surface.open = torch.where(there, surface.open.clamp(min=0.75), surface.open)


def _cleaned(land: Tensor, seen: Seen, z: Tensor, plants_to: float) -> Tensor:
    """Each pixel's area becomes the most frequent one of the 9 x 9 around; water and paths keep their shape."""
    near_forest = (land == Land.TREE) & (z < plants_to)
    loose = ~(seen.sky | (land == Land.WATER) | (land == Land.SEA) | (land == Land.PATH) | near_forest)
    shares = torch.stack([((land == area) & ~seen.sky).float() for area in AREAS])[:, None]
    shares = F.avg_pool2d(F.avg_pool2d(shares, (1, 9), 1, (0, 4)), (9, 1), 1, (4, 0))[:, 0]
    most, index = shares.max(dim=0)
    cleaned = torch.where(loose & (most > 0.1), torch.tensor(AREAS, device=land.device)[index], land)
    return torch.where((cleaned == Land.ROCK) & (z > FAR_ROCK), Land.MOUNTAIN, cleaned)


def _normals(x: Tensor, z: Tensor, land: Tensor, cover: Cover, camera: Camera) -> tuple[Tensor, Tensor]:
    """Slopes of the ground, and of the canopy where that is what is seen; by differences over about a pixel."""
    ratio = float(camera.log_z[1] - camera.log_z[0])
    dx = (1.3 * z / camera.focal).clamp(min=0.06)
    dz = torch.maximum(dx, 1.2 * ratio * z)
    grids = torch.stack([cover.ground, cover.top])
    across = camera.read(grids, x + dx, z) - camera.read(grids, x - dx, z)
    along = camera.read(grids, x, z + dz) - camera.read(grids, x, z - dz)
    forest = land == Land.TREE
    east = torch.where(forest, 0.8 * across[1], across[0]) / (-2 * dx)
    north = torch.where(forest, 0.8 * along[1], along[0]) / (-2 * dz)
    return east, north


def _openness(x: Tensor, y: Tensor, z: Tensor, casters: Tensor, camera: Camera) -> Tensor:
    """Three rings of four points around: what rises above the pixel hides sky."""
    hidden = torch.zeros_like(x)
    for radius in (2.0, 6.0, 18.0):
        reach = torch.maximum(1.5 * radius * z / camera.focal, torch.full_like(z, 0.15 * radius))
        for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            high = camera.read(casters[None], x + dx * reach, z + dz * reach)[0]
            hidden += ((high - y) / reach).clamp(0, 1.5) / 4
    return 0.2 + 0.8 * torch.exp(-0.55 * hidden)


def _patches(x: Tensor, z_sheared: Tensor, z: Tensor, camera: Camera, noise: Noise) -> Tensor:
    sizes = (
        ((300.0, 0.5), (70.0, 0.5)),
        ((20.0, 0.5), (6.0, 0.4), (2.0, 0.3)),
        ((0.7, 0.5), (0.25, 0.4), (0.08, 0.4)),
    )
    patches = torch.zeros(3, *x.shape, device=x.device)
    for i, octaves in enumerate(sizes):
        for wavelength, amplitude in octaves:
            waves = noise(f"patch/{wavelength}", x, z_sheared, wavelength)
            patches[i] += amplitude * camera.sharpness(wavelength * 1.3, z) * waves
    return patches


def _bumps(
    name: str, wavelengths: tuple[float, ...], x: Tensor, z_sheared: Tensor, z: Tensor, camera: Camera, noise: Noise
) -> Tensor:
    """Slopes as if the ground had waves of each length, about as steep each."""
    bumps = torch.zeros(2, *x.shape, device=x.device)
    for wavelength in wavelengths:
        _, east, north = noise.with_slope(f"{name}/{wavelength}", x, z_sheared, wavelength)
        sharp = camera.sharpness(wavelength * 1.3, z) * (0.5 / (2 * math.pi))
        bumps[0] += sharp * east
        bumps[1] += sharp * north
    return bumps
