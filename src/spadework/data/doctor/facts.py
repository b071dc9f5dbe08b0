"""What one look at one pair shows: plain values that travel between processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from spadework.data.pairs import Pair

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class LabelFacts:
    """A label map."""

    digest: str = ""
    """Hash of the file's bytes."""
    size: Size | None = None
    """Width and height; None when the file can't be read at all."""
    format: str = ""
    """Pillow's name of the file format, or NPY."""
    mode: str = ""
    """Pillow's mode of the picture: L, P, RGB, ..."""
    error: str | None = None
    """Why the reader refuses it."""
    snapped: float | None = None
    """Share of the pixels, 0..1, whose colour became the nearest class's; None where the reader took all exactly."""
    pixels: np.ndarray | None = None
    """[channels] pixels per class index; None when refused."""
    present: tuple[int, ...] = ()
    """Ids in the file, where it holds ids."""
    unknown: dict[int, int] = field(default_factory=dict)
    """Id that the ontology doesn't know -> pixels."""
    bands: tuple[int, int] = (0, 0)
    """(edges with ids between the two sides' on them, edges that could have such)."""
    palette_contradicts: bool = False
    """The palette paints other classes than the indices name."""
    colors: ColorFacts | None = None
    """For a coloured label map that the reader refuses."""


@dataclass(frozen=True, eq=False)
class ColorFacts:
    """The colours of a label map that are not all classes'."""

    distinct: int
    """Different colours."""
    exact: float
    """Share of the pixels, 0..1, whose colour is exactly a class's."""
    near: float
    """Share of the pixels, 0..1, at most 24 away from a class's colour in each channel."""


@dataclass(frozen=True, eq=False)
class PhotoFacts:
    """A photo."""

    digest: str = ""
    size: Size | None = None
    """Width and height, upright."""
    stored: Size | None = None
    """Width and height as stored, before the EXIF turns it."""
    turned: bool = False
    """The EXIF says that it must be turned or mirrored."""
    error: str | None = None
    grey: bool = False
    """No colour anywhere."""
    spread: float = 0.0
    """Standard deviation of the brightness, 0..128."""
    colors: int | None = None
    """Different colours, when at most 256."""
    transparent: bool = False
    """Some of it is not opaque."""
    thumbnail: np.ndarray | None = None
    """[8, 9] uint8: the brightness, very small."""


@dataclass(frozen=True, eq=False)
class InstanceFacts:
    """An instance map."""

    size: Size | None = None
    error: str | None = None
    agreement: float | None = None
    """Share of the pixels, 0..1, whose class is the most frequent one of their object."""


@dataclass(frozen=True, eq=False)
class PairFacts:
    """A pair, and the group (split, or pack and split) it belongs to."""

    group: str
    pair: Pair
    label: LabelFacts
    photo: PhotoFacts | None
    instance: InstanceFacts | None


def without(facts: list[PairFacts], *others: Iterable[PairFacts]) -> list[PairFacts]:
    """The facts that are in none of the others, in their order."""
    taken = {fact for some in others for fact in some}
    return [fact for fact in facts if fact not in taken]
