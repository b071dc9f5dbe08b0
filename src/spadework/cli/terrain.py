"""`spadework terrain`: endless labelled landscapes, drawn by the library itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import tyro
from PIL import Image
from tqdm import tqdm

from spadework.cli.bars import Bars
from spadework.contact_sheet import contact_sheet
from spadework.data.shipped import shipped_ontology
from spadework.terrain import STYLES, Layout, Style
from spadework.terrain.write import ONTOLOGY, Order, as_picture, save_picture, style_seed, write_terrain


@dataclass(frozen=True)
class Terrain:
    """Draw labelled landscapes: a data folder (photos, labels, instances, ontology), a sheet to look at, or both.

    Interrupted at any moment, the same command goes on. The same seed and size give the same pictures,
    as long as the version of the renderer stays (manifest.json names it).
    """

    out: Path | None = None
    """The data folder to write."""
    count: int = 12
    """Layouts: how many different landscapes; each gives --styles photos with one label map."""
    size: tuple[int, ...] = (256,)
    """Pixels: a side, or height and width."""
    seed: int = 0
    """The first layout's seed; the others follow."""
    styles: int = 4
    """Photos of each layout: seasons, light and weather differ."""
    val: int = 0
    """Further layouts for the split val; they are in no other split, whatever the seeds."""
    test: int = 0
    """Further layouts for the split test."""
    photos: Literal["jpg", "png"] = "jpg"
    """Format of the photos."""
    processes: int = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    """Processes that draw, about 1.1 GiB of memory each at 256 pixels."""
    sheet: Path | None = None
    """Draw `count` layouts beside their label maps on one picture (jpg or png)."""
    styles_of: int | None = None
    """The layout with this seed under all named styles, on --sheet."""


def terrain(arguments: Sequence[str]) -> None:
    """Draw, with a bar on the way, and say what is there."""
    options = tyro.cli(Terrain, prog="spadework terrain", args=list(arguments))
    if options.out is None and options.sheet is None:
        raise ValueError("nothing to draw to: give --out DIR for a data folder, or --sheet FILE for a picture")
    if options.styles_of is not None and options.sheet is None:
        raise ValueError("--styles-of draws on a sheet: give --sheet FILE too")
    if len(options.size) not in (1, 2):
        raise ValueError(f"--size {' '.join(map(str, options.size))}: expected a side, or height and width")
    size = (options.size[0], options.size[-1])
    order = Order(options.count, size, options.seed, options.styles, options.val, options.test, options.photos)
    if options.sheet is not None:
        _sheet(options, order)
    if options.out is not None:
        with Bars("layouts") as bars:
            progress = partial(bars.show, "drawing")
            drawn = write_terrain(order, options.out, processes=options.processes, progress=progress)
        pictures = order.styles * (order.count + order.val + order.test)
        print(f"{options.out} is complete: {pictures:,} photos; {drawn:,} layouts drawn now")


def _sheet(options: Terrain, order: Order) -> None:
    """Layouts with their label maps, or one under the named styles."""
    assert options.sheet is not None
    if options.sheet.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise ValueError(f"--sheet {options.sheet}: expected a name that ends in .jpg or .png")
    if not options.sheet.parent.is_dir():
        raise ValueError(f"--sheet {options.sheet}: there is no folder {options.sheet.parent}")
    rows: list[list[Image.Image]] = []
    if options.styles_of is not None:
        layout = Layout.draw(options.styles_of, order.size)
        rows = [[as_picture(layout.photo(style))] for style in tqdm(STYLES.values(), leave=False, disable=None)]
        print(f"{options.sheet}: {', '.join(STYLES)}, row by row")
    else:
        colors = shipped_ontology(ONTOLOGY)
        for _, seed in tqdm(list(order.layouts()), unit=" layouts", leave=False, disable=None):
            layout = Layout.draw(seed, order.size)
            painted = Image.fromarray(colors.colorize(layout.label_map).numpy())
            rows.append([as_picture(layout.photo(Style.draw(style_seed(seed, 0)))), painted])
        print(f"{options.sheet}: {len(rows)} layouts from seed {order.seed}")
    if not rows:
        raise ValueError("--count 0: a sheet needs a layout")
    save_picture(contact_sheet(rows, columns=4 if len(rows) > 3 else len(rows)), options.sheet)
