"""Kinds of landscape: each draws the numbers of its scenes."""

from __future__ import annotations

from dataclasses import replace

from spadework.terrain.dice import Dice
from spadework.terrain.scene import NEVER, Scene, SkyKind


def draw_scene(dice: Dice) -> Scene:
    """A scene of a kind that the dice picks."""
    kind = dice.pick("kind", list(KINDS), [weight for weight, _ in KINDS.values()])
    scene = KINDS[kind][1](_anywhere(kind, dice), dice)
    return replace(scene, sky="cirrus") if scene.desert and scene.sky == "overcast" else scene


def _anywhere(kind: str, dice: Dice) -> Scene:
    """What all kinds share."""
    skies: tuple[SkyKind, ...] = ("clear", "cumulus", "cirrus", "overcast")
    return Scene(
        kind,
        focal=dice.uniform("focal", 0.85, 1.7),
        horizon=dice.uniform("horizon", 0.34, 0.58),
        eye=dice.uniform("eye", 1.5, 5),
        base=3.0,
        rough=dice.uniform("rough", 0.25, 1.0),
        hill_height=dice.uniform("hills", 8, 40),
        hill_length=dice.uniform("hill length", 380, 900),
        mountain_height=dice.uniform("mountains", 500, 1400),
        mountain_start=dice.uniform("mountain start", 1800, 6000),
        mountain_spread=dice.uniform("mountain spread", 15, 25),
        beach=0.35,
        snow_line=dice.uniform("snow line", 700, 1500),
        tree_line=dice.uniform("tree line", 350, 900),
        rock_slope=dice.uniform("rock slope", 0.7, 0.95),
        forest=dice.uniform("forest", -0.3, 0.6),
        conifers=dice.pick("conifers", (1.0, 0.85, 0.3, 0.0), (0.4, 0.25, 0.15, 0.2)),
        nearest_tree=dice.uniform("nearest tree", 26, 90),
        lone_trees=dice.pick("lone trees", (0, 4, 14, 40), (0.35, 0.25, 0.25, 0.15)),
        bushes=dice.pick("bushes", (0, 20, 70, 160), (0.3, 0.25, 0.25, 0.2)),
        boulders=dice.pick("boulders", (0.0, 0.25, 0.6), (0.5, 0.3, 0.2)),
        grass=dice.uniform("grass", 0.05, 0.22),
        flowers=dice.uniform("flowers", 0.3, 0.8) if dice.chance("flowers?", 0.22) else 0.0,
        sky=dice.pick("sky", skies, (0.24, 0.46, 0.16, 0.14)),
        clouds=dice.uniform("clouds", -0.5, 0.55),
    )


def _alpine(scene: Scene, dice: Dice) -> Scene:
    height = dice.uniform("alps", 1100, 2200)
    return replace(
        scene,
        mountain_height=height,
        mountain_start=dice.uniform("alps start", 1000, 3200),
        mountain_spread=dice.uniform("alps spread", 10, 15),
        snow_line=height * dice.uniform("alps snow", 0.1, 0.5) + 40,
        forest=dice.uniform("alps forest", -0.3, 0.4),
        boulders=dice.uniform("alps boulders", 0.2, 0.9),
        path=dice.chance("path", 0.35),
        conifers=dice.pick("alps conifers", (1.0, 0.9)),
    )


def _lake(scene: Scene, dice: Dice) -> Scene:
    height = dice.uniform("lake mountains", 600, 1900)
    return replace(
        scene,
        lake=True,
        base=dice.uniform("base", 1.0, 2.6),
        eye=dice.uniform("lake eye", 1.6, 8),
        beach=dice.uniform("beach", 0.2, 0.9),
        mountain_height=height,
        mountain_start=dice.uniform("lake start", 900, 3000),
        snow_line=height * dice.uniform("lake snow", 0.15, 0.8) + 40,
    )


def _river(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        river=True,
        base=dice.uniform("base", 1.0, 2.0),
        eye=dice.uniform("river eye", 2.5, 12),
        horizon=dice.uniform("river horizon", 0.28, 0.45),
        beach=dice.uniform("beach", 0.3, 0.8),
        valley=dice.chance("river valley", 0.6),
        mountain_height=dice.uniform("river mountains", 400, 1500),
        snow_line=dice.uniform("river snow", 300, 1500),
        rough=0.25,
    )


def _coast(scene: Scene, dice: Dice) -> Scene:
    cliffs = dice.chance("cliffs", 0.4)
    return replace(
        scene,
        sea=True,
        cliffs=cliffs,
        base=dice.uniform("base", 1.5, 4) if not cliffs else dice.uniform("cliff", 8, 30),
        eye=dice.uniform("coast eye", 1.7, 12),
        beach=dice.uniform("beach", 1.2, 3.2),
        mountain_height=dice.uniform("coast mountains", 150, 700),
        mountain_start=dice.uniform("coast start", 600, 2500),
        forest=dice.uniform("coast forest", -0.8, 0.2),
        path=dice.chance("path", 0.25),
        snow_line=NEVER,
    )


def _dunes(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        desert=True,
        dunes=True,
        hill_height=dice.uniform("dune hills", 3, 15),
        rough=0.15,
        eye=dice.uniform("dune eye", 2, 16),
        mountain_height=dice.uniform("dune mountains", 0, 500),
        forest=-3.0,
        lone_trees=0,
        bushes=dice.pick("dune bushes", (0, 0, 12)),
        boulders=0.0,
        flowers=0.0,
        snow_line=NEVER,
        sky="clear" if dice.chance("dune sky", 0.4) else scene.sky,
    )


def _desert(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        desert=True,
        mountain_height=dice.uniform("desert mountains", 300, 900),
        mountain_start=dice.uniform("desert start", 500, 2500),
        rock_slope=0.42,
        forest=-3.0,
        lone_trees=0,
        bushes=dice.pick("desert bushes", (40, 120, 260)),
        boulders=dice.uniform("desert boulders", 0.1, 0.7),
        path=dice.chance("path", 0.5),
        flowers=0.0,
        snow_line=NEVER,
    )


def _meadow(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        flowers=dice.uniform("meadow flowers", 0.3, 0.9) if dice.chance("meadow flowers?", 0.7) else 0.0,
        path=dice.chance("path", 0.4),
        forest=dice.uniform("meadow forest", -0.3, 0.4),
        boulders=0.0,
        eye=dice.uniform("meadow eye", 0.9, 2.5),
        mountain_height=dice.uniform("meadow mountains", 200, 1500),
    )


def _forest(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        forest=dice.uniform("woods", 0.5, 1.2),
        path=dice.chance("path", 0.65),
        mountain_height=dice.uniform("woods mountains", 0, 800),
        hill_height=dice.uniform("woods hills", 5, 40),
        tree_line=1500.0,
        nearest_tree=dice.uniform("woods nearest", 22, 50),
        horizon=dice.uniform("woods horizon", 0.45, 0.66),
    )


def _hills(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        hill_height=dice.uniform("high hills", 35, 100),
        hill_length=dice.uniform("high hill length", 600, 1300),
        mountain_height=dice.uniform("hills mountains", 0, 500),
        forest=dice.uniform("hills forest", -0.6, 0.3),
        path=dice.chance("path", 0.55),
        eye=dice.uniform("hills eye", 2, 15),
    )


def _winter(scene: Scene, dice: Dice) -> Scene:
    return replace(
        scene,
        winter=True,
        bare=True,
        snow_line=-NEVER,
        mountain_height=dice.uniform("winter mountains", 300, 1700),
        forest=dice.uniform("winter forest", -0.2, 0.8),
        path=dice.chance("path", 0.35),
        flowers=0.0,
        lake=dice.chance("winter lake", 0.25),
        grass=0.03,
    )


def _ridges(scene: Scene, dice: Dice) -> Scene:
    """From high up, range behind range."""
    height = dice.uniform("ranges", 500, 1400)
    return replace(
        scene,
        eye=height * dice.uniform("ranges eye", 0.4, 0.85),
        horizon=dice.uniform("ranges horizon", 0.24, 0.5),
        focal=dice.uniform("ranges focal", 1.0, 2.6),
        mountain_height=height,
        mountain_start=dice.uniform("ranges start", 900, 3000),
        mountain_spread=dice.uniform("ranges spread", 15, 26),
        hill_height=dice.uniform("ranges hills", 10, 40),
        hill_length=dice.uniform("ranges hill length", 1500, 3000),
        forest=dice.uniform("ranges forest", 0.1, 1.2),
        tree_line=height * dice.uniform("ranges tree line", 0.5, 1.1),
        rock_slope=dice.uniform("ranges rock", 0.75, 1.1),
        snow_line=height * dice.uniform("ranges snow", 0.4, 1.4),
        lake=dice.chance("ranges lake", 0.3),
        lone_trees=0,
        bushes=0,
        boulders=0.0,
        flowers=0.0,
    )


KINDS = {
    "alpine": (1.2, _alpine),
    "lake": (1.2, _lake),
    "river": (1.0, _river),
    "coast": (2.2, _coast),
    "dunes": (0.7, _dunes),
    "desert": (0.7, _desert),
    "meadow": (1.3, _meadow),
    "forest": (0.8, _forest),
    "hills": (0.9, _hills),
    "winter": (1.1, _winter),
    "ridges": (0.9, _ridges),
}
"""Kind -> how often, and what it changes."""
