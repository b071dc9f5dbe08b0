"""Pictures as strangers send them: bytes -> label maps, instance maps and photos, within limits; nothing else.

What a file says about itself (its size, its format) is looked at before its pixels are.

Shapes: H W height and width.
"""

from __future__ import annotations

import base64
import binascii
import io
import threading
import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from spadework.data.label_colors import LabelMapWarning, SnappedColors
from spadework.data.label_map import read_instance_map, read_label_map, read_photo
from spadework.data.map_file import PICTURE_ERRORS
from spadework.data.ontology import Ontology
from spadework.studio.refusal import Refusal

LABEL_FORMATS = ("PNG", "TIFF", "BMP", "PPM", "JPEG", "WEBP")
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
NPY = b"\x93NUMPY"
STYLE_PIXELS = 4_000_000
"""Photos that lend their style are reduced to this."""

_reading = threading.Lock()
"""Recording warnings is for one thread at a time."""

Form = Literal["ids", "palette", "colors", "npy", "segmented"]


@dataclass(frozen=True)
class ReceivedMap:
    """A label map and what is to be said about it."""

    index: Tensor
    """[H, W] int64 class indices."""
    form: Form
    snapped: float = 0.0
    """Share of the pixels whose colour became the nearest class, 0..1."""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.index.shape[0], self.index.shape[1]

    def resized(self, size: tuple[int, int]) -> ReceivedMap:
        """The map in another size: rows and columns are repeated or left out, classes stay."""
        return self if size == self.size else replace(self, index=nearest(self.index, size))

    def within(self, pixels: int) -> ReceivedMap:
        """The map, reduced where it has more pixels than that, with a note."""
        height, width = self.size
        if height * width <= pixels:
            return self
        factor = (pixels / (height * width)) ** 0.5
        size = max(1, int(height * factor)), max(1, int(width * factor))
        note = f"reduced from {width}x{height} to {size[1]}x{size[0]} pixels, the most that this studio takes"
        return replace(self.resized(size), notes=(*self.notes, note))


def label_map(content: bytes, ontology: Ontology, most_pixels: int) -> ReceivedMap:
    """A label map in any form that the library reads; raises Refusal or ValueError."""
    if content.startswith(NPY):
        source: Any = npy_array(content, most_pixels)
        form: Form = "npy"
    else:
        source = open_picture(content, LABEL_FORMATS, most_pixels, "label map")
        form = "palette" if source.mode == "P" else "colors" if source.mode in ("RGB", "RGBA") else "ids"
    with _reading, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        index = read_label_map(source, ontology)
    told = [one for one in told if isinstance(one.message, LabelMapWarning)]
    snapped = sum(one.message.share for one in told if isinstance(one.message, SnappedColors))
    if form == "colors" and not snapped and _is_gray(source):
        form = "ids"
    return ReceivedMap(index, form, snapped, tuple(_without_name(str(one.message)) for one in told))


def instance_map(content: bytes, size: tuple[int, int], most_pixels: int) -> Tensor:
    """An instance map [H, W] of that size; raises Refusal or ValueError."""
    ids = read_instance_map(open_picture(content, LABEL_FORMATS, most_pixels, "instance map"))
    if tuple(ids.shape) != size:
        raise ValueError(
            f"the map of objects or regions is {ids.shape[1]}x{ids.shape[0]} pixels, the label map {size[1]}x{size[0]}"
        )
    return ids


def photo(content: bytes, most_pixels: int) -> Image.Image:
    """A photo, upright, RGB; raises Refusal or ValueError."""
    return read_photo(open_picture(content, PHOTO_FORMATS, most_pixels, "photo"))


def photo_for_style(content: bytes, most_pixels: int) -> Image.Image:
    """A photo that lends its style: reduced where it is larger than any encoder looks at."""
    image = photo(content, most_pixels)
    if image.width * image.height > STYLE_PIXELS:
        factor = (STYLE_PIXELS / (image.width * image.height)) ** 0.5
        image = image.resize((max(1, int(image.width * factor)), max(1, int(image.height * factor))))
    return image


def open_picture(content: bytes, formats: tuple[str, ...], most_pixels: int, what: str) -> Image.Image:
    """A picture of one of the formats whose head was read; raises Refusal."""
    if not content:
        raise Refusal(422, "empty", f"the {what} is empty", "send the file's bytes")
    known = ", ".join(name for name in formats if name != "PPM")
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        raise Refusal(415, "file_type", f"the {what} is no picture that is read here", f"send {known}") from None
    except PICTURE_ERRORS as error:
        raise Refusal(422, "damaged", f"the {what} can't be read ({error})", "is the file whole?") from None
    if image.width * image.height > most_pixels:
        raise Refusal(
            413, "too_many_pixels", f"the {what} has {image.width}x{image.height} pixels, {most_pixels} are allowed",
            "reduce it first",
        )
    image.__dict__["filename"] = ""
    return image


def npy_array(content: bytes, most_pixels: int) -> np.ndarray:
    """The array of an NPY file, whose head is checked against the file's length before memory is asked for."""
    file = io.BytesIO(content)
    readers: dict[tuple[int, int], Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, by_column, dtype = readers[version](file)
    except (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError, EOFError) as error:
        raise Refusal(422, "damaged", f"the NPY file's head can't be read ({error})", "is the file whole?") from None
    if dtype.kind not in "biu" or len(shape) not in (2, 3) or not all(0 < side <= most_pixels for side in shape):
        raise Refusal(
            422, "wrong_array", f"an array of {dtype} {list(shape)[:8]}", "save ids [H, W] as integers with numpy.save"
        )
    if shape[0] * shape[1] > most_pixels:
        raise Refusal(413, "too_many_pixels", f"{shape[1]}x{shape[0]} pixels, {most_pixels} are allowed", "reduce it")
    count = int(np.prod(shape, dtype=object))
    rest = content[file.tell() :]
    if len(rest) != count * dtype.itemsize:
        raise Refusal(422, "damaged", f"the array needs {count * dtype.itemsize} bytes, the file has {len(rest)}")
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if by_column else "C")


def from_base64(text: str, what: str) -> bytes:
    """The bytes; a data URL will do. Raises Refusal."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Refusal(422, "not_base64", f"{what} is not base64", "encode the file's bytes as base64") from None


def to_base64(content: bytes) -> str:
    """Bytes as JSON can hold them."""
    return base64.b64encode(content).decode("ascii")


def ids_png(index: Tensor, ontology: Ontology) -> bytes:
    """Class indices [H, W] as a gray PNG of ids, with 8 bits where they suffice."""
    ids = ontology.to_ids(index).numpy()
    small = max(ontology.known_ids()) < 256
    return picture_bytes(Image.fromarray(ids.astype(np.uint8 if small else np.uint16)), "png")


def picture_bytes(image: Image.Image, kind: Literal["png", "jpeg"], *, quick: bool = False) -> bytes:
    """A picture file; `quick` spends less time on its size."""
    file = io.BytesIO()
    if kind == "png":
        image.save(file, "PNG", compress_level=1 if quick else 6)
    else:
        image.save(file, "JPEG", quality=85 if quick else 92, subsampling=2 if quick else 0)
    return file.getvalue()


def nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """[H, W] in another size, by leaving out and repeating rows and columns: pixel centres decide."""
    rows, columns = (
        ((torch.arange(target) + 0.5) * (source / target)).long().clamp_max(source - 1)
        for source, target in zip(maps.shape, size, strict=True)
    )
    return maps[rows[:, None], columns]


def _is_gray(image: Image.Image) -> bool:
    red, green, blue = (np.asarray(image.getchannel(band)) for band in "RGB")
    return bool((red == green).all() and (green == blue).all())


def _without_name(message: str) -> str:
    return message.removeprefix("the given picture: ").removeprefix("the given array: ")
