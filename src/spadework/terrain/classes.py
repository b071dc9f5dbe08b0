"""The classes of terrain, by their class index in the shipped ontology `landscapes`."""

from __future__ import annotations

from enum import IntEnum


class Land(IntEnum):
    """What a pixel shows."""

    SKY = 0
    CLOUD = 1
    MOUNTAIN = 2
    ROCK = 3
    SNOW = 4
    GRASS = 5
    FLOWERS = 6
    BUSH = 7
    TREE = 8
    SAND = 9
    WATER = 10
    SEA = 11
    PATH = 12


FIRST_OBJECT = 1000
"""Instance ids from here on are objects (trees, bushes); below it they are class indices of areas."""
