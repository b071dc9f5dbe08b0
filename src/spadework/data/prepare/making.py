"""What a source file becomes: itself, once it has been looked at, or a label map of ids."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from spadework.data.label_map import read_instance_map, read_label_map, read_photo
from spadework.data.map_file import NPY_ERRORS, PICTURE_ERRORS
from spadework.data.ontology import Ontology
from spadework.data.prepare.plan import Made

Segmenter = Callable[[Image.Image], Any]
"""An RGB photo -> ids [H, W], as an array or tensor of whole numbers."""


def copy_photo(content: bytes, name: str) -> Made:
    """The photo as it is, once it could be read to its end."""
    return Made(read_photo(open_picture(content, name)).size)


def copy_instance_map(content: bytes, name: str) -> Made:
    """The instance map as it is, once it could be read."""
    return Made(_size(read_instance_map(open_picture(content, name))))


@dataclass(frozen=True)
class CopyLabelMap:
    """The label map as it is, once all its ids are known."""

    ontology: Ontology

    def __call__(self, content: bytes, name: str) -> Made:
        return Made(_size(read_label_map(open_picture(content, name), self.ontology)))


@dataclass(frozen=True)
class ConvertLabelMap:
    """Any label map that can be read -> a PNG of ids."""

    ontology: Ontology

    def __call__(self, content: bytes, name: str) -> Made:
        if name.lower().endswith(".npy"):
            values = _load_npy(content, name)
            index = _named(name, lambda: read_label_map(values, self.ontology))
        else:
            index = read_label_map(open_picture(content, name), self.ontology)
        return Made(_size(index), label_png(self.ontology.to_ids(index).numpy(), self.ontology))


@dataclass(frozen=True)
class Segment:
    """A photo -> the label map that a segmenter gives it."""

    segmenter: Segmenter
    ontology: Ontology

    def __call__(self, content: bytes, name: str) -> Made:
        photo = read_photo(open_picture(content, name))
        ids = self.segmenter(photo)
        ids = ids.detach().cpu().numpy() if isinstance(ids, torch.Tensor) else np.asarray(ids)
        if ids.shape != (photo.height, photo.width) or ids.dtype.kind not in "iu":
            raise ValueError(
                f"{name}: the segmenter gave {ids.dtype} {list(ids.shape)}, expected whole numbers "
                f"{[photo.height, photo.width]}: an id per pixel of the photo"
            )
        _named(name, lambda: self.ontology.to_index(ids))
        return Made(photo.size, label_png(ids, self.ontology))


def open_picture(content: bytes, name: str) -> Image.Image:
    """A picture that knows its file's name, so that messages can say it."""
    try:
        image = Image.open(io.BytesIO(content))
    except PICTURE_ERRORS as error:
        reason = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise ValueError(f"{name}: can't be read as a picture ({reason}); is the file whole?") from None
    setattr(image, "filename", name)  # noqa: B010 - Pillow declares it for files only
    return image


def label_png(ids: np.ndarray, ontology: Ontology) -> bytes:
    """Ids [H, W] as a PNG: of 8 bits with the ontology's colours as its palette, of 16 bits for ids above 255."""
    if int(ids.max()) > 255:
        image = Image.fromarray(ids.astype(np.uint16))
    else:
        image = Image.fromarray(ids.astype(np.uint8))
        palette = np.zeros((256, 3), np.uint8)
        for semantic_class in ontology.classes:
            if semantic_class.id < 256:
                palette[semantic_class.id] = semantic_class.color
        image.putpalette(palette.tobytes())
    return png_bytes(image)


def png_bytes(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def _load_npy(content: bytes, name: str) -> np.ndarray:
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except NPY_ERRORS as error:
        raise ValueError(f"{name}: can't be read as an NPY array ({error}); is the file whole?") from None
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{name}: it is an archive of arrays; save the label map alone with numpy.save")
    return values


def _named(name: str, read: Callable[[], torch.Tensor]) -> torch.Tensor:
    """What `read` gives; its errors name the file."""
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _size(values: torch.Tensor) -> tuple[int, int]:
    return values.shape[1], values.shape[0]
