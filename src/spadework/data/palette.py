"""Colours for classes that were given none."""

from __future__ import annotations

from collections.abc import Collection

Color = tuple[int, int, int]

# The plastic-like constant of three dimensions: multiples of its powers, modulo 1, fill the cube evenly.
GENERALISED_GOLDEN_RATIO = 1.2207440846057596


def free_color(number: int, taken: Collection[Color], first: Color | None = None) -> Color:
    """A colour for class `number` that none of the taken ones equals: `first` if it is free, else a well-spread one.

    Deterministic; as long as nothing collides it depends on the number alone, so that classes keep their colours when
    others are added.
    """
    if first is not None and first not in taken:
        return first
    while _spread(number) in taken:
        number += 1009
    return _spread(number)


def _spread(number: int) -> Color:
    """Point `number` of an even sequence over the colours that are neither black nor white."""
    red, green, blue = (int(24 + 224 * ((0.5 + number / GENERALISED_GOLDEN_RATIO**power) % 1)) for power in (1, 2, 3))
    return red, green, blue
