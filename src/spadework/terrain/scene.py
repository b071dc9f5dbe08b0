"""A landscape in numbers: what a layout begins from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SkyKind = Literal["clear", "cumulus", "cirrus", "overcast"]
NEVER = 1e9


@dataclass(frozen=True)
class Scene:
    """A landscape in numbers; lengths in metres, heights above the water where there is some."""

    kind: str
    focal: float
    """In sides of a square picture of the same area."""
    horizon: float
    """Share of the picture above the horizon."""
    eye: float
    """Height of the camera above the ground."""
    base: float
    """Height of the plain."""
    rough: float
    """Height of humps near the camera."""
    hill_height: float
    hill_length: float
    mountain_height: float = 0.0
    mountain_start: float = 3000.0
    mountain_spread: float = 16.0
    """Side of the tile of mountains in their heights: 10 is steep, 20 gentle."""
    valley: bool = False
    """Whether mountains stand on both sides rather than in front."""
    lake: bool = False
    river: bool = False
    sea: bool = False
    cliffs: bool = False
    beach: float = 0.5
    """Up to this height there is sand."""
    desert: bool = False
    dunes: bool = False
    winter: bool = False
    snow_line: float = 1200.0
    tree_line: float = 700.0
    rock_slope: float = 0.8
    """Ground steeper than this is bare."""
    forest: float = 0.2
    """More of it is forest: below -1 there is none, above 1 all is."""
    conifers: float = 1.0
    """Share of conifers among trees."""
    bare: bool = False
    """Whether broadleaved trees have lost their leaves."""
    nearest_tree: float = 28.0
    lone_trees: int = 0
    bushes: int = 0
    boulders: float = 0.0
    """0..1."""
    path: bool = False
    flowers: float = 0.0
    """Share of the near meadow, 0..1."""
    grass: float = 0.12
    """Length of the blades."""
    sky: SkyKind = "cumulus"
    clouds: float = 0.0
    """How much of the sky they cover: -1 little, 1 most."""
