"""What a file, picture, array or tensor of a label or instance map holds, before any class is known: ids or colours.

Nothing here mixes neighbouring values: no interpolation, and lossy formats are named as such.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tokenize import TokenError

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

Source = str | PathLike[str] | Image.Image | np.ndarray | Tensor

LOSSLESS = {"PNG", "TIFF", "BMP", "PPM"}
LOSSY = {"JPEG", "MPO", "WEBP", "JPEG2000", "AVIF"}
ID_MODES = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B"}
PICTURE_ERRORS = (
    *(Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    *(TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, AssertionError, MemoryError),
)
"""What Pillow raises for damaged files: its parsers fall over whatever they stumble on."""
NPY_ERRORS = (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError, TokenError, MemoryError)
"""What NumPy raises for damaged files."""


@dataclass(frozen=True)
class MapValues:
    """The values of a map as they were stored."""

    values: np.ndarray
    """[H, W] integers, or [H, W, 3] uint8 colours."""
    palette: np.ndarray | None = None
    """[256, 3] uint8: the colours of a picture whose values are indices into them."""
    lossy: str | None = None
    """The format, where it changes values; only colours are ever read from such files."""


def read_values(source: Source) -> MapValues:
    """The integers or colours of a map; raises ValueError with what came and the cure, without the source's name."""
    if isinstance(source, Tensor):
        if source.is_floating_point() or source.is_complex():
            raise ValueError(f"expected whole numbers, got {source.dtype}; convert with .long() if they are ids")
        source = source.detach().cpu().numpy()
    if isinstance(source, np.ndarray):
        return MapValues(_checked(source))
    if isinstance(source, Image.Image):
        return _image_values(source)
    path = Path(source)
    if path.suffix.lower() == ".npy":
        return MapValues(_checked(_load_npy(path)))
    with open_image(path) as image:
        return _image_values(image)


def source_name(source: Source) -> str:
    """What messages call a source."""
    if isinstance(source, str | PathLike):
        return str(source)
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "")) or "the given picture"
    return "the given array"


def open_image(path: Path) -> Image.Image:
    """A picture whose head was read; raises ValueError where it is none."""
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except PICTURE_ERRORS as error:
        raise ValueError(_unreadable(error)) from None


def load_pixels(image: Image.Image, upright: bool = False) -> Image.Image:
    """Read the pixels, and turn them upright as the EXIF says; raises ValueError where the file is damaged."""
    try:
        image.load()
        return ImageOps.exif_transpose(image) if upright and rotation(image) != 1 else image
    except PICTURE_ERRORS as error:
        raise ValueError(_unreadable(error)) from None


def rotation(image: Image.Image) -> int:
    """How a picture must yet be turned to stand upright, as its EXIF says: 1 not at all, 5 to 8 change its sides.

    A TIFF is loaded for it: Pillow turns those by itself, some of its versions when they are opened, others only then.
    """
    if image.format == "TIFF":
        image.load()
        return 1
    return image.getexif().get(ExifTags.Base.Orientation, 1)


def is_gray(colors: np.ndarray) -> bool:
    """Whether all channels of [H, W, 3] are equal."""
    return bool((colors[..., 0] == colors[..., 1]).all() and (colors[..., 0] == colors[..., 2]).all())


def _checked(values: np.ndarray) -> np.ndarray:
    if values.ndim not in (2, 3) or (values.ndim == 3 and (values.shape[2] != 3 or values.dtype != np.uint8)):
        raise ValueError(f"expected ids [H, W] or uint8 colours [H, W, 3], got {values.dtype} {list(values.shape)}")
    if values.dtype.kind not in "biu":
        raise ValueError(f"expected whole numbers, got {values.dtype}; convert with .astype('int64') if they are ids")
    if values.size == 0:
        raise ValueError(f"it is empty: {list(values.shape)}")
    return values


def _image_values(image: Image.Image) -> MapValues:
    lossy = _lossy(image)
    packing = [str(tile[3]) for tile in getattr(image, "tile", ())]
    _refuse_rescaled(image, packing)
    image = load_pixels(image)

    # Pillow stretches grays of 2 and 4 bits to 0..255; ids must come as they are.
    if image.mode == "L" and any("L;2" in raw or "L;4" in raw for raw in packing):
        return MapValues(np.asarray(image) // (85 if "L;2" in packing[0] else 17))

    # Ids, with the palette if there is one.
    if image.mode in ID_MODES:
        _refuse_ids_of_lossy(lossy)
        return MapValues(np.asarray(image), _palette(image) if image.mode == "P" else None)

    # Colours; transparency must not hide anything.
    if image.mode in {"LA", "RGBA", "PA"}:
        see_through = int((np.asarray(image.getchannel("A")) < 255).sum())
        if see_through:
            raise ValueError(f"{see_through} pixels are transparent: paint them with a class and save without alpha")
    if image.mode == "LA":
        return MapValues(np.asarray(image.getchannel("L")))
    if image.mode in {"RGB", "RGBA"}:
        colors = np.asarray(image.convert("RGB"))
        if is_gray(colors):
            _refuse_ids_of_lossy(lossy)
        return MapValues(colors, lossy=lossy)
    raise ValueError(f"a picture of mode {image.mode!r} holds no ids; save as PNG with one channel of 8 or 16 bits")


def _lossy(image: Image.Image) -> str | None:
    """The format of a picture that changes values; raises ValueError for a format that nobody keeps maps in."""
    if image.format in LOSSY:
        return image.format
    if image.format is None or image.format in LOSSLESS:
        return f"{image.format} with JPEG inside" if image.info.get("compression") == "jpeg" else None
    raise ValueError(f"{image.format} is no format for label or object ids; save the map as PNG")


def _refuse_ids_of_lossy(lossy: str | None) -> None:
    if lossy is not None:
        raise ValueError(
            f"{lossy} is lossy: it changes label and object ids, and a changed id is another class; save the map as "
            "PNG, made anew from its source"
        )


def _refuse_rescaled(image: Image.Image, packing: list[str]) -> None:
    """Pillow cuts colours of 16 bits to 8, and stretches what a PPM file counts in other steps: ids would change."""
    if image.mode not in ID_MODES and any(";16" in raw for raw in packing):
        raise ValueError("several channels of 16 bits each; save it as PNG with one channel of 8 or 16 bits")
    tiles = getattr(image, "tile", ())
    brightest = [tile[3][1] for tile in tiles if tile[0].startswith("ppm") and isinstance(tile[3], tuple)]
    if any(value not in (255, 65535) for value in brightest):
        raise ValueError(
            "its brightest value is neither 255 nor 65535, and readers stretch such values; save the map as PNG"
        )


def _palette(image: Image.Image) -> np.ndarray:
    palette = np.zeros((256, 3), dtype=np.uint8)
    colors = np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    palette[: len(colors)] = colors[:256]
    return palette


def _unreadable(error: BaseException) -> str:
    reason = "no known format" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
    return f"can't be read as a picture ({reason}); is the file whole?"


def _load_npy(path: Path) -> np.ndarray:
    """An NPY array; mapping it first compares the head with the file's length, before memory is asked for."""
    try:
        with path.open("rb") as file:
            is_npy = file.read(6) == b"\x93NUMPY"
        values = np.load(path, mmap_mode="r" if is_npy else None, allow_pickle=False)
        values = np.array(values) if isinstance(values, np.memmap) else values
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except NPY_ERRORS as error:
        raise ValueError(f"can't be read as an NPY array ({error}); is the file whole?") from None
    if not isinstance(values, np.ndarray):
        raise ValueError("it is an archive of arrays; save the label map alone with numpy.save")
    return values
