"""`spadework segment`: photos into label maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from PIL import Image
from tyro.conf import Positional

from spadework.atomic import write_atomic
from spadework.cli.inputs import PHOTOS, find_inputs, keep_inputs
from spadework.data.label_map import read_photo
from spadework.data.ontology import Ontology
from spadework.data.prepare.making import label_png, png_bytes
from spadework.hardware import find_device
from spadework.segmenters.own import ONTOLOGY, OwnSegmenter


@dataclass(frozen=True)
class Segment:
    """Turn photos into label maps of the segmenter's classes, of the photos' own size."""

    photos: Positional[tuple[Path, ...]]
    """Photos: files, or folders of them; a data folder stands for the photos of all its splits."""
    segmenter: Path
    """The folder of a segmenter: see `spadework train-segmenter`."""
    out: Path
    """The folder for the label maps, NAME.png each: ids, with the classes' colours as palette; subfolders stay."""
    colors: Path | None = None
    """A folder for the same maps as RGB pictures in the classes' colours."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where to compute."""


def segment(arguments: Sequence[str]) -> None:
    """Write one label map per photo, and print its path."""
    options = tyro.cli(Segment, prog="spadework segment", args=list(arguments))
    photos = find_inputs(options.photos, PHOTOS)
    folders = [options.out, *([] if options.colors is None else [options.colors])]
    if len({os.path.realpath(folder) for folder in folders}) < len(folders):
        raise ValueError(f"{options.out}: --out and --colors are one folder; give each its own")
    keep_inputs([folder / f"{name}.png" for folder in folders for name in photos], photos.values())

    segmenter = OwnSegmenter.read(options.segmenter).to(find_device(options.device))
    ontology = Ontology.read(options.segmenter / ONTOLOGY)
    for name, path in photos.items():
        ids = segmenter.label(read_photo(path))
        target = options.out / f"{name}.png"
        _write(target, label_png(ids.numpy(), ontology))
        if options.colors is not None:
            painted = ontology.colorize(ontology.to_index(ids)).numpy()
            _write(options.colors / f"{name}.png", png_bytes(Image.fromarray(painted)))
        print(target, flush=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda file: file.write(content))
