"""Pictures of label maps, at once: of the model that comes with the library, or of a tiny one, trained in a minute.

    python examples/demo.py                      # the shipped model: its example label maps in four of its styles
    python examples/demo.py --train              # a tiny SPADE, on landscapes that this script draws
    python examples/demo.py my-photos            # the same on a data folder: photos, label maps, ontology.json

Training goes through what the command line offers: `spadework train`, then the trained model turns label maps that it
has not seen into photos. They lie beside the real ones in one picture, `label | real | fake`. Where no model came with
the library, one is trained.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image
from tyro.conf import Positional

from spadework import cli
from spadework.contact_sheet import contact_sheet
from spadework.data.folder import FolderDataset
from spadework.data.label_map import read_label_map
from spadework.data.preprocess import Preprocess
from spadework.shipped_models import shipped_models
from spadework.synthesizer import load, to_image

SHIPPED = "landscapes"
"""The model that comes with the library."""

SIZE = 64
"""Height and width of all pictures, in pixels; what the preset `tiny` trains at."""

CLASSES = {
    "sky": (110, 180, 235),
    "sun": (255, 215, 80),
    "hills": (120, 105, 95),
    "grass": (130, 190, 70),
    "water": (40, 95, 170),
}
"""The classes of the drawn landscapes and their colours in label maps; the ids are 0, 1, 2, ... in this order."""


@dataclass(frozen=True)
class Options:
    """Pictures of the model that comes with the library, or of a tiny one, trained in a minute."""

    data: Positional[Path | None] = None
    """A data folder (photos, labels, ontology.json) to train on; without one, landscapes are drawn."""
    train: bool = False
    """Train, though a model came with the library."""
    out: Path = Path("runs/demo")
    """Where everything goes; where this exists already, to the first free one of demo-2, demo-3, ..."""
    images: int = 800
    """Images to train for."""


def main(arguments: list[str] | None = None) -> int:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    began = time.monotonic()
    out = free_folder(options.out)
    if options.data is None and not options.train and SHIPPED in shipped_models():
        show_shipped(out)
        return 0
    data = options.data or draw_data(out / "data")

    # Half the preset's width and ten times the paper's learning rate: there is a minute only.
    run = out / "run"
    hurry = ["--generator-width", "8", "--learning-rate", "0.002", "--no-two-time-scales", "--workers", "0"]
    start = ["train", "spade", "--preset", "tiny", "--data", str(data), "--out", str(run)]
    exit_code = cli.main([*start, "--images", str(options.images), *hurry])
    if exit_code:
        return exit_code

    sheet = out / "sheet.png"
    make_sheet(run, data).save(sheet)
    print(f"label | real | fake: {sheet}, after {time.monotonic() - began:.0f} seconds. The model is {run}:")
    print(f"    spadework generate {run} LABELS --out PICTURES")
    return 0


def show_shipped(out: Path, maps: int = 6, styles: int = 4) -> None:
    """A sheet of the shipped model's examples, each in several of its styles (or, without such, seeds)."""
    folder = shipped_models()[SHIPPED]
    synthesizer = load(SHIPPED)
    vectors = sorted((folder / "styles").glob("*.npy"))[:styles]
    looks = [{"style": vector} for vector in vectors] or [{"seed": seed} for seed in range(styles)]
    rows = []
    for example in sorted((folder / "examples").glob("*.png"))[:maps]:
        label_map = read_label_map(example, synthesizer.ontology)
        colors = Image.fromarray(synthesizer.ontology.colorize(label_map).numpy())
        rows.append([colors, *(synthesizer(example, **look) for look in looks)])
    out.mkdir(parents=True)
    contact_sheet(rows).save(out / "sheet.png")
    print(f"label maps, each in {len(looks)} styles: {out / 'sheet.png'}. Your own label maps (PNG files of ids):")
    print(f"    spadework generate {SHIPPED} LABELS --out PICTURES --seed 3")
    print(f"    spadework models {SHIPPED}")


def free_folder(wanted: Path) -> Path:
    """The wanted folder, or the first of NAME-2, NAME-3, ... that does not exist."""
    folder, number = wanted, 1
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def make_sheet(run: Path, data: Path, count: int = 12) -> Image.Image:
    """Rows of `label | real | fake`, from pictures that were not trained on where the data set some apart."""
    synthesizer = load(run)
    splits = FolderDataset(data).splits
    split = next((split for split in ("test", "val") if split in splits), "train" if splits else None)
    settings = Preprocess(load_size=SIZE, crop_size=SIZE)
    dataset = FolderDataset(data, split=split, settings=settings, training=False)

    rows = []
    count = min(count, len(dataset))
    for index in (i * len(dataset) // count for i in range(count)):
        sample = dataset[index]
        assert sample.photo is not None
        fake = synthesizer.batch(sample.label_map[None])[0]
        label = Image.fromarray(dataset.ontology.colorize(sample.label_map).numpy())
        rows.append([enlarged(picture) for picture in (label, to_image(sample.photo), to_image(fake))])
    return contact_sheet(rows, columns=2)


def enlarged(picture: Image.Image) -> Image.Image:
    return picture.resize((2 * SIZE, 2 * SIZE), Image.Resampling.NEAREST)


# The landscapes.


def draw_data(folder: Path, train: int = 200, val: int = 12) -> Path:
    """Write a data folder of drawn landscapes, the same ones every time."""
    for split, indices in {"train": range(train), "val": range(train, train + val)}.items():
        for kind in ("photos", "labels"):
            (folder / split / kind).mkdir(parents=True)
        for index in indices:
            photo, label_map = draw_landscape(index)
            Image.fromarray(photo).save(folder / split / "photos" / f"{index:03d}.png")
            Image.fromarray(label_map).save(folder / split / "labels" / f"{index:03d}.png")
    classes = [{"id": id, "name": name, "color": color} for id, (name, color) in enumerate(CLASSES.items())]
    (folder / "ontology.json").write_text(json.dumps({"name": "drawn landscapes", "classes": classes}))
    return folder


def draw_landscape(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Landscape number `index`: its photo [SIZE, SIZE, 3] and its label map [SIZE, SIZE], both uint8."""
    random = np.random.default_rng(index)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    photo, label_map = np.zeros((SIZE, SIZE, 3)), np.zeros((SIZE, SIZE), np.uint8)

    def paint(name: str, where: np.ndarray, color: np.ndarray) -> None:
        photo[where], label_map[where] = color[where], list(CLASSES).index(name)

    # Sky: blue above, pale at the horizon, with clouds; a sun in some.
    horizon = random.uniform(0.35, 0.6)
    clouds = np.clip(3 * noise(random, 4) - 1.6, 0, 1)
    sky = mix((75, 135, 215), (195, 220, 240), y / horizon)
    paint("sky", y < 2, mix(sky, (250, 250, 250), clouds))
    if random.random() < 0.5:
        distance = np.hypot(x - random.uniform(0.15, 0.85), y - random.uniform(0.1, 0.25))
        paint("sun", distance < random.uniform(0.06, 0.1), mix((255, 250, 215), (255, 215, 110), distance / 0.1))

    # Hills before it, grass before them, and a lake in the grass of most.
    rock = mix((95, 90, 105), (165, 150, 135), noise(random, 8))
    paint("hills", y > horizon - 0.3 * noise(random, 3)[:1] * random.uniform(0.4, 1), rock)
    paint("grass", y > horizon + 0.06 * noise(random, 4)[:1], mix((45, 95, 35), (140, 175, 70), noise(random, 16)))
    if random.random() < 0.7:
        middle, depth = random.uniform(0.2, 0.8), random.uniform(0.75, 0.85)
        lake = np.hypot((x - middle) / random.uniform(0.25, 0.5), (y - depth) / random.uniform(0.07, 0.13))
        waves = mix((35, 75, 130), (105, 160, 205), noise(random, (24, 4)))
        paint("water", lake + 0.5 * noise(random, 5) < 1.25, waves)
    return photo.round().astype(np.uint8), label_map


def noise(random: np.random.Generator, cells: int | tuple[int, int]) -> np.ndarray:
    """[SIZE, SIZE] in [0, 1]: random numbers on a grid of `cells` (rows, columns), smoothly between them, and finer."""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((SIZE, SIZE))
    for octave in (1, 2, 4):
        grid = Image.fromarray(random.random((rows * octave + 1, columns * octave + 1), np.float32))
        total += np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) / octave
    return np.clip(total / 1.75, 0, 1)


def mix(start: tuple[int, int, int] | np.ndarray, end: tuple[int, int, int], part: np.ndarray) -> np.ndarray:
    """[SIZE, SIZE, 3]: from colour `start` (part 0) to colour `end` (part 1)."""
    part = np.clip(part, 0, 1)[..., None]
    return (1 - part) * np.asarray(start) + part * np.asarray(end)


if __name__ == "__main__":
    sys.exit(main())
