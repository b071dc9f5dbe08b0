"""Figure 1 of the SPADE paper with a model of your own: painted label maps, each in the styles of several photos.

    python examples/figure1.py --out figure1.png                       # the model that comes with the library
    python examples/figure1.py --model runs/landscapes --maps painted  # another one; the maps as files, too

Rows are label maps, painted below as a person would: a few polygons and strokes. Column heads are the photos that lend
their style, drawn by the library's own terrain. Nothing is chosen by hand: these six maps, these four photos, seed 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image, ImageDraw
from torch import Tensor

from spadework.contact_sheet import contact_sheet
from spadework.data.label_map import read_photo
from spadework.data.ontology import Ontology
from spadework.synthesizer import load, to_image
from spadework.terrain import STYLES, Layout

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Options:
    """Painted label maps in the styles of photos: one picture."""

    model: str = "landscapes"
    """A model with a style encoder and the classes of the ontology `landscapes`."""
    out: Path = Path("runs/figure1.png")
    """The picture to write."""
    size: int = 256
    """Height and width of maps and photos, in pixels."""
    photos: tuple[Path, ...] = ()
    """Photos that lend their style; four landscapes that the library draws unless given."""
    maps: Path | None = None
    """A folder to write the painted maps to, as PNG files of ids."""


@dataclass(frozen=True)
class Area:
    """A polygon of one class; x to the right and y down, both from 0 to 1."""

    name: str
    points: Points


@dataclass(frozen=True)
class Stroke:
    """A stroke of a round brush, `width` of the picture's height wide."""

    name: str
    width: float
    points: Points


EVERYWHERE: Points = ((0, 0), (1, 0), (1, 1), (0, 1))


def below(*line: tuple[float, float]) -> Points:
    """All that lies below a line from left to right."""
    return (*line, (1, 1), (0, 1))


PAINTED: dict[str, Sequence[Area | Stroke]] = {
    "Mountain lake": (
        Area("sky", EVERYWHERE),
        Stroke("cloud", 0.08, ((0.08, 0.12), (0.3, 0.1))),
        Stroke("cloud", 0.1, ((0.66, 0.17), (0.9, 0.15))),
        Area("mountain", below((0, 0.36), (0.1, 0.3), (0.34, 0.16), (0.5, 0.34), (0.68, 0.22), (0.86, 0.38), (1, 0.3))),
        Area("snow", ((0.26, 0.22), (0.34, 0.16), (0.42, 0.25), (0.37, 0.24), (0.33, 0.28), (0.3, 0.23))),
        Area("tree", below((0, 0.48), (0.2, 0.45), (0.4, 0.5), (0.7, 0.48), (1, 0.44))),
        Area("water", below((0, 0.56), (0.4, 0.55), (1, 0.54))),
        Area("grass", below((0, 0.74), (0.24, 0.76), (0.5, 0.9), (0.72, 1), (1, 1))),
        Stroke("rock", 0.07, ((0.1, 0.88), (0.16, 0.9))),
    ),
    "Coast": (
        Area("sky", EVERYWHERE),
        Stroke("cloud", 0.12, ((0.2, 0.2), (0.45, 0.17), (0.6, 0.22))),
        Area("sea", below((0, 0.42), (1, 0.42))),
        Area("rock", ((0.68, 0.42), (0.74, 0.3), (0.86, 0.27), (1, 0.22), (1, 0.6), (0.84, 0.54))),
        Area("grass", ((0.76, 0.29), (0.86, 0.25), (1, 0.2), (1, 0.28), (0.86, 0.32))),
        Area("sand", below((0, 0.86), (0.3, 0.74), (0.62, 0.64), (1, 0.57))),
    ),
    "Path": (
        Area("sky", EVERYWHERE),
        Area("mountain", below((0, 0.38), (0.3, 0.3), (0.55, 0.37), (0.8, 0.31), (1, 0.36))),
        Area("grass", below((0, 0.46), (0.35, 0.43), (0.7, 0.47), (1, 0.44))),
        Area("flowers", ((0.0, 0.7), (0.2, 0.62), (0.36, 0.72), (0.3, 0.9), (0.0, 0.94))),
        Area("path", ((0.5, 1), (0.8, 1), (0.66, 0.76), (0.7, 0.6), (0.62, 0.46), (0.6, 0.46), (0.6, 0.6), (0.5, 0.8))),
        Area("tree", ((0.82, 0.72), (0.78, 0.4), (0.86, 0.2), (0.95, 0.24), (1, 0.36), (1, 0.7), (0.9, 0.74))),
        Stroke("bush", 0.09, ((0.4, 0.52), (0.48, 0.53))),
    ),
    "Dunes": (
        Area("sky", EVERYWHERE),
        Area("sand", below((0, 0.5), (0.25, 0.38), (0.5, 0.48), (0.75, 0.42), (1, 0.52))),
        Stroke("bush", 0.06, ((0.2, 0.62), (0.28, 0.64))),
        Stroke("bush", 0.05, ((0.7, 0.56), (0.74, 0.56))),
        Stroke("grass", 0.07, ((0.0, 0.92), (0.25, 0.88), (0.4, 0.96))),
    ),
    "Valley": (
        Area("sky", EVERYWHERE),
        Stroke("cloud", 0.14, ((0.36, 0.12), (0.6, 0.14))),
        Area("mountain", ((0, 0.1), (0.16, 0.2), (0.36, 0.46), (0, 0.52))),
        Area("mountain", ((1, 0.06), (0.8, 0.22), (0.58, 0.46), (1, 0.52))),
        Area("grass", below((0, 0.5), (0.3, 0.45), (0.7, 0.45), (1, 0.5))),
        Area("tree", ((0, 0.5), (0.22, 0.42), (0.3, 0.5), (0.12, 0.66), (0, 0.7))),
        Area("tree", ((1, 0.48), (0.74, 0.44), (0.7, 0.52), (0.9, 0.62), (1, 0.64))),
        Area("water", ((0.3, 1), (0.7, 1), (0.5, 0.8), (0.6, 0.6), (0.5, 0.5), (0.47, 0.5), (0.5, 0.6), (0.3, 0.8))),
        Stroke("rock", 0.06, ((0.78, 0.86), (0.84, 0.88))),
    ),
    "Snow": (
        Area("sky", EVERYWHERE),
        Area("mountain", below((0, 0.3), (0.22, 0.2), (0.42, 0.36), (0.66, 0.14), (0.9, 0.3), (1, 0.26))),
        Area("snow", below((0, 0.46), (0.3, 0.5), (0.6, 0.44), (1, 0.5))),
        Area("tree", ((0.06, 0.62), (0.12, 0.3), (0.2, 0.62))),
        Area("tree", ((0.22, 0.58), (0.27, 0.36), (0.33, 0.58))),
        Stroke("rock", 0.08, ((0.64, 0.72), (0.74, 0.74))),
    ),
}
"""Name -> what is painted, the first at the bottom."""

LENDERS = {3: "clear noon", 12: "sunset", 21: "moonlight", 30: "dry summer"}
"""Seed of a landscape -> the style that it is drawn in."""


def main(arguments: list[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    synthesizer = load(options.model)
    size = (options.size, options.size)
    maps = {name: paint(things, synthesizer.ontology, size) for name, things in PAINTED.items()}
    lent = [given(path, size) for path in options.photos]
    photos = lent or [drawn(seed, look, size) for seed, look in LENDERS.items()]
    if options.maps is not None:
        write_maps(options.maps, maps, synthesizer.ontology)

    # The photos above, the maps at the left; the corner stays empty.
    styles = [synthesizer.encode(photo) for photo in photos]
    rows = [[Image.new("RGB", size, "white"), *photos]]
    for label_map in maps.values():
        colors = Image.fromarray(synthesizer.ontology.colorize(label_map).numpy())
        rows.append([colors, *(to_image(synthesizer.batch(label_map[None], style=style)[0]) for style in styles)])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows).save(options.out)
    print(options.out)


def paint(things: Sequence[Area | Stroke], ontology: Ontology, size: tuple[int, int]) -> Tensor:
    """[H, W] class indices; raises ValueError for a class that the ontology does not have."""
    height, width = size
    canvas = Image.new("I", (width, height), 0)
    brush = ImageDraw.Draw(canvas)
    for thing in things:
        if thing.name not in ontology.names:
            raise ValueError(f"the painted maps show {thing.name!r}; this model knows {', '.join(ontology.names)}")
        index = ontology.names.index(thing.name)
        points = [(x * width, y * height) for x, y in thing.points]
        if isinstance(thing, Area):
            brush.polygon(points, fill=index)
            continue
        radius = thing.width * height / 2
        brush.line(points, fill=index, width=round(2 * radius), joint="curve")
        for x, y in (points[0], points[-1]):
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=index)
    return torch.from_numpy(np.array(canvas, dtype=np.int64))


def drawn(seed: int, look: str, size: tuple[int, int]) -> Image.Image:
    """A landscape."""
    return to_image(Layout.draw(seed, size).photo(STYLES[look]))


def given(path: Path, size: tuple[int, int]) -> Image.Image:
    return read_photo(path).resize((size[1], size[0]), Image.Resampling.BICUBIC)


def write_maps(folder: Path, maps: dict[str, Tensor], ontology: Ontology) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, label_map in maps.items():
        Image.fromarray(ontology.to_ids(label_map).numpy().astype(np.uint8)).save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
