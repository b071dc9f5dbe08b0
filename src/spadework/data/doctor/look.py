"""Looking at one pair: reads its files as training would, and notes what a diagnosis needs."""

from __future__ import annotations

import io
import warnings
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image, ImageStat
from torch import Tensor

from spadework.data.doctor.edges import count_between
from spadework.data.doctor.facts import ColorFacts, InstanceFacts, LabelFacts, PairFacts, PhotoFacts
from spadework.data.doctor.stored import Stored, pack_colors, read_stored
from spadework.data.label_colors import SnappedColors
from spadework.data.label_map import PHOTO_MODES, PaletteDisagrees, read_instance_map, read_label_map
from spadework.data.map_file import rotation
from spadework.data.ontology import Ontology, UnknownIds
from spadework.data.pairs import Pair

NEAR = 24
"""How far a channel of a colour may be off to count as near."""


def look(group: str, pair: Pair, ontology: Ontology) -> PairFacts:
    """Everything about one pair; never raises for what is wrong with its files."""
    label, label_map = _look_at_label(pair, ontology)
    instance = None if pair.instance is None else _look_at_instance(pair.instance, label_map, ontology.channels)
    return PairFacts(group, pair, label, None if pair.photo is None else look_at_photo(pair.photo), instance)


# Label maps.


def _look_at_label(pair: Pair, ontology: Ontology) -> tuple[LabelFacts, Tensor | None]:
    try:
        digest = _digest(pair.label.read_bytes())
    except OSError as error:
        return LabelFacts(error=f"can't be read: {error.strerror or error}"), None
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            label_map = read_label_map(pair.label, ontology, pack=pair.pack)
    except ValueError as error:
        return _refused(pair, ontology, digest, error), None
    except Exception as error:  # Decoders of damaged files may raise anything.
        return LabelFacts(digest, error=f"can't be read ({type(error).__name__}: {error})"), None
    messages = [warning.message for warning in said]
    index = label_map.numpy()
    pixels = np.bincount(index.ravel(), minlength=ontology.channels)

    # Ids as they stand in the file: an interpolation worked on those.
    ids = np.array(ontology.channel_ids, np.int32)
    height, width = index.shape
    format, mode = _format(pair.label)
    facts = LabelFacts(
        digest,
        (width, height),
        format,
        mode,
        snapped=next((message.share for message in messages if isinstance(message, SnappedColors)), None),
        pixels=pixels,
        present=tuple(ids[pixels > 0].tolist()),
        bands=count_between(ids[index]),
        palette_contradicts=any(isinstance(message, PaletteDisagrees) for message in messages),
    )
    return facts, label_map


def _refused(pair: Pair, ontology: Ontology, digest: str, error: ValueError) -> LabelFacts:
    message = _without_path(str(error), pair.label)
    try:
        stored = read_stored(pair.label)
    except ValueError:
        return LabelFacts(digest, error=message)
    if stored.values.ndim == 3:
        colors = _colors(stored.values, ontology)
        return LabelFacts(digest, stored.size, stored.format, error=message, colors=colors)
    return _refused_ids(stored, ontology, pair.pack, digest, message, isinstance(error, UnknownIds))


def _refused_ids(
    stored: Stored, ontology: Ontology, pack: str | None, digest: str, message: str, about_ids: bool
) -> LabelFacts:
    values = stored.values
    if values.dtype.kind == "f" or not about_ids:
        return LabelFacts(digest, stored.size, stored.format, error=message)
    found, counts = np.unique(values, return_counts=True)
    known = set(ontology.known_ids(pack))
    present = {int(id): int(count) for id, count in zip(found, counts, strict=True)}
    return LabelFacts(
        digest,
        stored.size,
        stored.format,
        error=message,
        present=tuple(present),
        unknown={id: count for id, count in present.items() if id not in known},
        bands=count_between(values.astype(np.int64)),
    )


def _colors(colors: np.ndarray, ontology: Ontology) -> ColorFacts:
    """How the colours of a refused label map relate to the ontology's."""
    found, counts = np.unique(pack_colors(colors), return_counts=True)
    shown = np.stack([found >> 16, found >> 8 & 255, found & 255], 1)
    palette = ontology.colors().numpy().astype(np.int64)
    nearest = np.full(len(found), 255)
    for color in palette:
        nearest = np.minimum(nearest, np.abs(shown - color).max(1))
    total = int(counts.sum())
    return ColorFacts(len(found), int(counts[nearest == 0].sum()) / total, int(counts[nearest <= NEAR].sum()) / total)


def _format(path: Path) -> tuple[str, str]:
    """Format and mode of a file that can be read."""
    if path.suffix.lower() == ".npy":
        return "NPY", ""
    with Image.open(path) as image:
        return str(image.format), image.mode


# Photos.


def look_at_photo(path: Path) -> PhotoFacts:
    """A photo, decoded to its end; JPEGs at a fraction of their size."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return PhotoFacts(error=f"can't be read: {error.strerror or error}")
    digest = _digest(data)
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            return _decode(image, digest)
    except Exception as error:  # Decoders of damaged files may raise anything.
        reason = "no known format" if "cannot identify" in str(error) else str(error)
        return PhotoFacts(digest, error=f"can't be read as a picture ({reason}); is the file whole?")


def _decode(image: Image.Image, digest: str) -> PhotoFacts:
    if image.mode not in PHOTO_MODES:
        more = f"a photo of mode {image.mode!r} (more than 8 bits per channel); save it as 8-bit RGB"
        return PhotoFacts(digest, error=more)
    orientation = rotation(image)
    stored = image.size
    upright = stored[::-1] if orientation in (5, 6, 7, 8) else stored
    if image.format == "JPEG":
        image.draft(None, (stored[0] // 4, stored[1] // 4))
    image.load()
    small = image.convert("RGB").resize((144, 128), Image.Resampling.BOX, reducing_gap=1.0)
    red, green, blue = (np.asarray(band, np.int16) for band in small.split())
    grey = bool(max(np.abs(red - green).max(), np.abs(green - blue).max()) <= 2)
    brightness = small.convert("L")
    colors = None
    if image.format != "JPEG":
        listed = image.convert("RGB").getcolors(256)
        colors = None if listed is None else len(listed)
    thumbnail = np.asarray(brightness.resize((9, 8), Image.Resampling.BOX))
    spread = float(ImageStat.Stat(brightness).stddev[0])
    turned = orientation in range(2, 9)
    transparent = image.has_transparency_data and bool(np.asarray(image.convert("RGBA"))[..., 3].min() < 255)
    return PhotoFacts(digest, upright, stored, turned, None, grey, spread, colors, transparent, thumbnail)


# Instance maps.


def _look_at_instance(path: Path, label_map: Tensor | None, channels: int) -> InstanceFacts:
    try:
        instance_map = read_instance_map(path)
    except Exception as error:  # Decoders of damaged files may raise anything.
        return InstanceFacts(error=_without_path(str(error), path))
    height, width = instance_map.shape
    if label_map is None or label_map.shape != instance_map.shape:
        return InstanceFacts((width, height))

    # Every second pixel is enough to see whether objects and classes go together.
    objects, classes = instance_map.numpy()[::2, ::2].ravel(), label_map.numpy()[::2, ::2].ravel()
    found, rank = np.unique(objects, return_inverse=True)
    table = np.bincount(rank.ravel() * channels + classes, minlength=len(found) * channels).reshape(-1, channels)
    return InstanceFacts((width, height), None, float(table.max(1).sum() / table.sum()))


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _without_path(message: str, path: Path) -> str:
    return message.removeprefix(f"{path}: ")
