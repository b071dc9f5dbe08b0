"""Changes of a label map that a repaired copy makes; each takes it as stored and returns it as ids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spadework.data.doctor.edges import between, snap
from spadework.data.doctor.stored import Stored, pack_colors
from spadework.data.ontology import Ontology


def map_ids(stored: Stored, ontology: Ontology, table: dict[int, int]) -> Stored:
    """Each id of the table becomes what the table says; others stay."""
    values = stored.values.astype(np.int64)
    result = values.copy()
    for before, after in table.items():
        result[values == before] = after
    return replace(stored, values=result, palette=None)


def snap_edges(stored: Stored, ontology: Ontology) -> Stored:
    """Ids between two neighbours, and unknown ones, become a neighbour's."""
    values = stored.values.astype(np.int64)
    return replace(stored, values=snap(values, smoothed_pixels(stored, ontology)), palette=None)


def smoothed_pixels(stored: Stored, ontology: Ontology) -> np.ndarray:
    """[H, W] bool: ids between those of the two sides of an edge, and unknown ones."""
    return between(stored.values.astype(np.int64)) | unknown_pixels(stored, ontology)


def unknown_pixels(stored: Stored, ontology: Ontology) -> np.ndarray:
    """[H, W] bool: ids, or colours, that the ontology doesn't know."""
    if stored.values.ndim == 2:
        return ~np.isin(stored.values, ontology.known_ids())
    return ~np.isin(pack_colors(stored.values), pack_colors(ontology.colors().numpy()))


def colors_to_ids(stored: Stored, ontology: Ontology) -> Stored:
    """Colours, or the palette's colours, become ids; a colour that is no class's becomes a neighbour's id."""
    colors = stored.values if stored.palette is None else stored.palette[stored.values]
    if colors.ndim == 2:
        colors = colors[..., None].repeat(3, 2).astype(np.uint8)
    ids = _own_ids(ontology)
    result, known = np.zeros(colors.shape[:2], np.int64), np.zeros(colors.shape[:2], bool)
    packed = pack_colors(colors)
    for color, id in zip(pack_colors(ontology.colors().numpy()).tolist(), ids, strict=True):
        here = packed == color
        result[here], known = id, known | here
    return replace(stored, values=snap(result, ~known), palette=None)


def nearest_colors_to_ids(stored: Stored, ontology: Ontology) -> Stored:
    """Each colour becomes the id of the nearest class; for files that a lossy format changed everywhere."""
    palette, ids = ontology.colors().numpy().astype(np.int32), np.array(_own_ids(ontology))
    found, inverse = np.unique(pack_colors(stored.values), return_inverse=True)
    shown = np.stack([found >> 16, found >> 8 & 255, found & 255], 1).astype(np.int32)
    nearest = ((shown[:, None] - palette[None]) ** 2).sum(2).argmin(1)
    return replace(stored, values=ids[nearest][inverse.reshape(stored.values.shape[:2])], palette=None)


def _own_ids(ontology: Ontology) -> list[int]:
    """The id that files get for each class index."""
    ids = list(ontology.channel_ids)
    if ontology.unlabelled_index is not None:
        ids[ontology.unlabelled_index] = ontology.unlabelled[0]
    return ids
