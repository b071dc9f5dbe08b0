"""Layout: what is where in a landscape, drawn from a seed; photos of it under any style."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.classes import FIRST_OBJECT
from spadework.terrain.clouds import Clouds, build_clouds
from spadework.terrain.cover import Cover, build_cover
from spadework.terrain.dice import Dice
from spadework.terrain.forest import draw_plants, plant, shadow_casters
from spadework.terrain.kinds import draw_scene
from spadework.terrain.labels import label_pixels, number_objects
from spadework.terrain.noise import Noise
from spadework.terrain.relief import build_relief
from spadework.terrain.scene import Scene
from spadework.terrain.shade import photograph
from spadework.terrain.sprites import sprites
from spadework.terrain.style import Style
from spadework.terrain.surface import Surface, add_plants, build_surface
from spadework.terrain.visibility import look
from spadework.terrain.water import Water, find_water

FINENESS = 2
"""Pixels that are drawn along a side for each pixel of the photo."""
SMALLEST, LARGEST = 32, 2048
"""Sides of a photo."""


@dataclass
class Layout:
    """A landscape without light. `Layout.draw` makes one."""

    seed: int
    size: tuple[int, int]
    """Height and width of its pictures, pixels."""
    scene: Scene
    camera: Camera
    eye: float
    """Height of the camera above the water's level, metres."""
    surface: Surface
    clouds: Clouds
    water: Water
    fineness: int = FINENESS

    @classmethod
    def draw(
        cls, seed: int, size: tuple[int, int] = (256, 256), *, scene: Scene | None = None, device: str = "cpu"
    ) -> Layout:
        """The layout of that seed, `size` its height and width; `scene` instead of the one that the seed draws."""
        check_size(size)
        dice = Dice(seed, "layout")
        scene = scene or draw_scene(dice)
        with torch.no_grad():
            return _draw(cls, seed, size, scene, dice, torch.device(device))

    @cached_property
    def label_map(self) -> Tensor:
        """int64 [H, W]: class indices of the ontology `landscapes`."""
        with torch.no_grad():
            return label_pixels(self.surface.land, self.clouds.cover, self.fineness).cpu()

    @cached_property
    def instance_map(self) -> Tensor:
        """int64 [H, W]: an id from 1000 on for each tree and bush, the class index for everything else."""
        with torch.no_grad():
            plants = self.surface.plant.cpu()
            return number_objects(self.label_map, plants, self.fineness, FIRST_OBJECT)

    def photo(self, style: Style) -> Tensor:
        """float32 [3, H, W] in [-1, 1], on the CPU."""
        with torch.no_grad():
            return photograph(self, style).cpu()


def _draw(
    make: type[Layout], seed: int, size: tuple[int, int], scene: Scene, dice: Dice, device: torch.device
) -> Layout:
    """From the ground up to the sky."""
    camera = _camera(scene, size, device)
    noise = Noise(dice, device)
    relief = build_relief(scene, camera, noise, dice)
    cover = build_cover(scene, relief, camera, noise, dice)
    eye = _eye(scene, cover, camera)

    # Plants stand on the ground before it is looked at: their shadows fall on it.
    species = sprites(device)
    plants = plant(scene, relief, cover, camera, dice, species)
    casters = shadow_casters(plants, cover, camera)
    seen = look(cover.top, eye, camera)
    surface = build_surface(seen, relief, cover, casters, eye, camera, noise)
    ground = torch.where(surface.sky, torch.inf, surface.z)
    rough = dice.many("edges", *ground.shape).to(device)
    drawn = draw_plants(plants, species, ground, eye, camera, rough)
    add_plants(surface, drawn, plants, eye, camera)

    clouds = build_clouds(scene, camera, surface.sky, noise, dice)
    water = find_water(surface, eye, camera, noise)
    return make(seed, size, scene, camera, eye, surface, clouds, water)


def _camera(scene: Scene, size: tuple[int, int], device: torch.device) -> Camera:
    height, width = (FINENESS * side for side in size)
    focal = scene.focal * (height * width) ** 0.5
    horizon = scene.horizon * height
    nearest = max(1.2, 0.8 * scene.eye * focal / (height - horizon))
    return Camera(width, height, focal, horizon, nearest, device)


def _eye(scene: Scene, cover: Cover, camera: Camera) -> float:
    """Height of the camera: so far above the ground under it, and above what stands right before it."""
    rows = max(camera.rows_nearer(max(8.0, 2 * camera.nearest)), 1)
    middle = camera.columns // 2
    near = cover.top[:rows, middle - camera.width // 25 : middle + camera.width // 25 + 1]
    ground = 0.5 * float(near.max()) + 0.5 * float(cover.top[0, middle])
    return max(ground, 0.0) + scene.eye


def check_size(size: tuple[int, int]) -> None:
    """Raise ValueError for sides that cannot be drawn."""
    wrong = [side for side in size if not SMALLEST <= side <= LARGEST]
    if wrong:
        raise ValueError(f"size {size[0]} x {size[1]}: expected sides of {SMALLEST} to {LARGEST} pixels")
