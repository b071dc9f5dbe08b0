"""Reading label maps, instance maps and photos from files, pictures, arrays and tensors.

A label map never passes through anything that mixes neighbouring values: no interpolation, no lossy file format.
"""

from __future__ import annotations

import struct
import zlib
from os import PathLike
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from spadework.data.label_colors import colors_to_index, holds_only_colors
from spadework.data.ontology import Ontology, UnknownIds

Source = str | PathLike[str] | Image.Image | np.ndarray | Tensor

LOSSLESS = {"PNG", "TIFF", "BMP", "PPM"}
ID_MODES = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B"}
PICTURE_ERRORS = (Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
PHOTO_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}


def read_label_map(source: Source, ontology: Ontology, *, pack: str | None = None) -> Tensor:
    """Read a label map as [H, W] int64 class indices.

    Takes a file (PNG of 1, 8 or 16 bits, palette PNG, TIFF, BMP, NPY), a PIL image, an array or a tensor, holding

    - ids, [H, W]: also as the palette indices of a palette PNG, or as three equal channels;
    - the ontology's exact colours, [H, W, 3], or in the palette of a palette PNG whose indices are no ids.

    With `pack` the ids are that pack's (`Ontology.from_pack`). Raises ValueError naming the file, what came, what was
    expected and the cure; UnknownIds when it is about ids.
    """
    try:
        values, palette = _read_values(source)
        if values.ndim == 3:
            return _rgb_to_index(values, ontology, pack)
        try:
            return ontology.to_index(values, pack=pack)
        except UnknownIds:
            if palette is None or pack is not None or not holds_only_colors(palette[np.unique(values)], ontology):
                raise
            return colors_to_index(palette[values], ontology)
    except UnknownIds as error:
        raise UnknownIds(f"{_name(source)}: {error}", error.pixels, error.present) from None
    except ValueError as error:
        raise ValueError(f"{_name(source)}: {error}") from None


def read_instance_map(source: Source) -> Tensor:
    """Read an instance map (8, 16 or 32 bits) as [H, W] int64 object ids; raises ValueError naming the file."""
    try:
        values, _ = _read_values(source)
        if values.ndim == 3:
            if not _gray(values):
                raise ValueError("an instance map has one channel, this picture has colours; save object ids as PNG")
            values = values[..., 0]
        return torch.from_numpy(values.astype(np.int64))
    except ValueError as error:
        raise ValueError(f"{_name(source)}: {error}") from None


def read_photo(source: str | PathLike[str] | Image.Image | np.ndarray) -> Image.Image:
    """Read a photo as an RGB image, turned upright as its EXIF says; raises ValueError naming the file."""
    try:
        image = _photo_image(source)
        if image.mode not in PHOTO_MODES:
            raise ValueError(f"a photo of mode {image.mode!r} (more than 8 bits per channel); save it as 8-bit RGB")
        return _load(image, upright=True).convert("RGB")
    except ValueError as error:
        raise ValueError(f"{_name(source)}: {error}") from None


def photo_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of a photo turned upright, from the file's head alone."""
    try:
        with _open(Path(path)) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            return (image.height, image.width) if turned else image.size
    except PICTURE_ERRORS as error:
        raise ValueError(f"{path}: {error}") from None


def photo_to_tensor(photo: Image.Image) -> Tensor:
    """An RGB image as [3, H, W] float32 in [-1, 1]: (value / 255 - 0.5) / 0.5."""
    values = torch.from_numpy(np.array(photo, dtype=np.uint8)).permute(2, 0, 1).contiguous()
    return (values.to(torch.float32) / 255 - 0.5) / 0.5


def _read_values(source: Source) -> tuple[np.ndarray, np.ndarray | None]:
    """Integers [H, W] or [H, W, 3], and the colours [256, 3] of a palette picture."""
    if isinstance(source, Tensor):
        if source.is_floating_point() or source.is_complex():
            raise ValueError(f"expected whole numbers, got {source.dtype}; convert with .long() if they are ids")
        source = source.detach().cpu().numpy()
    if isinstance(source, np.ndarray):
        return _checked(source), None
    if isinstance(source, Image.Image):
        return _image_values(source)
    path = Path(source)
    if path.suffix.lower() == ".npy":
        return _checked(_load_npy(path)), None
    with _open(path) as image:
        return _image_values(image)


def _checked(values: np.ndarray) -> np.ndarray:
    if values.ndim not in (2, 3) or (values.ndim == 3 and (values.shape[2] != 3 or values.dtype != np.uint8)):
        raise ValueError(f"expected ids [H, W] or uint8 colours [H, W, 3], got {values.dtype} {list(values.shape)}")
    if values.dtype.kind not in "biu":
        raise ValueError(f"expected whole numbers, got {values.dtype}; convert with .astype('int64') if they are ids")
    if values.size == 0:
        raise ValueError(f"it is empty: {list(values.shape)}")
    return values


def _image_values(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    # Refuse lossy files: they change ids near every boundary.
    if image.format is not None and (image.format not in LOSSLESS or image.info.get("compression") == "jpeg"):
        raise ValueError(f"{image.format} is lossy: it changes label and object ids; save the map as PNG")
    packing = [str(tile[3]) for tile in getattr(image, "tile", ())]
    if image.mode == "RGB" and any(";16" in raw for raw in packing):
        raise ValueError("colours of 16 bits per channel; save it as PNG with one channel of 8 or 16 bits")
    image = _load(image)

    # Pillow stretches grays of 2 and 4 bits to 0..255; ids must come as they are.
    if image.mode == "L" and any("L;2" in raw or "L;4" in raw for raw in packing):
        return np.asarray(image) // (85 if "L;2" in packing[0] else 17), None

    # Ids, with the palette if there is one.
    if image.mode in ID_MODES:
        palette = np.zeros((256, 3), dtype=np.uint8)
        if image.mode == "P":
            colors = np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
            palette[: len(colors)] = colors
        return np.asarray(image), palette if image.mode == "P" else None

    # Colours; transparency must not hide anything.
    if image.mode in {"LA", "RGBA", "PA"}:
        see_through = int((np.asarray(image.getchannel("A")) < 255).sum())
        if see_through:
            raise ValueError(f"{see_through} pixels are transparent: paint them with a class and save without alpha")
    if image.mode == "LA":
        return np.asarray(image.getchannel("L")), None
    if image.mode in {"RGB", "RGBA"}:
        return np.asarray(image.convert("RGB")), None
    raise ValueError(f"a picture of mode {image.mode!r} holds no ids; save as PNG with one channel of 8 or 16 bits")


def _rgb_to_index(colors: np.ndarray, ontology: Ontology, pack: str | None) -> Tensor:
    """Three equal channels that are ids, else colours."""
    if not _gray(colors):
        if pack is not None:
            raise ValueError("colours where ids are expected; labels of merged packs hold ids")
        return colors_to_index(colors, ontology)
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


def _gray(colors: np.ndarray) -> bool:
    return bool((colors[..., 0] == colors[..., 1]).all() and (colors[..., 0] == colors[..., 2]).all())


def _photo_image(source: str | PathLike[str] | Image.Image | np.ndarray) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8:
            raise ValueError(f"expected uint8 [H, W, 3], got {source.dtype} {list(source.shape)}")
        return Image.fromarray(source)
    return _open(Path(source))


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except PICTURE_ERRORS as error:
        raise ValueError(_unreadable(error)) from None


def _load(image: Image.Image, upright: bool = False) -> Image.Image:
    """Read the pixels, and turn them upright as the EXIF says."""
    try:
        image.load()
        return ImageOps.exif_transpose(image) if upright else image
    except PICTURE_ERRORS as error:
        raise ValueError(_unreadable(error)) from None


def _unreadable(error: BaseException) -> str:
    reason = "no known format" if isinstance(error, UnidentifiedImageError) else str(error)
    return f"can't be read as a picture ({reason}); is the file whole?"


def _load_npy(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except (OSError, ValueError, EOFError, SyntaxError, TokenError, MemoryError) as error:
        raise ValueError(f"can't be read as an NPY array ({error}); is the file whole?") from None
    if not isinstance(values, np.ndarray):
        raise ValueError("it is an archive of arrays; save the label map alone with numpy.save")
    return values


def _name(source: Source) -> str:
    """What error messages call a source."""
    if isinstance(source, str | PathLike):
        return str(source)
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "")) or "the given picture"
    return "the given array"
