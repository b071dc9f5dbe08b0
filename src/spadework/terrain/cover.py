"""Cover: what the ground is made of, and what stands on it too small or too far to be a plant of its own.

All tensors are [N, C] over the camera's grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.classes import Land
from spadework.terrain.dice import Dice
from spadework.terrain.noise import Noise, lookup, smooth, white_tile
from spadework.terrain.relief import Relief
from spadework.terrain.scattered import BOULDERS, CANOPY, boulder_tile, canopy_tile
from spadework.terrain.scene import NEVER, Scene

GROWN = 15.0
"""Height of a grown forest, metres."""


@dataclass
class Cover:
    """What covers the ground."""

    land: Tensor
    """uint8: classes."""
    ground: Tensor
    """Height with boulders, without plants."""
    top: Tensor
    """Height with grass and, far away, the forest's canopy."""
    canopy: Tensor
    """Height of the forest above the ground, also where its trees are drawn one by one."""
    forest: Tensor
    """bool: where trees grow."""
    blades: Tensor
    """Height of the grass in shares of the scene's."""
    crown: Tensor
    """0..1: one number per crown of the canopy."""
    plants_to: float
    """Up to this depth trees are drawn one by one."""


def build_cover(scene: Scene, relief: Relief, camera: Camera, noise: Noise, dice: Dice) -> Cover:
    """Materials, later ones over earlier ones; then what they add to the height."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    height = relief.height
    slope = _slope(height, camera)
    broad = 0.6 * noise("cover", x, z, 900.0) + 0.5 * noise("cover/1", x, z, 220.0)
    fine = torch.zeros_like(x)
    for octave, wavelength in enumerate((60.0, 25.0, 10.0, 4.0)):
        rows = camera.visible(wavelength)
        waves = noise(f"fine/{octave}", x[:rows], z[:rows], wavelength)
        fine[:rows] += 0.5 * camera.sharpness(wavelength, camera.z[:rows]) * waves

    land = torch.full_like(x, Land.SAND if scene.desert else Land.GRASS, dtype=torch.uint8)
    off_path = torch.ones_like(land, dtype=torch.bool) if relief.to_path is None else relief.to_path > 1.5
    forest = (0.9 * broad + 0.15 * fine + scene.forest > 0.55) & (slope < 1.05 * scene.rock_slope + 0.1 * fine)
    forest &= (height < scene.tree_line + 120 * broad + 60 * fine) & (height > 1.2) & off_path & (relief.flat < 0.3)
    forest &= z > max(scene.nearest_tree, scene.eye * 1.5)
    land[forest] = Land.TREE
    _bare_ground(land, scene, height, slope, broad, fine)
    if not scene.desert and scene.flowers > 0:
        patches = noise("flowers", x, z, 30.0) + 0.7 * noise("flowers/1", x, z, 9.0)
        land[(land == Land.GRASS) & (patches > 1.2 - 2.4 * scene.flowers) & (z < 220) & (relief.flat < 0.2)] = (
            Land.FLOWERS
        )
    if relief.to_path is not None:
        land[(relief.to_path < 0) & (height > 0.1) & (land != Land.ROCK)] = Land.PATH
    low = height < scene.beach * (1 + 0.35 * broad + 0.12 * fine)
    shore = low & (slope < 0.5) & (z < 3000) & (height < 4)
    land[shore] = Land.SNOW if scene.winter else Land.SAND
    if scene.river and not scene.winter:
        land[(relief.flat > 0.45 + 0.25 * fine) & (land != Land.TREE)] = Land.SAND
    forest &= land == Land.TREE

    ground, land = _boulders(scene, relief, height, land, camera, noise)
    ground = ground + _crags(land, slope, scene, camera, noise)
    water = height <= 0
    land[water] = Land.WATER
    if relief.to_sea is not None:
        land[water & (relief.to_sea > -20)] = Land.SEA
    forest &= ~water
    blades = _blades(scene, relief, camera, noise)
    grown = torch.where((land == Land.GRASS) | (land == Land.FLOWERS), scene.grass * blades, 0.0)
    canopy, crown = _canopy(scene, forest, broad, camera, noise)
    plants_to = min(max(340.0, scene.eye * 5), 620.0)
    far = smooth(0.62 * plants_to, 0.95 * plants_to, camera.z)
    top = torch.where(water, torch.zeros_like(ground), ground + grown + canopy * far)
    return Cover(land, ground, top, canopy, forest, blades, crown, plants_to)


def _slope(height: Tensor, camera: Camera) -> Tensor:
    """Steepness of the ground, rise over run."""
    x, z = camera.x, camera.z
    along, across = torch.zeros_like(height), torch.zeros_like(height)
    along[1:-1] = (height[2:] - height[:-2]) / (z[2:] - z[:-2])
    across[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / (x[:, 2:] - x[:, :-2])
    along -= x / z * across  # along a column x grows with z
    return torch.sqrt(along**2 + across**2)


def _bare_ground(land: Tensor, scene: Scene, height: Tensor, slope: Tensor, broad: Tensor, fine: Tensor) -> None:
    """Rock where it is steep or high, snow where it is high and not too steep."""
    steep = scene.rock_slope
    if scene.desert:
        stony = (slope + 0.12 * fine > (0.75 if scene.dunes else steep)) & (height > (40 if scene.dunes else 8))
        land[stony] = Land.ROCK
        return
    land[slope + 0.12 * fine > steep] = Land.ROCK
    land[(height > scene.tree_line + 250 + 150 * broad) & (slope + 0.25 * fine > 0.55 * steep)] = Land.ROCK
    land[height > scene.tree_line + 500 + 200 * broad + 80 * fine] = Land.ROCK
    if scene.snow_line >= NEVER:
        return
    if scene.winter:
        snow = (slope * 0.8 + 0.2 * fine < 1.0) & (land != Land.TREE)
    else:
        above = height - scene.snow_line
        ragged = min(1.0, scene.snow_line / 420) * (130 * broad + 70 * fine)
        snow = (above > ragged) & (slope + 0.3 * fine < 0.75 + 0.9 * smooth(0.0, 700.0, above)) & (land != Land.TREE)
    land[snow] = Land.SNOW


def _boulders(
    scene: Scene, relief: Relief, height: Tensor, land: Tensor, camera: Camera, noise: Noise
) -> tuple[Tensor, Tensor]:
    if scene.boulders <= 0:
        return height, land
    rows = camera.rows_nearer(320.0)
    x, z = camera.x[:rows], camera.z[:rows].expand(rows, camera.columns)
    stones = lookup(boulder_tile(x.device), x / BOULDERS, z / BOULDERS)[0]
    lonely = smooth(0.75 - 0.6 * scene.boulders, 1 - 0.4 * scene.boulders, 0.5 + 0.5 * noise("boulders", x, z, 35.0))
    stones = stones * lonely
    if relief.to_path is not None:
        stones = stones * smooth(0.0, 1.0, relief.to_path[:rows])
    for octave, (wavelength, amplitude) in enumerate(((0.8, 0.10), (0.3, 0.05), (0.12, 0.02))):
        waves = noise(f"stone/{octave}", x, z, wavelength) * camera.sharpness(wavelength, camera.z[:rows])
        stones = stones + amplitude * waves * (stones > 0.1)
    there = (stones > 0.2) & (land[:rows] != Land.TREE) & (height[:rows] > 0.1)
    ground, land = height.clone(), land.clone()
    ground[:rows] += torch.where(there, stones - 0.12, torch.zeros_like(stones))
    land[:rows][there] = Land.ROCK
    return ground, land


def _crags(land: Tensor, slope: Tensor, scene: Scene, camera: Camera, noise: Noise) -> Tensor:
    """Roughness of rock faces nearer than a few kilometres."""
    rough = torch.zeros_like(slope)
    for octave, (wavelength, amplitude) in enumerate(((16.0, 1.1), (6.0, 0.5), (2.4, 0.22), (1.0, 0.09))):
        rows = camera.visible(wavelength)
        z = camera.z[:rows].expand(rows, camera.columns)
        waves = noise(f"crag/{octave}", camera.x[:rows], z, wavelength)
        rough[:rows] += amplitude * camera.sharpness(wavelength, camera.z[:rows]) * waves
    steep = smooth(scene.rock_slope - 0.15, scene.rock_slope + 0.5, slope)
    return torch.where(land == Land.ROCK, rough.abs() * steep * smooth(20, 120, camera.z), torch.zeros_like(rough))


def _blades(scene: Scene, relief: Relief, camera: Camera, noise: Noise) -> Tensor:
    """Grass in tufts, and near the camera blade by blade; shorter beside a path."""
    tufts = torch.zeros_like(camera.x)
    for octave, (wavelength, amplitude) in enumerate(((2.2, 0.5), (0.8, 0.45), (0.3, 0.35))):
        rows = camera.visible(wavelength)
        z = camera.z[:rows].expand(rows, camera.columns)
        waves = noise(f"tufts/{octave}", camera.x[:rows], z, wavelength)
        tufts[:rows] += amplitude * camera.sharpness(wavelength, camera.z[:rows]) * waves
    blades = 0.6 * (0.5 + 0.5 * tufts).clamp(0.05, 2) * camera.sharpness(0.3, camera.z)
    rows = camera.visible(0.12)
    if rows > 1:
        x, z = camera.x[:rows], camera.z[:rows].expand(rows, camera.columns)
        white = lookup(white_tile(x.device)[:1], x / 9, z / 9)[0] ** 1.6
        blades[:rows] += white * (0.5 + 0.5 * tufts[:rows]).clamp(0.1, 2) * camera.sharpness(0.06, camera.z[:rows])
    return blades if relief.to_path is None else blades * smooth(-0.1, 1.2, relief.to_path)


def _canopy(scene: Scene, forest: Tensor, broad: Tensor, camera: Camera, noise: Noise) -> tuple[Tensor, Tensor]:
    """Crowns where they can be told apart, their mean height beyond."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    crowns = lookup(canopy_tile(x.device, scene.conifers > 0.5), x / CANOPY, z / CANOPY)
    fine = camera.sharpness(4.5, camera.z)
    mean = 0.5 + 0.2 * noise("canopy", x, z, 40.0) + 0.14 * noise("canopy/1", x, z, 14.0)
    high = GROWN * (crowns[0] * fine + mean * (1 - fine)) * (0.8 + 0.3 * broad.clamp(-1, 1))
    return torch.where(forest, high.clamp(min=0), torch.zeros_like(high)), crowns[1]
