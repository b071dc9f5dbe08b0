"""A label map as it lies on disk, also where the reader refuses it: what a diagnosis and a repair start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Stored:
    """Values without any interpretation."""

    values: np.ndarray
    """[H, W] numbers, or [H, W, 3] uint8 colours."""
    palette: np.ndarray | None = None
    """[256, 3] uint8: the colours of a palette picture."""
    format: str = "PNG"
    """Pillow's name of the file format, or NPY."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.values.shape[1], self.values.shape[0]


def read_stored(path: Path) -> Stored:
    """Read a label or instance map of any format and mode; raises ValueError for a file that can't be read at all."""
    if path.suffix.lower() == ".npy":
        return Stored(_read_npy(path), None, "NPY")
    try:
        with Image.open(path) as image:
            image.load()
            return _of_image(image)
    except Exception as error:  # Decoders of damaged files may raise anything.
        raise ValueError(f"{path}: can't be read as a picture ({error})") from None


def pack_colors(colors: np.ndarray) -> np.ndarray:
    """[..., 3] uint8 -> one int32 per colour."""
    wide = colors.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _of_image(image: Image.Image) -> Stored:
    format, packing = str(image.format), [str(tile[3]) for tile in getattr(image, "tile", ())]
    palette = None
    if image.mode == "P":
        colors = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(colors)] = colors
    elif image.mode == "LA":
        image = image.convert("L")
    elif image.mode not in ("1", "L", "I", "F", "RGB") and not image.mode.startswith("I;16"):
        image = image.convert("RGB")
    values = np.asarray(image)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)

    # Pillow stretches grays of 2 and 4 bits to 0..255.
    if image.mode == "L" and any("L;2" in raw or "L;4" in raw for raw in packing):
        values = values // (85 if "L;2" in packing[0] else 17)

    # Three equal channels are one.
    if values.ndim == 3 and (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        values = values[..., 0]
    return Stored(values, palette, format)


def _read_npy(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy's header parser raises whatever its tokenizer does
        raise ValueError(f"{path}: can't be read as an NPY array ({error})") from None
    if not isinstance(values, np.ndarray) or values.ndim not in (2, 3) or values.size == 0:
        raise ValueError(f"{path}: no array [H, W]")
    if values.ndim == 3 and (values.shape[2] != 3 or values.dtype != np.uint8):
        raise ValueError(f"{path}: {values.dtype} {list(values.shape)} is neither ids [H, W] nor colours")
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{path}: {values.dtype} values are no ids")
    return values
