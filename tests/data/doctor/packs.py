"""Small data folders to plant faults in: drawn ones, and copies of real packs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.pairs import find_pairs

DATA = Path(os.environ.get("SPADEWORK_DATA", ""))
REAL = ("camvid", "offroad", "labelmefacade", "cocostuff-samples") if "SPADEWORK_DATA" in os.environ else ()
COLORS = [(60, 140, 220), (70, 160, 60), (160, 80, 50), (120, 120, 130), (220, 190, 40), (150, 40, 140)]
NAMES = ("sky", "grass", "house", "road", "sun", "flower")
TRAIN, VAL = 10, 6


@dataclass
class Pack:
    """A data folder in our layout, with train/ and val/."""

    root: Path

    @property
    def ontology(self) -> Ontology:
        return Ontology.read(self.root / "ontology.json")

    def files(self, split: str, kind: str) -> list[Path]:
        return sorted((self.root / split / kind).iterdir())

    def labels(self) -> list[Path]:
        return self.files("train", "labels") + self.files("val", "labels")

    @property
    def has_instances(self) -> bool:
        return (self.root / "train/instances").is_dir()

    def bytes(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


def drawn_pack(root: Path) -> Pack:
    """Landscapes of six classes (ids 0..5, 255 unlabelled) with instance maps, 96 x 72."""
    numbers = np.random.default_rng(7)
    for split, count in (("train", TRAIN), ("val", VAL)):
        for kind in ("photos", "labels", "instances"):
            (root / split / kind).mkdir(parents=True)
        for number in range(count):
            name = f"{split}{number}"
            label = draw_label(numbers)
            Image.fromarray(label).save(root / split / "labels" / f"{name}.png")
            Image.fromarray(label.astype(np.uint16) + 300).save(root / split / "instances" / f"{name}.png")
            photo(label, numbers).save(root / split / "photos" / f"{name}.jpg", quality=92)
    classes = tuple(SemanticClass(id, name, COLORS[id]) for id, name in enumerate(NAMES))
    Ontology("drawn", classes, (255,)).write(root / "ontology.json")
    return Pack(root)


def draw_label(numbers: np.random.Generator) -> np.ndarray:
    """[72, 96] uint8: sky, grass, a road, houses, the sun, flowers, and a few unlabelled pixels."""
    image = Image.new("L", (96, 72), 0)
    draw = ImageDraw.Draw(image)

    def at(low: int, high: int) -> int:
        return int(numbers.integers(low, high))

    horizon = at(28, 44)
    draw.rectangle((0, horizon, 96, 72), fill=1)
    x = at(20, 70)
    draw.polygon([(x, horizon), (x - at(14, 30), 72), (x + at(14, 30), 72)], fill=3)
    for _ in range(2):
        x, height = at(4, 80), at(10, 22)
        draw.rectangle((x, horizon - height, x + at(10, 18), horizon + 5), fill=2)
    x = at(6, 86)
    draw.ellipse((x, 4, x + 11, 15), fill=4)
    for _ in range(3):
        x, y = at(4, 86), at(52, 64)
        draw.ellipse((x, y, x + 7, y + 7), fill=5)
    draw.rectangle((0, 69, at(20, 70), 72), fill=255)
    return np.asarray(image)


def photo(label: np.ndarray, numbers: np.random.Generator) -> Image.Image:
    """A noisy picture of a label map, lit from one side."""
    colors = np.full((256, 3), 20, np.float64)
    colors[: len(COLORS)] = COLORS
    light = np.linspace(*numbers.permutation([0.75, 1.25]), label.shape[1])[None, :, None]
    noisy = colors[label] * light + numbers.normal(0, 12, (*label.shape, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def real_pack(name: str, root: Path) -> Pack:
    """The first pairs of a pack's train and val, copied into our layout."""
    source = DATA / name
    for split, count in (("train", TRAIN), ("val", VAL)):
        pairs = find_pairs(source, split)
        for pair in pairs[:: max(len(pairs) // count, 1)][:count]:
            for kind, path in (("photos", pair.photo), ("labels", pair.label), ("instances", pair.instance)):
                if path is not None:
                    (root / split / kind).mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, root / split / kind / path.name)
    Ontology.read(source / "classes.json").write(root / "ontology.json")
    return Pack(root)


def make_pack(name: str, root: Path) -> Pack:
    return drawn_pack(root) if name == "drawn" else real_pack(name, root)
