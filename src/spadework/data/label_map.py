"""Reading label maps, instance maps and photos from files, pictures, arrays and tensors.

Ids are never changed: no interpolation, and no ids from lossy files. Colours become the nearest class where they are
slightly off, and a warning says how many.
"""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.data.label_colors import (
    LabelMapWarning,
    SnappedColors,
    colors_to_index,
    holds_only_colors,
    nearest_index,
)
from spadework.data.map_file import (
    PICTURE_ERRORS,
    MapValues,
    Source,
    is_gray,
    load_pixels,
    open_image,
    read_values,
    rotation,
    source_name,
)
from spadework.data.ontology import Ontology, UnknownIds
from spadework.sample import unpack

PHOTO_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}


class PaletteDisagrees(LabelMapWarning):
    """The palette of a label map paints its ids in the colours of other classes."""


def read_label_map(source: Source, ontology: Ontology, *, pack: str | None = None) -> Tensor:
    """Read a label map as [H, W] int64 class indices.

    Takes a file (PNG of 1, 8 or 16 bits, palette PNG, TIFF, BMP, PPM, NPY), a PIL image, an array or a tensor, holding

    - ids, [H, W]: also as the palette indices of a palette PNG, or as three equal channels;
    - the ontology's colours, [H, W, 3], also in JPEG or WebP, or in the palette of a palette PNG whose indices are no
      ids. Colours that are slightly off become the nearest class's, with the warning SnappedColors.

    With `pack` the ids are that pack's (`Ontology.from_pack`). Raises ValueError naming the file, what came, what was
    expected and the cure; UnknownIds when it is about ids.
    """
    return read_small_label_map(source, ontology, pack=pack).to(torch.int64)


def read_small_label_map(source: Source, ontology: Ontology, *, pack: str | None = None) -> Tensor:
    """`read_label_map` in the ontology's small type, which saves loaders most of the work with it."""
    return _read_index(source, ontology, pack).to(ontology.small_type)


def _read_index(source: Source, ontology: Ontology, pack: str | None) -> Tensor:
    """Class indices in any integer type."""
    name = source_name(source)
    try:
        read = read_values(source)
        if read.values.ndim == 3:
            return _rgb_to_index(read, ontology, pack, name)
        try:
            index = ontology.to_small_index(read.values, pack=pack)
        except UnknownIds:
            used = _used(read)
            if used is None or pack is not None or not holds_only_colors(used[1], ontology):
                raise
            assert read.palette is not None
            return colors_to_index(read.palette[read.values], ontology)
        if pack is None:
            _tell_of_palette(read, ontology, name)
        return index
    except UnknownIds as error:
        raise UnknownIds(f"{name}: {error}", error.pixels, error.present) from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def read_instance_map(source: Source) -> Tensor:
    """Read an instance map (8, 16 or 32 bits) as [H, W] int64 object ids; raises ValueError naming the file."""
    try:
        values = read_values(source).values
        if values.ndim == 3:
            if not is_gray(values):
                raise ValueError("an instance map has one channel, this picture has colours; save object ids as PNG")
            values = values[..., 0]
        return torch.from_numpy(values.astype(np.int64))
    except ValueError as error:
        raise ValueError(f"{source_name(source)}: {error}") from None


def read_photo(source: str | PathLike[str] | Image.Image | np.ndarray) -> Image.Image:
    """Read a photo as an RGB image, turned upright as its EXIF says; raises ValueError naming the file."""
    try:
        image = _photo_image(source)
        if image.mode not in PHOTO_MODES:
            raise ValueError(f"a photo of mode {image.mode!r} (more than 8 bits per channel); save it as 8-bit RGB")
        image = load_pixels(image, upright=True)
        return image if image.mode == "RGB" else image.convert("RGB")
    except ValueError as error:
        raise ValueError(f"{source_name(source)}: {error}") from None


def photo_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of a photo turned upright, from the file's head alone."""
    try:
        with open_image(Path(path)) as image:
            swapped = rotation(image) in (5, 6, 7, 8)
            return (image.height, image.width) if swapped else image.size
    except PICTURE_ERRORS as error:
        raise ValueError(f"{path}: {error}") from None


def photo_to_tensor(photo: Image.Image | np.ndarray) -> Tensor:
    """An RGB image, or its [H, W, 3] uint8, as [3, H, W] float32 in [-1, 1]: (value / 255 - 0.5) / 0.5."""
    return unpack(photo_bytes(photo))


def photo_bytes(photo: Image.Image | np.ndarray) -> Tensor:
    """An RGB image, or its [H, W, 3] uint8, as [3, H, W] uint8: a photo, packed."""
    return torch.from_numpy(np.array(np.asarray(photo, dtype=np.uint8).transpose(2, 0, 1), order="C"))


def _rgb_to_index(read: MapValues, ontology: Ontology, pack: str | None, name: str) -> Tensor:
    """Three equal channels that are ids, else colours."""
    colors = read.values
    if not is_gray(colors):
        if pack is not None:
            raise ValueError("colours where ids are expected; labels of merged packs hold ids")
        return _snap(read, ontology, name)
    ids = colors[..., 0]
    if pack is not None:
        return ontology.to_index(ids, pack=pack)
    known = set(np.unique(ids).tolist()) <= set(ontology.known_ids())
    if not holds_only_colors(colors, ontology):
        return ontology.to_index(ids)
    index = colors_to_index(colors, ontology)
    if known and not torch.equal(index, ontology.to_index(ids)):
        raise ValueError("its grays can be read as ids and as colours of the ontology; save it as PNG with one channel")
    return index


def _snap(read: MapValues, ontology: Ontology, name: str) -> Tensor:
    """Colours to the nearest classes, with a warning where they were not exact or may not have been."""
    snapped = nearest_index(read.values, ontology)
    if snapped.share or read.lossy:
        why = f"{read.lossy} is lossy" if read.lossy else "was it resized smoothly, anti-aliased, or once a JPEG?"
        message = (
            f"{name}: {snapped.share:.2%} of the pixels have no class's exact colour and became the nearest class "
            f"({snapped.mixed:.2%} lie between classes): {why}; save label maps as PNG, without smoothing"
        )
        warnings.warn(SnappedColors(message, snapped.share), stacklevel=4)
    return snapped.index


def _used(read: MapValues) -> tuple[np.ndarray, np.ndarray] | None:
    """The palette's indices that occur, and their colours; None where there is no palette."""
    if read.palette is None:
        return None
    used = np.bincount(read.values.ravel(), minlength=256).nonzero()[0]
    return used, read.palette[used]


def _tell_of_palette(read: MapValues, ontology: Ontology, name: str) -> None:
    """Warn where a palette shows the ontology's colours, but for other ids: somebody's program has renumbered it."""
    used = _used(read)
    if used is None or len(np.unique(used[1], axis=0)) < 2 or not holds_only_colors(used[1], ontology):
        return
    try:
        painted, read_as = colors_to_index(used[1], ontology).tolist(), ontology.to_index(used[0]).tolist()
    except ValueError:
        return  # A colour of several classes says nothing.
    wrong = [place for place in range(len(painted)) if painted[place] != read_as[place]]
    if wrong:
        place = wrong[0]
        message = (
            f"{name}: read by the palette's indices, but {len(wrong)} of them are painted as other classes (index "
            f"{used[0][place]} is {ontology.names[read_as[place]]!r}, painted as {ontology.names[painted[place]]!r}); "
            "if the colours are right, save the map as RGB"
        )
        warnings.warn(PaletteDisagrees(message), stacklevel=3)


def _photo_image(source: str | PathLike[str] | Image.Image | np.ndarray) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8:
            raise ValueError(f"expected uint8 [H, W, 3], got {source.dtype} {list(source.shape)}")
        return Image.fromarray(source)
    return open_image(Path(source))
