"""Shade: a layout under a style, put together from sky, clouds, ground, plants, water and air."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from spadework.terrain.classes import Land
from spadework.terrain.clouds import deck_radiance, light_clouds, under_deck
from spadework.terrain.color import albedo
from spadework.terrain.dice import Dice
from spadework.terrain.film import develop
from spadework.terrain.light import cloud_shadows, sunlit, through_air
from spadework.terrain.sky import Sky, clear_sky
from spadework.terrain.style import Style
from spadework.terrain.surface import Surface
from spadework.terrain.water import draw_water

if TYPE_CHECKING:
    from spadework.terrain.layout import Layout

UNEVEN = {
    Land.ROCK: (1.1, 0.8),
    Land.MOUNTAIN: (0.8, 0.8),
    Land.SNOW: (0.25, 0.25),
    Land.SAND: (0.22, 0.0),
    Land.PATH: (0.35, 0.0),
    Land.GRASS: (0.45, 0.0),
    Land.FLOWERS: (0.45, 0.0),
}
"""How much small bumps, and those of rock faces, tilt each kind of ground."""


def photograph(layout: Layout, style: Style) -> Tensor:
    """float32 [3, H, W] in [-1, 1]."""
    deck = layout.clouds.deck is not None
    if deck:  # the sun behind a closed deck is never low: dusk under it would only be dark
        style = replace(style, elevation=max(style.elevation, 20.0), night=False, exposure=style.exposure + 0.3)
    sky = clear_sky(math.radians(style.elevation), math.radians(style.azimuth), style.haze, layout.camera.device)
    if deck:
        sky = under_deck(sky)
    clear = _clear(layout, sky, deck)
    picture = light_clouds(layout.clouds, sky, clear, layout.camera)
    horizon = _horizon(layout, sky, deck)
    ground = _ground(layout, sky, style)
    ground = through_air(ground, layout.surface, layout.eye, horizon, sky, style)
    picture = torch.where(layout.surface.sky, picture, ground)
    water = layout.water
    if len(water.index):
        shown = draw_water(picture, water, layout.surface, sky, style, layout.eye, layout.camera, deck)
        flat = picture.reshape(3, -1).clone()
        flat[:, water.index] = shown
        wet = through_air(flat.reshape_as(picture), layout.surface, layout.eye, horizon, sky, style)
        flat[:, water.index] = wet.reshape(3, -1)[:, water.index]
        picture = flat.reshape_as(picture)
    stars = _stars(layout, style) if style.night else None
    snowy = bool((layout.surface.land == Land.SNOW).float().mean() > 0.2)
    return develop(picture, stars, replace(style, exposure=style.exposure + 0.4 * snowy), layout.fineness)


def _clear(layout: Layout, sky: Sky, deck: bool) -> Tensor:
    """The sky without clouds, with the sun in it."""
    camera = layout.camera
    length = torch.sqrt(1 + camera.across**2 + camera.up**2)
    elevation = torch.asin(camera.up / length).clamp(min=0.004)
    picture = sky.radiance(elevation, torch.atan(camera.across).expand_as(length))
    if deck:
        return picture
    towards = (camera.across * sky.sun[0] + camera.up * sky.sun[1] + sky.sun[2]) / length
    disc = 5.4 * torch.exp(-(1 - towards) * 9000) + 0.03 * torch.exp(-(1 - towards) * 300)
    return picture + sky.sunlight[:, None, None] * disc


def _horizon(layout: Layout, sky: Sky, deck: bool) -> Tensor:
    """[3, 1, W]: the colour that distance fades to."""
    across = layout.camera.across
    if deck:
        return deck_radiance(sky, torch.full_like(across, 0.05))
    return sky.radiance(torch.full_like(across, 0.035), torch.atan(across))


def _ground(layout: Layout, sky: Sky, style: Style) -> Tensor:
    """Light that ground and plants throw back: sun, sky, and what the ground around throws at them."""
    surface, scene = layout.surface, layout.scene
    color = albedo(surface, scene, style, layout.camera)
    lit = sunlit(surface, sky, layout.camera, Dice(0, "shadows"))
    if scene.sky == "cumulus":
        lit = lit * cloud_shadows(surface, scene.clouds, style)
    facing, up = _facing(surface, sky)
    taken, through = _taken(surface, facing, sky)
    shaded, around = _in_the_crown(surface, sky)
    plant = surface.plant >= 0
    taken = torch.where(plant, shaded, taken)
    open_ = torch.where(plant, surface.open * around, surface.open)

    height = float(sky.sun[1])
    sunlight, dome = sky.sunlight[:, None, None], sky.dome[:, None, None]
    yellow, warm = (color.new_tensor(tint)[:, None, None] for tint in ((1.0, 1.0, 0.5), (1.0, 0.97, 0.85)))
    skyward = 0.5 + 0.5 * up
    direct = sunlight * lit * (taken + through * yellow)
    bounced = sunlight * (0.085 * max(height, 0.05) + 0.10 * max(height, 0.0) * (1 - skyward))
    return color / math.pi * (direct + (1.35 * dome * skyward + bounced * warm) * open_)


def _facing(surface: Surface, sky: Sky) -> tuple[Tensor, Tensor]:
    """Cosine between the ground's normal and the sun, and the normal's upward part; small bumps tilt it."""
    rough, rocky = torch.zeros_like(surface.z), torch.zeros_like(surface.z)
    for land, (amount, of_rock) in UNEVEN.items():
        here = surface.land == land
        rough = torch.where(here, amount, rough)
        rocky = torch.where(here, of_rock, rocky)
    east = surface.east + rough * surface.bumps[0] + rocky * surface.rock_bumps[0]
    north = surface.north + rough * surface.bumps[1] + rocky * surface.rock_bumps[1]
    up = torch.rsqrt(1 + east**2 + north**2)
    return (east * sky.sun[0] + sky.sun[1] + north * sky.sun[2]) * up, up


def _taken(surface: Surface, facing: Tensor, sky: Sky) -> tuple[Tensor, Tensor]:
    """How much of the sun the ground takes from in front, and from behind through its leaves.

    Bare ground follows Lambert's law; grass and canopies take light from nearly all sides, snow from a little behind.
    """
    land = surface.land
    grassy = (land == Land.GRASS) | (land == Land.FLOWERS)
    forest = land == Land.TREE
    taken = torch.where(grassy, 0.6 * facing + 0.4 * sky.sun[1].clamp(min=0) + 0.1, facing)
    taken = torch.where(forest, (facing + 0.25) / 1.25, taken)
    taken = torch.where(land == Land.SNOW, (facing + 0.06) / 1.06, taken).clamp(min=0)
    leafy = (grassy | forest) & (surface.plant < 0)
    return taken, torch.where(leafy, 0.12 * sky.sun[2].clamp(min=0), 0.0)


def _in_the_crown(surface: Surface, sky: Sky) -> tuple[Tensor, Tensor]:
    """What plants' sprites remember: how much sun comes through the leaves to each point, and how much of the sky."""
    _, right, left, above, before, behind, wood, _ = surface.texel.permute(2, 0, 1).float() / 255
    right, left = torch.where(surface.flipped, left, right), torch.where(surface.flipped, right, left)
    x, y, z = sky.sun.tolist()
    sun = x * x * (right if x > 0 else left) + y * y * above + z * z * (behind if z > 0 else before)
    sun = sun * torch.where(wood < 0.5, 0.75 + 0.35 * max(z, 0.0), 0.7)  # leaves glow against the sun
    return sun, 0.38 + 0.62 * (0.5 * above + 0.1 * (right + left + above + before + behind))


def _stars(layout: Layout, style: Style) -> Tensor:
    """[H, W]: a few thousand over the whole sky, as bright as exposed."""
    camera = layout.camera
    white = Dice(style.seed, "stars").many("stars", camera.height, camera.width).to(camera.device)
    rare = ((white - 0.9985) / 0.0015).clamp(min=0)
    seen = layout.surface.sky * (1 - layout.clouds.cover).clamp(0, 1) ** 2
    return 2.2 * rare**3 * seen * (camera.up > 0.01)
