"""Colours that people with a colour vision deficiency can tell apart, for any ontology.

Up to eight classes get the palette of Okabe and Ito (2008). More than that get a spread in OKLab that keeps colours
apart under protanopia, deuteranopia and tritanopia as under normal vision; classes of one group, which stand beside
each other in a palette, are kept apart most.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from spadework.data.color_vision import distances, seen
from spadework.data.ontology import Ontology
from spadework.data.palette import Color
from spadework.data.semantic_class import SemanticClass

OKABE_ITO: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (255, 255, 255),
)
"""Orange, sky blue, bluish green, yellow, blue, vermilion, reddish purple; white in the place of the original's black,
which means unlabelled here."""

BLACK: Color = (0, 0, 0)
STEPS = range(0, 256, 15)
DARKEST = 0.3
"""OKLab's lightness below which colours look alike on most screens; black stands alone there."""
ENOUGH = 0.7
"""Share of the greatest possible distance at which a colour that is more like the class's own is preferred."""


def with_safe_colors(ontology: Ontology) -> Ontology:
    """The same ontology in colours that are safe for the colour-blind; unlabelled classes are black.

    Classes keep something of their own colours (grass stays greenish) where that costs little. Deterministic.
    """
    labelled = [each for each in ontology.classes if each.id not in ontology.unlabelled]
    chosen = iter(_assigned(safe_colors(len(labelled)), labelled))
    blacks = iter([BLACK, *((shade, shade, shade) for shade in range(1, len(ontology.classes)))])
    colors = {each.id: next(blacks if each.id in ontology.unlabelled else chosen) for each in ontology.classes}
    return replace(ontology, classes=tuple(replace(each, color=colors[each.id]) for each in ontology.classes))


def safe_colors(count: int) -> list[Color]:
    """That many colours, the most different ones first, none of them near black."""
    if count <= len(OKABE_ITO):
        return list(OKABE_ITO[:count])
    candidates = np.array(list(product(STEPS, repeat=3)), dtype=np.int64)
    candidates = candidates[seen(candidates)[:, 0] >= DARKEST]

    # Each colour is the one farthest from all before it.
    chosen: list[Color] = []
    nearest = distances(candidates, [BLACK])[:, 0]
    while len(chosen) < count:
        best = int(nearest.argmax())
        red, green, blue = candidates[best].tolist()
        chosen.append((red, green, blue))
        nearest = np.minimum(nearest, distances(candidates, candidates[best : best + 1])[:, 0])
    return chosen


def _assigned(colors: list[Color], classes: list[SemanticClass]) -> list[Color]:
    """A colour for each class, far from those of its group, and twice as far from that of the class before it."""
    apart = distances(colors, colors) + np.eye(len(colors))
    own = np.linalg.norm(seen([each.color for each in classes])[:, None] - seen(colors)[None], axis=2)
    wanted = _wanted(classes)
    free, taken = list(range(len(colors))), np.zeros(0, dtype=np.int64)
    for place in range(len(classes)):
        room = (apart[:, taken] / wanted[place, : len(taken)]).min(axis=1, initial=1.0)
        enough = ENOUGH * room[free].max()
        best = min((color for color in free if room[color] >= enough), key=lambda color: float(own[place, color]))
        free.remove(best)
        taken = np.append(taken, best)
    return [colors[color] for color in _exchanged(taken, apart, wanted)]


def _exchanged(taken: np.ndarray, apart: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """While it helps: of the two classes that are most alike, one exchanges its colour with another class."""
    while len(taken) > 1:
        room = apart[np.ix_(taken, taken)] / wanted
        worst, least = np.unravel_index(room.argmin(), room.shape), room.min()
        best = None
        for pair in product(worst, range(len(taken))):
            trial = taken.copy()
            trial[list(pair)] = taken[list(pair[::-1])]
            found = (apart[np.ix_(trial[list(pair)], trial)] / wanted[list(pair)]).min()
            if found > least:
                best, least = trial, found
        if best is None:
            break
        taken = best
    return taken


def _wanted(classes: list[SemanticClass]) -> np.ndarray:
    """[N, N]: what distances are divided by: 1 in a group, 2 in succession, next to nothing where they don't matter."""
    groups = np.array([str(each.group) for each in classes])
    wanted = np.where(groups[:, None] == groups[None], 1.0, 1e-6)
    places = np.arange(len(classes))
    wanted[abs(places[:, None] - places[None]) == 1] = 2.0
    return wanted
