"""A training over time: the same label maps, and what the model made of them then. No real photo is shown.

    python examples/over_time.py runs/park --images 1000 4000 16000 --out over-time.jpg

It cuts the sample sheets of a run folder, `label | real | fake`, into pieces: the label map stands at the left of each
row, then the photos made after so many images.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from PIL import Image
from tyro.conf import Positional

from spadework.contact_sheet import GAP, contact_sheet
from spadework.training.run import Run


@dataclass(frozen=True)
class Options:
    """A training over time."""

    run: Positional[Path]
    """A run folder."""
    images: tuple[int, ...] = ()
    """Sample sheets, by the images seen; all of them unless given."""
    out: Path = Path("runs/over-time.jpg")
    """The picture to write."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = tyro.cli(Options, description=__doc__, args=arguments)
    run = Run(options.run)
    config = json.loads((options.run / "config.json").read_text())["config"]
    there = sorted(int(path.stem) for path in run.sample_path(0).parent.glob("*.png"))
    if missing := sorted(set(options.images) - set(there)):
        raise ValueError(f"{options.run} has no samples at {missing[0]} images, but at {', '.join(map(str, there))}")
    sheets = [pieces(Image.open(run.sample_path(images)), config) for images in options.images or there]
    rows = [[moments[0][0], *(fake for _, _, fake in moments)] for moments in zip(*sheets, strict=True)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows).save(options.out, quality=88)
    print(options.out)


def pieces(sheet: Image.Image, config: dict[str, int]) -> list[list[Image.Image]]:
    """The rows `label | real | fake` of a sample sheet, whose blocks stand two side by side."""
    width, height = config["width"], config["height"]
    right, down = width + GAP, height + GAP
    corners = [(x, y) for y in range(GAP, sheet.height, down) for x in range(GAP, sheet.width, 3 * right)]
    rows = [[sheet.crop((x + i * right, y, x + i * right + width, y + height)) for i in range(3)] for x, y in corners]
    return [row for row in rows if any(low < 255 for piece in row for low, _ in piece.getextrema())]  # not the rest


if __name__ == "__main__":
    main()
