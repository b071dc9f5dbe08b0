"""Which class of other data each class of these data begins as: the one of its name, or one that it is said to be like.

A weight that sees the label map has a place for each class (`ClassPlaces`), which moves with the class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from spadework.choose import choose
from spadework.data.ontology import Ontology
from spadework.systems.base import System


@dataclass(frozen=True)
class ClassSource:
    """Where the weights of one class come from."""

    name: str
    """The class in the new data."""
    origin: int | None
    """Class index in the old data; None: it begins anew."""
    origin_name: str = ""
    by: str = "new"
    """`name`, `like` (somebody said so) or `new`."""


def match_classes(new: Ontology, old: Ontology, like: Mapping[str, str]) -> tuple[ClassSource, ...]:
    """The source of each class index of `new`, in their order.

    Names count as equal whatever their case, spaces and punctuation; unlabelled is unlabelled, whatever its name.
    `like` says, by name, which old class a new one begins as; it goes before equal names. Raises ValueError for names
    in it that the ontologies do not have.
    """
    old_index = {name: index for index, name in enumerate(old.names)}
    named = {choose(_by_name(new), name, "--like: class of the data"): other for name, other in like.items()}
    plain = {_plain(name): index for index, name in reversed(list(enumerate(old.names)))}

    sources = []
    for index, name in enumerate(new.names):
        if index in named:
            origin: int | None = choose(old_index, named[index], "--like: class to start from")
        elif index == new.unlabelled_index and old.unlabelled_index is not None:
            origin = old.unlabelled_index
        else:
            origin = plain.get(_plain(name))
        by = "new" if origin is None else "like" if index in named else "name"
        sources.append(ClassSource(name, origin, "" if origin is None else old.names[origin], by))
    return tuple(sources)


def _by_name(ontology: Ontology) -> dict[str, int]:
    return {name: index for index, name in enumerate(ontology.names)}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


# Places of classes in weights.


@dataclass(frozen=True)
class ClassPlaces:
    """Where a weight has its numbers for each class: side by side along `dimension`, from `first` on."""

    dimension: int
    first: int
    each: int
    """Places per class."""


def class_places(system: System) -> dict[str, ClassPlaces]:
    """`network.parameter` -> the places of the classes, for every weight that has any.

    They are found by building the system, without memory, with one class more: what grows has a place for each.
    """
    config: Any = system.config
    with torch.device("meta"):
        larger = type(system)(replace(config, classes=config.classes + 1))
    places = {}
    for network, module in larger.networks.items():
        before = system.networks[network].state_dict()
        for key, tensor in module.state_dict().items():
            grown = [d for d in range(tensor.ndim) if tensor.shape[d] != before[key].shape[d]]
            if len(grown) == 1 and not key.endswith(("weight_u", "weight_v")):
                name, dimension = f"{network}.{key}", grown[0]
                each = tensor.shape[dimension] - before[key].shape[dimension]
                places[name] = ClassPlaces(dimension, system.first_class(name), each)
    return places


def moved_classes(
    fresh: Tensor, old: Tensor, places: ClassPlaces, sources: Sequence[int | None], old_classes: int
) -> Tensor | None:
    """A weight for new classes: each from its source, a new one from `fresh`, everything else from `old`.

    None where the two differ in more than their classes.
    """
    dimension, first, each = places.dimension, places.first, places.each
    count = each * len(sources)
    behind = fresh.shape[dimension] - first - count
    expected = list(fresh.shape)
    expected[dimension] = first + each * old_classes + behind
    if list(old.shape) != expected:
        return None

    moved = old.new_empty(fresh.shape)
    moved.narrow(dimension, 0, first).copy_(old.narrow(dimension, 0, first))
    moved.narrow(dimension, first + count, behind).copy_(old.narrow(dimension, old.shape[dimension] - behind, behind))
    for index, source in enumerate(sources):
        place = first + each * index
        taken = fresh.narrow(dimension, place, each)
        if source is not None:
            taken = old.narrow(dimension, first + each * source, each)
        moved.narrow(dimension, place, each).copy_(taken)
    return moved
