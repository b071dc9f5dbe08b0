"""Forest: where plants stand, and which pixels show them.

P plants, F fragments (a pixel that a plant may cover), H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.terrain.camera import Camera
from spadework.terrain.classes import Land
from spadework.terrain.cover import Cover
from spadework.terrain.dice import Dice
from spadework.terrain.relief import Relief
from spadework.terrain.scene import Scene
from spadework.terrain.sprites import SIZES, TALL, Sprites

FRAGMENTS = 1 << 20
"""Fragments looked at in one go: this bounds the memory."""
WIDTH = {"spruce": 0.17, "pine": 0.2, "broadleaf": 0.36, "bare": 0.3, "bush": 0.5, "bare bush": 0.45}
"""Radius of the shadow that a species throws, in its heights."""


@dataclass
class Plants:
    """Plants of one layout, [P] each, nearest first."""

    sprite: Tensor
    x: Tensor
    z: Tensor
    foot: Tensor
    """Height of the ground where it stands, metres."""
    height: Tensor
    """Metres."""
    flipped: Tensor
    own: Tensor
    """0..1: a number of each plant's own."""
    radius: Tensor
    """Of its shadow, metres."""
    is_bush: Tensor
    needles: Tensor
    """bool: a conifer."""


@dataclass
class Drawn:
    """The pixels that show plants, [H, W]."""

    plant: Tensor
    """Index of the plant, -1 where there is none."""
    texel: Tensor
    """[H, W, 8] uint8; see sprites.py."""
    z: Tensor
    """Depth with plants."""


def plant(scene: Scene, relief: Relief, cover: Cover, camera: Camera, dice: Dice, species: Sprites) -> Plants:
    """Trees in the forest, lone trees in groups, bushes."""
    spots = [_in_forest(scene, cover, camera, dice), _lone_trees(scene, camera, dice), _bushes(scene, camera, dice)]
    x, z = (torch.cat([spot[i] for spot in spots]).to(camera.device) for i in (0, 1))
    kind = torch.cat([torch.full((len(spot[0]),), i) for i, spot in enumerate(spots)]).to(camera.device)
    row, column = camera.cell(x, z)
    ground, land = cover.ground[row, column], cover.land[row, column]
    grassy = (land == Land.GRASS) | (land == Land.SNOW) | (land == Land.FLOWERS) | (land == Land.TREE)
    sandy = (land == Land.SAND) & (ground > 0.8) if scene.desert or scene.sea else torch.zeros_like(grassy)
    off_path = torch.ones_like(grassy) if relief.to_path is None else relief.to_path[row, column] > 1.0
    fits = torch.where(kind == 0, cover.forest[row, column], torch.where(kind == 1, grassy, grassy | sandy))
    fits &= (
        (z > camera.nearest)
        & off_path
        & (ground > 0.25)
        & ((ground < scene.tree_line) | (kind == 2))
        & (relief.flat[row, column] < 0.5)
    )
    return _grown(scene, fits, kind, x, z, ground, dice, species)


def _grown(
    scene: Scene, fits: Tensor, kind: Tensor, x: Tensor, z: Tensor, ground: Tensor, dice: Dice, species: Sprites
) -> Plants:
    """Each spot that fits becomes a plant of some species and height."""
    chance, size, own, flip, which = (value.to(x.device) for value in dice.many("plants", 5, len(x)))
    broad = "bare" if scene.bare else "broadleaf"
    shrub = "bare bush" if scene.bare else "bush"
    pines = dice.uniform("pines", 0.0, 0.5) if dice.chance("pines?", 0.4) else 0.0
    undergrowth = (kind == 2) | ((kind == 0) & (chance > 0.93))
    conifer = own.roll(1) < scene.conifers
    names = ["spruce", "pine", broad, shrub]
    group = torch.where(undergrowth, 3, torch.where(conifer, (which.roll(1) < pines).long(), 2))
    low = torch.tensor([7.0, 9.0, 7.0, 0.5], device=x.device)
    high = torch.tensor([20.0, 17.0, 15.0, 2.0], device=x.device)
    first = torch.tensor([species.of[name].start for name in names], device=x.device)
    count = torch.tensor([len(species.of[name]) for name in names], device=x.device)
    wide = torch.tensor([WIDTH[name] for name in names], device=x.device)
    height = low[group] + (high - low)[group] * size**1.3
    sprite = first[group] + (which * count[group]).long()
    order = torch.argsort(z[fits], stable=True)

    def kept(values: Tensor) -> Tensor:
        return values[fits][order]

    foot = ground - 0.1 * height**0.3
    return Plants(
        *(kept(v) for v in (sprite, x, z, foot, height, flip > 0.5, own, wide[group] * height, group == 3, group < 2))
    )


def _in_forest(scene: Scene, cover: Cover, camera: Camera, dice: Dice) -> tuple[Tensor, Tensor]:
    """Candidates all over the ground in view, denser for conifers."""
    far, spread = cover.plants_to, 0.57 * camera.width / camera.focal
    area = 17.0 if scene.conifers > 0.5 else 32.0
    count = int(min(6000, far * far * spread / area))
    near, across = dice.many("forest", 2, count)
    z = (far * near.sqrt()).clamp(min=8.0)
    return z * (2 * across - 1) * spread, z


def _lone_trees(scene: Scene, camera: Camera, dice: Dice) -> tuple[Tensor, Tensor]:
    """Groups of a few."""
    groups = max(scene.lone_trees // 3, min(scene.lone_trees, 1))
    z = scene.nearest_tree + 330 * dice.many("groups", groups) ** 1.6
    x = z * (2 * dice.many("groups across", groups) - 1) * 0.55 * camera.width / camera.focal
    each = torch.arange(scene.lone_trees) % max(groups, 1)
    apart = dice.normal("apart", 2, scene.lone_trees) * 7.0
    z = (z[each] + apart[0]).clamp(min=scene.nearest_tree) if groups else z
    return (x[each] + apart[1] if groups else x), z.clamp(min=scene.eye * 2.2)


def _bushes(scene: Scene, camera: Camera, dice: Dice) -> tuple[Tensor, Tensor]:
    """Thickets: groups of many."""
    groups = max(scene.bushes // 9, min(scene.bushes, 1))
    z = 9 + scene.eye * 2.2 + 110 * dice.many("thickets", groups) ** 1.7
    x = z * (2 * dice.many("thickets across", groups) - 1) * 0.55 * camera.width / camera.focal
    each = torch.arange(scene.bushes) % max(groups, 1)
    apart = dice.normal("thicket", 2, scene.bushes) * 2.2
    z = (z[each] + apart[0]).clamp(min=7.0 + scene.eye) if groups else z
    return (x[each] + apart[1] if groups else x), z


def draw_plants(plants: Plants, species: Sprites, z: Tensor, eye: float, camera: Camera, rough: Tensor) -> Drawn:
    """The nearest plant at each pixel, where it is nearer than the ground.

    `z` is the ground's depth, infinite at the sky; `rough` [H, W] in 0..1 decides which pixels a half covered texel
    takes, so that edges are neither hard nor doubled.
    """
    depth = z.reshape(-1).clone()
    winner = torch.full_like(depth, -1, dtype=torch.int64)
    threshold = (0.25 + 0.5 * rough).mul(255).reshape(-1)
    left, top, wide, high = _frames(plants, species, eye, camera)
    columns = (left.floor().long().clamp(0, camera.width), (left + wide).ceil().long().clamp(0, camera.width))
    rows = (top.floor().long().clamp(0, camera.height), (top + high).ceil().long().clamp(0, camera.height))
    across = columns[1] - columns[0]
    area = across * (rows[1] - rows[0])

    # Nearest first, as many plants at a time as fit; what nearer ones cover need not be looked at again.
    for some in _portions(area):
        which = torch.repeat_interleave(some, area[some])
        if not len(which):
            continue
        begins = torch.cumsum(area[some], 0) - area[some]
        local = torch.arange(len(which), device=z.device) - torch.repeat_interleave(begins, area[some])
        pixel = (rows[0][which] + local // across[which]) * camera.width + columns[0][which] + local % across[which]
        open_ = plants.z[which] < depth[pixel]
        which, pixel = which[open_], pixel[open_]
        covered = species.texels[_texel(plants, species, which, pixel, left, top, wide, high, camera), 0]
        open_ = covered > threshold[pixel]
        which, pixel = which[open_], pixel[open_]
        nearest = torch.full_like(winner, len(plants.z)).scatter_reduce(0, pixel, which, "amin")
        hit = nearest < len(plants.z)  # plants are sorted: the smallest index is the nearest
        winner[hit] = nearest[hit]
        depth[hit] = plants.z[nearest[hit]]
    pixel = (winner >= 0).nonzero()[:, 0]
    texel = torch.zeros(len(depth), 8, dtype=torch.uint8, device=z.device)
    texel[pixel] = species.texels[_texel(plants, species, winner[pixel], pixel, left, top, wide, high, camera)]
    shape = (camera.height, camera.width)
    return Drawn(winner.reshape(shape), texel.reshape(*shape, 8), depth.reshape(shape))


def _frames(plants: Plants, species: Sprites, eye: float, camera: Camera) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Left, top, width and height of each plant's picture, in pixels."""
    scale = camera.focal / plants.z
    high = plants.height * scale
    wide = high * species.aspect[plants.sprite]
    top = camera.horizon - (plants.foot - eye) * scale - high
    return camera.width / 2 + plants.x * scale - wide / 2, top, wide, high


def _texel(
    plants: Plants,
    species: Sprites,
    which: Tensor,
    pixel: Tensor,
    left: Tensor,
    top: Tensor,
    wide: Tensor,
    high: Tensor,
    camera: Camera,
) -> Tensor:
    """Index of the texel that a plant shows at a pixel; all [F]."""
    size = torch.log2(TALL / high.clamp(min=1)).add(0.3).floor().clamp(0, SIZES - 1).long()[which]
    width, height = species.width[plants.sprite[which], size], TALL // 2**size
    u = (pixel % camera.width + 0.5 - left[which]) / wide[which]
    u = torch.where(plants.flipped[which], 1 - u, u)
    v = (pixel // camera.width + 0.5 - top[which]) / high[which]
    column = (u * width).long().clamp(min=0).minimum(width - 1)
    row = (v * height).long().clamp(min=0).minimum(height - 1)
    return species.start[plants.sprite[which], size] + row * width + column


def _portions(area: Tensor) -> list[Tensor]:
    """Indices of plants in order, in portions of at most FRAGMENTS (or one plant)."""
    portion = torch.cumsum(area, 0) // FRAGMENTS
    index = torch.arange(len(area), device=area.device)
    return [index[portion == number] for number in torch.unique(portion).tolist()]


def shadow_casters(plants: Plants, cover: Cover, camera: Camera) -> Tensor:
    """[N, C] heights that throw shadows: the ground's top, the canopy, and each plant as a rounded body."""
    casters = torch.maximum(cover.top, torch.where(cover.canopy > 0, cover.ground + cover.canopy, cover.top))
    alone = ~cover.forest[camera.cell(plants.x, plants.z)]
    x, z, radius = plants.x[alone], plants.z[alone], plants.radius[alone]
    first, left = camera.cell(x - radius, (z - radius).clamp(min=camera.nearest))
    last, _ = camera.cell(x, z + radius)
    _, right = camera.cell(x + radius, z)
    across = (right - left + 1).clamp(min=1)
    area = across * (last - first + 1).clamp(min=1)
    for some in _portions(area):
        which = torch.repeat_interleave(some, area[some])
        begins = torch.cumsum(area[some], 0) - area[some]
        local = torch.arange(len(which), device=x.device) - torch.repeat_interleave(begins, area[some])
        row, column = first[which] + local // across[which], left[which] + local % across[which]
        away = ((camera.x[row, column] - x[which]) ** 2 + (camera.z[row, 0] - z[which]) ** 2).sqrt() / radius[which]
        body = (0.45 + 0.5 * (1 - away**2).clamp(min=0).sqrt()) * plants.height[alone][which]
        high = torch.where(away < 1, plants.foot[alone][which] + body, -1e9)
        casters.view(-1).scatter_reduce_(0, row * camera.columns + column, high, "amax")
    return casters
