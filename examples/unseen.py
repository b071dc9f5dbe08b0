"""What the model that comes with the library makes of 64 label maps that it has never seen, none of them chosen.

    python examples/unseen.py --out unseen.jpg
    python examples/unseen.py --model runs/landscapes --first 7000000

The maps are those of the landscapes number FIRST, FIRST + 1, ... that the library draws; the style of each is drawn by
its number. Left the label map, right the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from PIL import Image

from spadework.contact_sheet import contact_sheet
from spadework.synthesizer import load, to_image
from spadework.terrain import Layout


@dataclass(frozen=True)
class Options:
    """Unseen label maps and the photos of a model, none of them chosen."""

    model: str = "landscapes"
    """A model with the classes of the ontology `landscapes`."""
    out: Path = Path("runs/unseen.jpg")
    """The picture to write."""
    first: int = 5_000_000
    """Number of the first landscape; data that `spadework terrain` draws with small seeds lie far from it."""
    count: int = 64
    columns: int = 8
    """Pairs in a row."""
    size: int = 256
    """Height and width of the photos, in pixels."""
    tile: int = 160
    """Height and width on the sheet, in pixels."""


def main(arguments: list[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    synthesizer = load(options.model)
    tile = (options.tile, options.tile)
    rows = []
    for number in range(options.first, options.first + options.count):
        label_map = Layout.draw(number, (options.size, options.size)).label_map
        colors = Image.fromarray(synthesizer.ontology.colorize(label_map).numpy())
        photo = to_image(synthesizer.batch(label_map[None], seed=number)[0])
        rows.append([colors.resize(tile, Image.Resampling.NEAREST), photo.resize(tile, Image.Resampling.LANCZOS)])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows, columns=options.columns).save(options.out, quality=88)
    print(options.out)


if __name__ == "__main__":
    main()
