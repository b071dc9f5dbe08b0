"""Does a model follow its label maps? The mean colour of each class, in real photos and in generated ones.

    python examples/class_colors.py runs/camvid data/camvid --split test --sheet sheet.png

For every class: the mean colour of its pixels in real photos, that of its pixels in photos generated from the same
label maps, and the class whose real mean lies nearest to the generated one. A model that ignores its maps paints every
class alike and misses most of them. The sheet shows `label | real | fake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from PIL import Image
from torch import Tensor
from tyro.conf import Positional

import spadework
from spadework.contact_sheet import contact_sheet
from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.sample import Batch
from spadework.synthesizer import Synthesizer, to_image


@dataclass(frozen=True)
class Options:
    """What to compare."""

    model: Positional[str]
    """A model folder or a run folder."""
    data: Positional[Path]
    """A data folder with photos."""
    split: str = "test"
    """Which of its splits."""
    classes: int = 5
    """How many of the largest classes count."""
    sheet: Path | None = None
    """Where to write a contact sheet."""
    rows: int = 12
    """Pictures of the sheet."""
    real: bool = True
    """Show the real photos on the sheet too."""


def main() -> None:
    """Print the table and write the sheet."""
    options = tyro.cli(Options, description=__doc__)
    synthesizer = spadework.load(options.model)
    config = synthesizer.system.config
    settings = Preprocess("resize_and_crop", config.width, config.width, config.width / config.height)
    data = FolderDataset(options.data, split=options.split, settings=settings, training=False)
    real, fake, pixels = mean_colors(synthesizer, data)

    # The largest classes, and what their generated colour is nearest to among all classes that occur.
    present = (pixels > 0).nonzero()[:, 0]
    largest = [index for index in pixels.argsort(descending=True).tolist() if index != data.ontology.unlabelled_index]
    hits = 0
    print("class | share of pixels | real mean (R, G, B) | generated mean | nearest real mean")
    for index in largest[: options.classes]:
        nearest = int(present[(real[present] - fake[index]).norm(dim=1).argmin()])
        hits += nearest == index
        share = pixels[index] / pixels.sum()
        names = data.ontology.names
        print(f"{names[index]} | {share:.1%} | {rgb(real[index])} | {rgb(fake[index])} | {names[nearest]}")
    print(f"{hits} of {options.classes} are nearest to their own class ({len(data)} label maps)")

    if options.sheet is not None:
        step = max(len(data) // options.rows, 1)
        rows = [row(synthesizer, data, i * step, options.real) for i in range(min(options.rows, len(data)))]
        contact_sheet(rows, columns=2).save(options.sheet)
        print(options.sheet)


def mean_colors(synthesizer: Synthesizer, data: FolderDataset) -> tuple[Tensor, Tensor, Tensor]:
    """Per class index: mean colour in real photos and in generated ones [N, 3], 0..255; number of pixels [N]."""
    sums = torch.zeros(2, data.ontology.channels, 3)
    pixels = torch.zeros(data.ontology.channels)
    for index in range(len(data)):
        batch, fake = generate(synthesizer, data, index)
        assert batch.photo is not None
        labels = batch.label_map.flatten()
        pixels += torch.bincount(labels, minlength=len(pixels))
        for i, photo in enumerate((batch.photo[0], fake)):
            sums[i].index_add_(0, labels, ((photo + 1) * 127.5).flatten(1).T)
    means = sums / pixels.clamp_min(1)[:, None]
    return means[0], means[1], pixels


def generate(synthesizer: Synthesizer, data: FolderDataset, index: int) -> tuple[Batch, Tensor]:
    """A sample and the photo for its label map."""
    batch = Batch.collate([data[index]])
    return batch, synthesizer.batch(batch.label_map, instance_map=batch.instance_map)[0]


def row(synthesizer: Synthesizer, data: FolderDataset, index: int, real: bool) -> list[Image.Image]:
    """label | real | fake of one sample."""
    batch, fake = generate(synthesizer, data, index)
    assert batch.photo is not None
    label = Image.fromarray(data.ontology.colorize(batch.label_map[0]).numpy())
    return [label, *([to_image(batch.photo[0])] if real else []), to_image(fake)]


def rgb(color: Tensor) -> str:
    """Rounded to whole numbers."""
    return ", ".join(f"{value:.0f}" for value in color.tolist())


if __name__ == "__main__":
    main()
