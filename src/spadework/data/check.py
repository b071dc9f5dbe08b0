"""A quick look at a data set before anything long starts: every kind of problem at once, each with its cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spadework.data.label_map import photo_size, read_instance_map, read_label_map
from spadework.data.ontology import Ontology, UnknownIds
from spadework.data.pairs import Pair
from spadework.data.unknown_ids import explain_unknown


@dataclass(frozen=True)
class Check:
    """What a look at a data set without problems found."""

    pairs: int
    """Pairs in the data set."""
    checked: int
    """Pairs that were looked at."""
    shares: dict[str, float]
    """Class name -> share of the pixels, 0..1, in the order of class indices."""


@dataclass
class _Unknown:
    """An unknown id: where it was seen."""

    pixels: int = 0
    files: list[str] = field(default_factory=list)


@dataclass
class _Problems:
    """What was found wrong, by kind."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str | None, dict[int, _Unknown]] = field(default_factory=dict)
    present: dict[str | None, set[int]] = field(default_factory=dict)

    def add(self, kind: str, error: ValueError) -> None:
        self.lines.setdefault(kind, []).append(str(error))

    def add_unknown(self, pair: Pair, error: UnknownIds) -> None:
        self.present.setdefault(pair.pack, set()).update(error.present)
        for id, pixels in error.pixels.items():
            entry = self.unknown.setdefault(pair.pack, {}).setdefault(id, _Unknown())
            entry.pixels += pixels
            entry.files.append(str(pair.label))

    def summary(self, ontology: Ontology) -> list[str]:
        """One paragraph per kind."""
        paragraphs = []
        for pack, unknown in self.unknown.items():
            amounts = {id: f"{len(seen.files)} files ({seen.pixels} pixels)" for id, seen in sorted(unknown.items())}
            known = ontology.known_ids(pack)
            text = explain_unknown(amounts, sorted(self.present[pack]), known, ontology.name, pack)
            files = list(dict.fromkeys(file for seen in unknown.values() for file in seen.files))
            paragraphs.append(f"{text} (in {', '.join(files[:3])}{', ...' if len(files) > 3 else ''})")
        for kind, lines in self.lines.items():
            more = f"\n  ... and {len(lines) - 3} more" if len(lines) > 3 else ""
            paragraphs.append(f"{kind}, {len(lines)} times:" + "".join(f"\n  {line}" for line in lines[:3]) + more)
        return paragraphs


def check_pairs(pairs: Sequence[Pair], ontology: Ontology, limit: int = 1000) -> Check:
    """Read the label and instance maps of up to `limit` evenly spread pairs, and the heads of their photos.

    Raises one ValueError that sums up the problems of all of them by kind.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}: at least one pair must be looked at")
    number = min(limit, len(pairs))
    chosen = [pairs[index * len(pairs) // number] for index in range(number)]
    problems = _Problems()
    pixels = torch.zeros(ontology.channels, dtype=torch.int64)
    for pair in chosen:
        label_map = _look_at(pair, ontology, problems)
        if label_map is not None:
            pixels += torch.bincount(label_map.flatten(), minlength=ontology.channels)
    paragraphs = problems.summary(ontology)
    if paragraphs:
        what = "problem" if len(paragraphs) == 1 else f"{len(paragraphs)} kinds of problems"
        listed = "".join(f"\n- {paragraph}" for paragraph in paragraphs)
        raise ValueError(f"{what} in the data ({number} of {len(pairs)} pairs looked at):{listed}")
    shares = (pixels / pixels.sum()).tolist()
    return Check(len(pairs), number, dict(zip(ontology.names, shares, strict=True)))


def check_sizes(
    pair: Pair, label_map: Tensor | None, photo: tuple[int, int] | None, instance_map: Tensor | None
) -> None:
    """Raise ValueError unless the maps [H, W] and the photo (width, height) of a pair have one size."""
    sizes = {pair.label: _size(label_map), pair.instance: _size(instance_map), pair.photo: photo}
    present = [(path, size) for path, size in sizes.items() if path is not None and size is not None]
    for path, size in present[1:]:
        if size != present[0][1]:
            first, first_size = present[0]
            turned = size == first_size[::-1]
            cure = (
                "was one of them turned by a quarter?" if turned else "resize one of them, label maps with nearest only"
            )
            width, height = first_size
            raise ValueError(f"{path} is {size[0]}x{size[1]}, but {first} is {width}x{height} (width x height): {cure}")


def _look_at(pair: Pair, ontology: Ontology, problems: _Problems) -> Tensor | None:
    """The label map of a pair, or None; adds what is wrong to the problems."""
    label_map = instance_map = photo = None
    try:
        label_map = read_label_map(pair.label, ontology, pack=pair.pack)
    except UnknownIds as error:
        problems.add_unknown(pair, error)
    except ValueError as error:
        problems.add("label maps that can't be used", error)
    try:
        instance_map = None if pair.instance is None else read_instance_map(pair.instance)
    except ValueError as error:
        problems.add("instance maps that can't be used", error)
    try:
        photo = None if pair.photo is None else photo_size(pair.photo)
    except ValueError as error:
        problems.add("photos that can't be read", error)
    try:
        check_sizes(pair, label_map, photo, instance_map)
    except ValueError as error:
        problems.add("sizes that differ", error)
    return label_map


def _size(values: Tensor | None) -> tuple[int, int] | None:
    return None if values is None else (values.shape[1], values.shape[0])
