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
from spadework.data.label_map import read_photo
from spadework.data.ontology import Ontology
from spadework.data.pairs import PHOTO_EXTENSIONS, PHOTO_FOLDERS
from spadework.data.prepare.making import label_png, png_bytes
from spadework.segmenters.own import ONTOLOGY, OwnSegmenter


@dataclass(frozen=True)
class Segment:
    """Turn photos into label maps of the segmenter's classes, of the photos' own size."""

    photos: Positional[tuple[Path, ...]]
    """Photos: files, or folders of them."""
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
    photos = find_photos(options.photos)
    folders = [options.out, *([] if options.colors is None else [options.colors])]
    if len({os.path.realpath(folder) for folder in folders}) < len(folders):
        raise ValueError(f"{options.out}: --out and --colors are one folder; give each its own")
    _keep_inputs([folder / f"{name}.png" for folder in folders for name in photos], photos)

    segmenter = OwnSegmenter.read(options.segmenter).to(options.device)
    ontology = Ontology.read(options.segmenter / ONTOLOGY)
    for name, path in photos.items():
        ids = segmenter.label(read_photo(path))
        target = options.out / f"{name}.png"
        _write(target, label_png(ids.numpy(), ontology))
        if options.colors is not None:
            painted = ontology.colorize(ontology.to_index(ids)).numpy()
            _write(options.colors / f"{name}.png", png_bytes(Image.fromarray(painted)))
        print(target, flush=True)


def find_photos(paths: Sequence[Path]) -> dict[str, Path]:
    """Name (a file's stem; within a folder with its subfolders) -> file, in the order given, folders sorted.

    A data folder stands for its photos. Raises ValueError for what is missing, empty or there twice.
    """
    if not paths:
        raise ValueError("no photos given: name files, or folders of them")
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: there is no such file or folder")
        for name, file in _files(path) if path.is_dir() else [(path.stem, path)]:
            if name in found:
                raise ValueError(f"{found[name]} and {file} would both become {name}.png; segment them apart")
            found[name] = file
    return found


def _files(folder: Path) -> list[tuple[str, Path]]:
    folder = next((folder / name for name in PHOTO_FOLDERS if (folder / name).is_dir()), folder)
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTO_EXTENSIONS)
    if not files:
        raise ValueError(f"{folder}: no photos in it (files ending in {', '.join(sorted(PHOTO_EXTENSIONS))})")
    return [(str(file.relative_to(folder).with_suffix("")), file) for file in files]


def _keep_inputs(targets: Sequence[Path], photos: dict[str, Path]) -> None:
    present = {os.path.realpath(path) for path in photos.values()}
    for target in targets:
        if os.path.realpath(target) in present:
            raise ValueError(f"{target} is one of the photos: choose another folder")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda file: file.write(content))
