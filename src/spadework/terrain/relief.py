"""Relief: the height of the ground at every point of the grid, and where its lines run.

All tensors are [N, C] over the camera's grid. Heights are metres above the water's level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.dice import Dice
from spadework.terrain.drainage import mountain_tile
from spadework.terrain.noise import Noise, lookup, smooth
from spadework.terrain.scene import Scene


@dataclass
class Relief:
    """The bare ground, and how far each point is from a line on it, in metres."""

    height: Tensor
    to_path: Tensor | None
    """Beyond the edge of the path; negative on it."""
    to_sea: Tensor | None
    """Beyond the shoreline; negative on land."""
    flat: Tensor
    """0..1: ground that water has smoothed, such as gravel banks."""


def build_relief(scene: Scene, camera: Camera, noise: Noise, dice: Dice) -> Relief:
    """From large to small: plain, hills, mountains, water's work, dunes, path."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    height = torch.full_like(x, scene.base)
    _add_waves(height, "near", 60.0, 4, scene.rough * 0.9, 0.48, camera, noise)
    hills = torch.zeros_like(x)
    _add_waves(hills, "hills", scene.hill_length, 6, 0.6, 0.38, camera, noise)
    grown = smooth(25, scene.hill_length * 0.9, camera.z)
    hills += 0.35 + 0.3 * noise("broad hills", x, z, scene.hill_length * 2.2)
    height += grown * scene.hill_height * hills
    if scene.mountain_height > 1:
        height += mountains(scene, camera, noise, dice)
    flat = torch.zeros_like(x)
    to_sea = None
    if scene.lake:
        height -= _lake_bed(scene, camera, noise, dice, grown)
    if scene.river:
        height, flat = _river_bed(scene, camera, noise, dice, height)
    if scene.sea:
        height, to_sea = _coast(scene, camera, noise, dice, height)
    if scene.dunes:
        height += _dune_waves(camera, noise, dice)
    to_path = None
    if scene.path:
        to_path = _path(camera, noise, dice)
        sunk = 1 - smooth(0.0, 4.0, to_path)
        height -= 0.08 * sunk
    return Relief(height, to_path, to_sea, flat)


def _add_waves(
    height: Tensor,
    name: str,
    wavelength: float,
    count: int,
    amplitude: float,
    gain: float,
    camera: Camera,
    noise: Noise,
) -> None:
    """Fractal noise, each octave only where the picture can show it."""
    for octave in range(count):
        length = wavelength * 0.5**octave
        rows = camera.visible(length)
        if rows > 1:
            z = camera.z[:rows].expand(rows, camera.columns)
            waves = noise(f"{name}/{octave}", camera.x[:rows], z, length)
            height[:rows] += amplitude * gain**octave * camera.sharpness(length, camera.z[:rows]) * waves


def mountains(scene: Scene, camera: Camera, noise: Noise, dice: Dice) -> Tensor:
    """The carved tile twice (massifs, and small valleys in their flanks), and crags on top."""
    start = scene.mountain_start
    first = camera.rows_nearer(start * 0.2 if not scene.valley else 60.0)
    x, z = camera.x[first:], camera.z[first:].expand_as(camera.x[first:])
    rise = smooth(start * 0.4, start * 2.2, z + 0.3 * start * noise("front", x, z, start))
    if scene.valley:
        side = (x / z * (2 * camera.focal / camera.width) - dice.uniform("valley side", -0.3, 0.3)).abs()
        walls = smooth(0.12, 0.8, side + 0.15 * noise("walls", x, z, 900.0)) * smooth(120, start * 1.1, z)
        rise = torch.maximum(rise * 0.8, walls)

    # Massifs and their flanks; the warp hides the tile's grid.
    length = scene.mountain_spread * scene.mountain_height
    warp = 0.006 * length
    east = x + warp * noise("warp x", x, z, 700.0) + 0.3 * warp * noise("warp x/1", x, z, 230.0)
    north = z + warp * noise("warp z", x, z, 700.0) + 0.3 * warp * noise("warp z/1", x, z, 230.0)
    height = _massif("massif", east, north, length, dice)
    height = height + 0.06 * _massif("flank", east, north, length / 4.7, dice) * (0.25 + height)

    # Crags: ridged noise, stronger higher up.
    for octave, wavelength in enumerate((420.0, 190.0, 85.0, 38.0, 17.0)):
        rows = camera.visible(wavelength) - first
        if rows > 1:
            crag = 1 - noise(f"crags/{octave}", east[:rows], north[:rows], wavelength).abs()
            faded = camera.sharpness(wavelength, camera.z[first : first + rows])
            height[:rows] += (0.010 * 0.45**octave) * faded * crag * (0.25 + height[:rows])
    whole = torch.zeros_like(camera.x)
    whole[first:] = scene.mountain_height * rise * (1.15 * height + 0.05)
    return whole


def _massif(name: str, x: Tensor, z: Tensor, length: float, dice: Dice) -> Tensor:
    """0..1: the carved tile at a place and angle of its own."""
    angle, u0, v0 = dice.many(f"{name} place", 3).tolist()
    cosine, sine = math.cos(2 * math.pi * angle) / length, math.sin(2 * math.pi * angle) / length
    mirror = -1 if dice.chance(f"{name} mirrored", 0.5) else 1
    return lookup(mountain_tile(x.device), mirror * (cosine * x - sine * z) + u0, sine * x + cosine * z + v0)[0]


def _lake_bed(scene: Scene, camera: Camera, noise: Noise, dice: Dice, grown: Tensor) -> Tensor:
    """How much deeper the ground lies: a smooth basin."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    near = dice.uniform("lake near", 8, 50) + scene.eye * 3
    far = dice.uniform("lake far", 250, 1400) + scene.eye * 10
    begins = z + 0.35 * near * noise("near shore", x, z, 80.0) + dice.uniform("lake turn", -0.4, 0.4) * x
    ends = z + 0.25 * far * noise("far shore", x, z, 400.0)
    basin = smooth(near, near * 2.2, begins) * (1 - smooth(far * 0.7, far * 1.5, ends))
    return basin * (scene.base + 4 + grown * scene.hill_height * 0.9)


def _winding(
    name: str, camera: Camera, dice: Dice, lengths: tuple[float, ...], swing: float, turn: float
) -> tuple[Tensor, Tensor]:
    """A line x = c(z) away from the camera, a sum of three sines, and dc/dz; both [N, 1]."""
    z = camera.z
    centre = dice.uniform(f"{name} start", -1, 1) * swing + dice.uniform(f"{name} turn", -turn, turn) * z
    for i, length in enumerate(lengths):
        amplitude = dice.uniform(f"{name} swing/{i}", 0.08, 0.22) * length
        phase = dice.uniform(f"{name} phase/{i}", 0, 2 * math.pi)
        wave = torch.sin(2 * math.pi * z / length + phase) - math.sin(phase)
        centre = centre + amplitude * wave * smooth(0, length, z)
    slope = torch.gradient(centre[:, 0], spacing=(z[:, 0],))[0][:, None]
    return centre, slope


def _river_bed(scene: Scene, camera: Camera, noise: Noise, dice: Dice, height: Tensor) -> tuple[Tensor, Tensor]:
    """A bed with gentle banks, on a flat valley floor."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    centre, slope = _winding("river", camera, dice, (90.0, 320.0, 1300.0), scene.eye * 3 + 8, 0.3)
    width = dice.uniform("river width", 4, 13) + scene.eye * 0.5
    distance = (x - centre).abs() / torch.sqrt(1 + slope**2)
    edge = noise("river edge", x, z, 26.0) * 1.5 + noise("river edge/1", x, z, 7.0) * 0.4
    beyond = distance - width + edge
    bank = torch.where(beyond > 0, 0.02 + 0.055 * beyond, 0.16 * beyond).clamp(min=-2.5)
    ends = smooth(1500, 4000, z)
    floor = torch.minimum(height, bank + (height - bank).clamp(min=0) * smooth(3, 60, beyond))
    floor = floor + 0.05 * noise("gravel", x, z, 9.0) * smooth(0, 3, beyond) * camera.sharpness(9.0, camera.z)
    return torch.lerp(floor, height.clamp(min=0.5), ends), (1 - smooth(0, 14, beyond)) * (1 - ends)


def _coast(scene: Scene, camera: Camera, noise: Noise, dice: Dice, height: Tensor) -> tuple[Tensor, Tensor]:
    """Ground that falls below the sea past a shoreline; sometimes land again across a bay."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    angle = dice.uniform("shore angle", -1.25, 1.25)
    start = dice.uniform("shore start", 4, 40) + scene.eye * 2
    to_sea = z * math.cos(angle) + x * math.sin(angle) - start
    to_sea = to_sea + 0.35 * start * noise("shore", x, z, 120.0) + 1.2 * noise("shore/2", x, z, 18.0)
    to_sea = to_sea + 60 * noise("shore/1", x, z, 600.0) * smooth(80, 500, z)
    beach = -0.055 * to_sea
    if scene.cliffs:
        steep = 3 + 5 * noise("cliff foot", x, z, 35.0).abs()
        land = torch.where(to_sea < -steep, height, beach.clamp(max=0.8))
        near = torch.where(to_sea < -steep - 3, land, torch.lerp(beach, height, smooth(0.2, 1, -to_sea / (steep + 3))))
    else:
        near = torch.where(to_sea > -45, torch.minimum(height, beach), height)
    near = near.clamp(min=-9.0)
    if dice.chance("bay", 0.55):
        across = smooth(700, 3500, to_sea + 2500 * noise("bay", x, z, 5000.0))
        near = torch.where(to_sea > 200, torch.lerp(near, height - 6, across), near)
    return near, to_sea


def _dune_waves(camera: Camera, noise: Noise, dice: Dice) -> Tensor:
    """Crests with a long windward and a short lee side, several sizes."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    total = torch.zeros_like(x)
    angle = dice.uniform("wind", -0.9, 0.9)
    for i, (low, high) in enumerate(((90, 260), (25, 50))):
        length = dice.uniform(f"dune length/{i}", low, high)
        wander = noise(f"dunes/{i}", x, z, length * 1.7) * 0.4 + noise(f"dunes wide/{i}", x, z, length * 4) * 0.8
        phase = (x * math.sin(angle) + z * math.cos(angle)) / length + wander
        share = phase - phase.floor()
        profile = torch.where(share < 0.70, (share / 0.70) ** 1.5, (1 - share) / 0.30)
        swell = (0.6 + 0.4 * noise(f"dune swell/{i}", x, z, length * 3)).clamp(0.05, 1.3)
        total += (0.12 if i == 0 else 0.045) * length * profile * swell * camera.sharpness(length, camera.z)
        angle += 0.35
    return total * smooth(3, 45, camera.z)


def _path(camera: Camera, noise: Noise, dice: Dice) -> Tensor:
    """Metres beyond the edge of a winding path, negative on it; it ends somewhere."""
    x, z = camera.x, camera.z.expand_as(camera.x)
    centre, slope = _winding("path", camera, dice, (38.0, 120.0, 550.0), 3.5, 0.35)
    half = dice.uniform("path width", 0.7, 1.7)
    edge = 0.10 * noise("path edge", x, z, 3.0) * camera.sharpness(3.0, camera.z)
    ends = dice.uniform("path end", 200, 900)
    return (x - centre).abs() / torch.sqrt(1 + slope**2) - half + edge + smooth(ends * 0.8, ends, z) * 50
