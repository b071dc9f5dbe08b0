"""Label maps to begin with: those beside the model, and simple scenes drawn from the model's own classes.

Shapes: H W the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.studio import received
from spadework.studio.refusal import Refusal

FOLDER = "examples"
"""The model folder's own examples: PNG files of ids."""
MOST_PIXELS = 4_000_000

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Example:
    """A label map with a name."""

    name: str
    index: Tensor
    """[H, W] class indices."""


@dataclass(frozen=True)
class Area:
    """A polygon of a drawn scene: x to the right and y down, both 0..1, and the classes that it may be of."""

    names: tuple[str, ...]
    points: Points


SKY = ("sky", "sky-other", "clouds")
FAR = ("mountain", "hill", "rock", "building", "wall", "stone")
MEADOW = ("grass", "field", "meadow", "plain", "vegetation", "terrain", "earth", "ground", "ground-other")
WOOD = ("tree", "trees", "bush", "plant", "vegetation", "leaves")
WATER = ("water", "lake", "sea", "river", "water-other")
SHORE = ("sand", "beach", "earth", "dirt", "path", "gravel", "ground", "ground-other")
WAY = ("path", "road", "pavement", "sidewalk", "dirt", "sand")
EVERYWHERE: Points = ((0, 0), (1, 0), (1, 1), (0, 1))


def _below(*points: tuple[float, float]) -> Points:
    """All that lies below a line from left to right."""
    return (*points, (1.0, 1.0), (0.0, 1.0))


SCENES: dict[str, tuple[Area, ...]] = {
    "Lake": (
        Area(SKY, EVERYWHERE),
        Area(FAR, _below((0, 0.45), (0.16, 0.24), (0.3, 0.38), (0.52, 0.14), (0.74, 0.4), (0.88, 0.3), (1, 0.42))),
        Area(WOOD, _below((0, 0.5), (0.2, 0.46), (0.45, 0.52), (0.7, 0.5), (1, 0.46))),
        Area(WATER, _below((0, 0.58), (0.4, 0.56), (0.7, 0.58), (1, 0.56))),
        Area(MEADOW, _below((0, 0.78), (0.3, 0.82), (0.6, 0.92), (1, 0.98))),
    ),
    "Hills": (
        Area(SKY, EVERYWHERE),
        Area(FAR, _below((0, 0.4), (0.25, 0.3), (0.5, 0.42), (0.8, 0.28), (1, 0.36))),
        Area(MEADOW, _below((0, 0.56), (0.3, 0.48), (0.6, 0.58), (1, 0.5))),
        Area(WAY, ((0.42, 1), (0.66, 1), (0.56, 0.76), (0.6, 0.56), (0.57, 0.56), (0.49, 0.78))),
        Area(WOOD, ((0.04, 0.86), (0.0, 0.6), (0.08, 0.42), (0.18, 0.4), (0.26, 0.56), (0.22, 0.86))),
    ),
    "Coast": (
        Area(SKY, EVERYWHERE),
        Area(("sea", *WATER), _below((0, 0.46), (1, 0.46))),
        Area(FAR, ((0.62, 0.46), (0.7, 0.3), (0.84, 0.24), (1, 0.2), (1, 0.56), (0.8, 0.54))),
        Area(SHORE, _below((0, 0.92), (0.35, 0.76), (0.7, 0.64), (1, 0.56))),
        Area(MEADOW, _below((0.5, 1.0), (0.75, 0.84), (1, 0.74))),
    ),
}


def examples(folder: Path, ontology: Ontology, size: tuple[int, int]) -> list[Example]:
    """The model folder's examples, if any, else drawn ones of `size`; a file that can't be read is left out."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.png")):
        try:
            found.append(Example(path.stem, received.label_map(path.read_bytes(), ontology, MOST_PIXELS).index))
        except (OSError, ValueError, Refusal):
            continue
    return found or [Example(name, draw(areas, ontology, size)) for name, areas in SCENES.items()]


def draw(areas: Sequence[Area], ontology: Ontology, size: tuple[int, int]) -> Tensor:
    """[H, W] class indices of a scene; classes that the ontology does not have are replaced by others that it has."""
    height, width = size
    canvas = Image.new("I", (width, height), 0)
    pen = ImageDraw.Draw(canvas)
    pens = _classes(areas, ontology)
    for area, index in zip(areas, pens, strict=True):
        pen.polygon([(x * width, y * height) for x, y in area.points], fill=index)
    return torch.from_numpy(np.array(canvas, dtype=np.int64))


def _classes(areas: Sequence[Area], ontology: Ontology) -> list[int]:
    """A class index for each area: by name where there is one, else one that is not used yet."""
    by_name = {name.lower(): index for index, name in enumerate(ontology.names)}
    labelled = [index for index in range(ontology.channels) if index != ontology.unlabelled_index] or [0]
    chosen = [next((by_name[name] for name in area.names if name in by_name), None) for area in areas]
    spare = [index for index in labelled if index not in chosen] or labelled
    places = iter(range(len(areas)))
    return [spare[next(places) % len(spare)] if index is None else index for index in chosen]
