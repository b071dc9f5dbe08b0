"""The pictures that are judged: generated ones, anybody's, or the real photos.

Shapes: H W height and width in pixels. Sizes are (width, height).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.checksum import sha256_of
from spadework.data.label_map import photo_size, read_photo
from spadework.data.pair_dataset import PairDataset
from spadework.data.pairs import PHOTO_EXTENSIONS, PHOTO_FOLDERS, SPLITS
from spadework.data.preprocess import Geometry

Size = tuple[int, int]

LOSSY = {".jpg", ".jpeg", ".webp"}


@dataclass(frozen=True)
class PictureFiles:
    """One file for each label map, in the data's order."""

    files: tuple[Path, ...]
    size: Size | None
    """What every picture is brought to; None leaves each as it is."""

    def __call__(self, place: int) -> Tensor:
        """uint8 [3, H, W], RGB."""
        return _as_tensor(read_photo(self.files[place]), self.size)


@dataclass(frozen=True)
class RealPhotos:
    """The photos of the data themselves."""

    dataset: PairDataset
    size: Size | None
    """What every photo is brought to; None leaves each as it is."""

    def __call__(self, place: int) -> Tensor:
        """uint8 [3, H, W], RGB."""
        photo, _, _ = self.dataset.read(place)
        if photo is None:
            raise ValueError(f"{self.dataset.name(place)}: there is no photo to compare with")
        return _as_tensor(photo, self.size)


Pictures = PictureFiles | RealPhotos


@dataclass(frozen=True)
class LabelMaps:
    """The label maps of the data."""

    dataset: PairDataset
    size: Size

    def __call__(self, place: int) -> Tensor:
        """[H, W] int64 class indices, by nearest neighbour."""
        return self.with_instances(place)[0]

    def with_instances(self, place: int) -> tuple[Tensor, Tensor | None]:
        """Label map and, where the data have one, instance map."""
        _, label_map, instance_map = self.dataset.read(place)
        geometry = Geometry(self.size)
        return geometry.map(label_map, 0), None if instance_map is None else geometry.map(instance_map, 0)


def resized(photo: Image.Image, size: Size | None) -> Image.Image:
    """A photo at a size, by Pillow's bicubic filter; one that has it stays as it is."""
    return photo if size is None or photo.size == size else photo.resize(size, Image.Resampling.BICUBIC)


def _as_tensor(photo: Image.Image, size: Size | None) -> Tensor:
    return torch.from_numpy(np.array(resized(photo, size))).permute(2, 0, 1).contiguous()


def find_pictures(folder: Path, names: Sequence[str], split: str | None) -> tuple[Path, ...]:
    """The picture of each name, in that order: files of a folder, or the photos of a data folder (that split's).

    Pictures pair by stem, in subfolders too. Raises ValueError that lists what is missing or there twice.
    """
    place = _photos_in(folder, split)
    found: dict[str, list[Path]] = {}
    for path in sorted(place.rglob("*")):
        if path.suffix.lower() in PHOTO_EXTENSIONS and not path.name.startswith("."):
            found.setdefault(path.stem, []).append(path)
    missing = [name for name in names if name not in found]
    if missing:
        there = f"; there are {len(found)} others, such as {next(iter(found))}" if found else ""
        raise ValueError(
            f"{place}: no picture for {len(missing)} of {len(names)} label maps, {missing[0]} for one{there}. A "
            "picture and its label map have the same name up to the extension; a model folder would hold config.json"
        )
    twice = next((paths for name in names if len(paths := found[name]) > 1), None)
    if twice:
        raise ValueError(f"{twice[0]} and {twice[1]} are both for {twice[0].stem}: keep one of them")
    return tuple(found[name][0] for name in names)


def _photos_in(folder: Path, split: str | None) -> Path:
    """The folder of photos, where a data folder is given."""
    bases = [folder / split] if split else [folder, *(folder / name for name in SPLITS[:1])]
    for base in [*bases, folder]:
        for name in PHOTO_FOLDERS:
            if (base / name).is_dir():
                return base / name
    return folder


def common_size(files: Sequence[Path]) -> Size | None:
    """Width and height of pictures; None where they differ."""
    first = photo_size(files[0])
    return first if all(photo_size(file) == first for file in files[1:]) else None


def content_hash(files: Sequence[Path]) -> str:
    """SHA-256 over names and contents of files, in their order."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.stem}\n{sha256_of(file)}\n".encode())
    return whole.hexdigest()
