"""Small pictures of offenders for the page: the photo, the label map in colours, and where it is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from spadework.data.doctor.finding import Case, Mark
from spadework.data.doctor.stored import Stored, read_stored
from spadework.data.label_map import read_photo
from spadework.data.ontology import Ontology
from spadework.data.pairs import PHOTO_EXTENSIONS
from spadework.web_page import picture_uri

SIDE = 240
"""Pixels: the longer side of a thumbnail."""
MARKED = (255, 0, 160)
"""The colour of pixels that a finding is about."""


def thumbnails(case: Case, mark: Mark | None, ontology: Ontology) -> list[tuple[str, str]]:
    """(caption, data URI) of what there is to one case; no URI where a file can't be read."""
    shown = []
    photo = case.path if case.pair is None else case.pair.photo
    if photo is not None and (case.pair is not None or photo.suffix.lower() in PHOTO_EXTENSIONS):
        picture = _photo(photo)
        shown.append(("photo", "" if picture is None else picture_uri(picture, "JPEG")))
    if case.pair is not None:
        shown += _label(case.pair.label, None if case.pair.pack else mark, ontology)
    return shown


def _label(path: Path, mark: Mark | None, ontology: Ontology) -> list[tuple[str, str]]:
    try:
        stored = read_stored(path)
    except ValueError:
        return [("label map", "")]
    picture = painted(stored, ontology)
    shown = [("label map", picture_uri(_reduced(picture), "PNG"))]
    if mark is not None:
        wrong = mark(stored, ontology)
        caption = f"{wrong.mean():.2%} marked"
        shown.append((caption, picture_uri(_reduced(_marked(picture, wrong)), "PNG")))
    return shown


def painted(stored: Stored, ontology: Ontology) -> np.ndarray:
    """[H, W, 3] uint8: a label map in the ontology's colours; ids that it doesn't know in shades of grey."""
    values = stored.values
    if values.ndim == 3:
        return values
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
    values = values.astype(np.int64)
    picture = (values % 256).astype(np.uint8)[..., None].repeat(3, 2)
    for id in np.unique(values).tolist():
        if id in ontology.known_ids():
            picture[values == id] = ontology.colors()[ontology.to_index(np.array([id]))[0]].numpy()
    return picture


def _marked(picture: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """The picture pale and grey, the wrong pixels (and a rim of one around them, to be seen when small) in MARKED."""
    grey = picture.mean(2, keepdims=True).repeat(3, 2) * 0.35 + 150
    seen = wrong.copy()
    if wrong.mean() < 0.2:
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            seen |= np.roll(wrong, step, axis)
    result = grey.clip(0, 255).astype(np.uint8)
    result[seen] = MARKED
    return result


def _photo(path: Path) -> Image.Image | None:
    try:
        image = read_photo(path)
    except Exception:  # Decoders of damaged files may raise anything.
        return None
    image.thumbnail((SIDE, SIDE))
    return image


def _reduced(picture: np.ndarray) -> Image.Image:
    """Small, for looking at: here colours may mix."""
    image = Image.fromarray(picture)
    nearest = max(image.size) <= SIDE
    if nearest:
        scale = max(SIDE // max(image.size), 1)
        return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return image
