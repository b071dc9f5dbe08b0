"""What models make of 24 crudely drawn label maps: a sheet of them side by side, and a number.

    python benchmarks/hand_drawn.py runs/before runs/after --segmenter SEGMENTER --out hand-drawn.png

The maps are drawn by code from seeds, as a person might who tries things out: one class over the whole picture, two or
three large areas, strokes on an empty map, scenes with holes, scenes on their head, things where they never occur. The
number is the share of labelled pixels where a segmenter sees in the picture what the map says. It is given by kind of
map, and for ordinary label maps (`--data`), which should not suffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image, ImageDraw
from torch import Tensor
from tyro.conf import Positional

from spadework.contact_sheet import contact_sheet
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.preprocess import Preprocess
from spadework.segmenters.load import load_segmenter
from spadework.segmenters.segmenter import Segmenter
from spadework.synthesizer import load, to_image

ABOVE = ("sky", "cloud")
FAR = ("mountain", "rock", "tree")
NEAR = ("grass", "sand", "snow", "water", "sea", "flowers")
THINGS = ("tree", "bush", "rock")


@dataclass(frozen=True)
class Options:
    """What models make of crudely drawn label maps."""

    models: Positional[tuple[str, ...]]
    """Models of the ontology `landscapes`, to be compared: before and after, say."""
    segmenter: str
    """Who judges: a segmenter's folder."""
    out: Path = Path("runs/hand-drawn.png")
    """The sheet: label map, then each model's picture."""
    data: Path | None = None
    """A data folder with ordinary label maps to compare with: its split val, or test."""
    ordinary: int = 48
    """How many of these."""
    size: int = 256
    """Height and width of the maps, in pixels."""


class Canvas:
    """A label map [size, size] of an ontology that is being drawn; all coordinates from 0 to 1."""

    def __init__(self, ontology: Ontology, size: int, seed: int) -> None:
        self.ontology, self.size, self.place = ontology, size, seed % PER_KIND
        self.dice = np.random.default_rng(seed)
        empty = ontology.unlabelled_index or 0
        self.image = Image.new("I", (size, size), empty)
        self.brush = ImageDraw.Draw(self.image)

    def any_of(self, names: tuple[str, ...]) -> str:
        return str(self.dice.choice([name for name in names if name in self.ontology.names]))

    def fill(self, name: str, top: float = 0.0) -> None:
        """All that lies below a line, about as high as `top` and a little slanted."""
        left, right = top + self.dice.uniform(-0.05, 0.05, 2) * (top > 0)
        self._polygon(name, [(0, left), (1, right), (1, 1), (0, 1)])

    def stroke(self, name: str, width: float, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A bent line of a round brush."""
        middle = [(a + b) / 2 + self.dice.uniform(-0.1, 0.1) for a, b in zip(start, end, strict=True)]
        ends = list(zip(start, middle, end, strict=True))
        for t in np.linspace(0, 1, 60):
            x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * m + t**2 * b for a, m, b in ends)
            self.spot(name, width / 2, x, y)

    def spot(self, name: str, radius: float, x: float, y: float) -> None:
        box = [self.size * value for value in (x - radius, y - radius, x + radius, y + radius)]
        self.brush.ellipse(box, fill=self._index(name))

    def label_map(self) -> Tensor:
        return torch.from_numpy(np.array(self.image, dtype=np.int64))

    def _polygon(self, name: str, points: list[tuple[float, float]]) -> None:
        self.brush.polygon([(self.size * x, self.size * y) for x, y in points], fill=self._index(name))

    def _index(self, name: str) -> int:
        return self.ontology.names.index(name)


# The kinds: four maps of each.


def one_class(canvas: Canvas) -> None:
    """One class over the whole picture."""
    canvas.fill(("sky", "grass", "water", "tree")[canvas.place])


def large_areas(canvas: Canvas) -> None:
    """Two or three areas with straight borders."""
    canvas.fill(canvas.any_of(ABOVE))
    if canvas.dice.random() < 0.6:
        canvas.fill(canvas.any_of(FAR), canvas.dice.uniform(0.25, 0.4))
    canvas.fill(canvas.any_of(NEAR), canvas.dice.uniform(0.45, 0.7))


def strokes(canvas: Canvas) -> None:
    """A thick brush on an empty map."""
    for names, rows in ((ABOVE, (0.1, 0.25)), (FAR, (0.4, 0.5)), (NEAR, (0.65, 0.9))):
        for _ in range(2):
            y = canvas.dice.uniform(*rows)
            name = canvas.any_of(names)
            canvas.stroke(name, 0.14, (canvas.dice.uniform(0, 0.3), y), (canvas.dice.uniform(0.7, 1), y))


def with_holes(canvas: Canvas) -> None:
    """A scene of which round parts were never drawn."""
    large_areas(canvas)
    for _ in range(3):
        x, y = canvas.dice.uniform(0.1, 0.9, 2)
        canvas.spot("unlabelled", canvas.dice.uniform(0.1, 0.2), x, y)


def on_its_head(canvas: Canvas) -> None:
    """Ground above, sky below."""
    canvas.fill(canvas.any_of(NEAR))
    canvas.fill(canvas.any_of(FAR), canvas.dice.uniform(0.35, 0.5))
    canvas.fill(canvas.any_of(ABOVE), canvas.dice.uniform(0.6, 0.75))


def out_of_place(canvas: Canvas) -> None:
    """Things and ground where they never occur: a lake in the sky, trees on the sea."""
    canvas.fill(canvas.any_of(ABOVE))
    canvas.fill(canvas.any_of(NEAR), canvas.dice.uniform(0.5, 0.6))
    for names, rows in ((NEAR, (0.15, 0.3)), (THINGS, (0.1, 0.3)), (ABOVE, (0.7, 0.9)), (THINGS, (0.7, 0.9))):
        x, y = canvas.dice.uniform(0.15, 0.85), canvas.dice.uniform(*rows)
        canvas.spot(canvas.any_of(names), canvas.dice.uniform(0.08, 0.15), x, y)


KINDS: tuple[Callable[[Canvas], None], ...] = (one_class, large_areas, strokes, with_holes, on_its_head, out_of_place)
PER_KIND = 4


def crude_maps(ontology: Ontology, size: int) -> Iterator[tuple[str, Tensor]]:
    """(Kind, [size, size] class indices), 24 in all, always the same."""
    for number, kind in enumerate(KINDS):
        for seed in range(PER_KIND):
            canvas = Canvas(ontology, size, 100 * number + seed)
            kind(canvas)
            yield kind.__name__.replace("_", " "), canvas.label_map()


def main(arguments: list[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    if not options.models:
        raise SystemExit("error: name one model or more")
    synthesizers = [load(model) for model in options.models]
    ontology = synthesizers[0].ontology
    maps = list(crude_maps(ontology, options.size))
    if options.data is not None:
        maps += [("ordinary maps", label_map) for label_map in ordinary_maps(options)]
    segmenter = load_segmenter(options.segmenter)

    # Pictures, each as the seed of its place draws its style, and what the judge sees of them.
    rows, shares = [], [dict[str, list[float]]() for _ in synthesizers]
    for place, (kind, label_map) in enumerate(maps):
        pictures = [to_image(synthesizer.batch(label_map[None], seed=place)[0]) for synthesizer in synthesizers]
        for found, picture in zip(shares, pictures, strict=True):
            found.setdefault(kind, []).append(agreement(segmenter, picture, label_map, ontology))
        if kind != "ordinary maps":
            rows.append([Image.fromarray(ontology.colorize(label_map).numpy()), *pictures])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows, columns=3).save(options.out)
    print(f"{options.out}\n")
    print_table(options.models, shares)


def agreement(segmenter: Segmenter, picture: Image.Image, label_map: Tensor, ontology: Ontology) -> float:
    """Share of the labelled pixels where the segmenter sees the map's class, by name; nan without such pixels."""
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    seen = segmenter.predict(pixels, (label_map.shape[0], label_map.shape[1]))[0]
    index = {name: number for number, name in enumerate(segmenter.classes)}
    wanted = torch.tensor([index.get(name, -1) for name in ontology.names])[label_map]
    labelled = wanted >= 0
    return float((seen == wanted)[labelled].float().mean())


def ordinary_maps(options: Options) -> list[Tensor]:
    """Label maps of the data, evenly spaced."""
    assert options.data is not None
    splits = FolderDataset(options.data).splits
    split = next((split for split in ("val", "test") if split in splits), None)
    settings = Preprocess(load_size=options.size, crop_size=options.size)
    dataset = FolderDataset(options.data, split=split, settings=settings, training=False)
    count = min(options.ordinary, len(dataset))
    return [dataset[i * len(dataset) // count].label_map for i in range(count)]


def print_table(models: tuple[str, ...], shares: list[dict[str, list[float]]]) -> None:
    names = [Path(model).name for model in models]
    print(f"| map | {' | '.join(names)} | maps |\n| --- |{' ---: |' * (len(names) + 1)}")
    crude = [kind for kind in shares[0] if kind != "ordinary maps"]
    for title, kinds in (*((kind, [kind]) for kind in shares[0]), ("all crude maps", crude)):
        columns = [[share for kind in kinds for share in found[kind]] for found in shares]
        shown = [f"{100 * np.nanmean(column):.1f} %" for column in columns]
        print(f"| {title} | {' | '.join(shown)} | {len(columns[0])} |")


if __name__ == "__main__":
    main()
