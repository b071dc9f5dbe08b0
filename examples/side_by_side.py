"""What several models make of the same label maps: other systems, or one training over time. No real photo is shown.

    python examples/side_by_side.py runs/spade runs/oasis --data data/camvid --split test --out side-by-side.jpg

The label map stands at the left of each row, then a photo by each model, in the order given. The maps lie evenly in
the split; none of them is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from PIL import Image
from tyro.conf import Positional

import spadework
from spadework.contact_sheet import contact_sheet
from spadework.data.open import open_data
from spadework.data.preprocess import Preprocess
from spadework.sample import Batch
from spadework.synthesizer import to_image


@dataclass(frozen=True)
class Options:
    """What several models make of the same label maps."""

    models: Positional[tuple[str, ...]]
    """Model folders or run folders with the same classes, trained for the same size."""
    data: str
    """A data folder, or the JSON file of an ontology that merges several."""
    split: str = "test"
    preprocess: str = "resize_and_crop"
    """How label maps come to the size that the models were trained for: as in their training."""
    out: Path = Path("runs/side-by-side.jpg")
    """The picture to write."""
    count: int = 12
    """Label maps."""
    columns: int = 2
    """Label maps beside each other."""
    seed: int = 0
    """Of the styles, where the models have any."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    synthesizers = [spadework.load(model) for model in options.models]
    config = synthesizers[0].system.config
    geometry = Preprocess(options.preprocess, config.width, config.width, config.width / config.height)
    ontology = synthesizers[0].ontology
    data = open_data([options.data], split=options.split, ontology=ontology, settings=geometry, training=False)

    # The same label map for all, the style by its place in the data.
    rows = []
    for index in range(0, len(data), -(-len(data) // options.count)):
        batch = Batch.collate([data[index]])
        row = [Image.fromarray(ontology.colorize(batch.label_map[0]).numpy())]
        for synthesizer in synthesizers:
            photos = synthesizer.batch(batch.label_map, instance_map=batch.instance_map, seed=options.seed + index)
            row.append(to_image(photos[0]))
        rows.append(row)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows, columns=options.columns).save(options.out, quality=88)
    print(options.out)


if __name__ == "__main__":
    main()
