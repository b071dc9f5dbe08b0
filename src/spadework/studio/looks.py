"""Styles to choose from: those beside the model, and some drawn by seeds; each with a small picture.

Shapes: Z style size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spadework.studio import received
from spadework.studio.examples import Example
from spadework.studio.messages import StyleRequest
from spadework.studio.shared_model import SharedModel
from spadework.studio.style_choice import read_style
from spadework.systems.base import Style

FOLDER = "styles"
"""The model folder's own styles: NAME.npy, with NAME.png, NAME.jpg or NAME.webp beside it."""
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
SEEDS = 8
SIDE = 160
"""Pixels of the longer side of a picture."""


@dataclass
class Look:
    """A style with a name."""

    name: str
    seed: int | None = None
    vector: Tensor | None = None
    """[Z]"""
    picture: tuple[bytes, str] | None = field(default=None, repr=False)
    """The small picture and its type, once it is there."""


def looks(folder: Path, model: SharedModel) -> dict[str, Look]:
    """Name -> look: the model folder's own, if any, else seeds; none for a model without style."""
    if not model.style_size:
        return {}
    found = [look for path in sorted((folder / FOLDER).glob("*.npy")) if (look := _read(path, model.style_size))]
    return {look.name: look for look in found or [Look(f"Seed {seed}", seed) for seed in range(SEEDS)]}


def show(look: Look, model: SharedModel, example: Example) -> tuple[bytes, str]:
    """The look's picture, made of an example where there is none yet; for the model's thread."""
    if look.picture is None:
        vector = look.vector
        if vector is None:
            style = read_style(StyleRequest(seed=look.seed), 1).resolve(model.synthesizer, (1, 1), 1)
        else:
            style = Style(vector)
        size = model.size
        photo = model.generate("looks", received.nearest(example.index, size), style).photo
        photo.thumbnail((SIDE, SIDE))
        look.picture = received.picture_bytes(photo, "jpeg"), "image/jpeg"
    return look.picture


def _read(path: Path, size: int) -> Look | None:
    """A look of the model folder; None where the file holds no style of this model."""
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(vector, np.ndarray) or vector.dtype.kind != "f" or vector.size != size:
        return None
    beside = ((path.with_suffix(end), kind) for end, kind in PICTURES.items())
    picture = next(((file.read_bytes(), kind) for file, kind in beside if file.is_file()), None)
    return Look(path.stem, vector=torch.from_numpy(vector.astype(np.float32).reshape(-1)), picture=picture)
