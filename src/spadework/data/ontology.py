"""The classes of a data set: which number in a label map means what.

Two kinds of numbers, never mixed. **Ids** are what files hold (0..65535, with gaps; several may mean "unlabelled").
**Class indices** are what networks and `Sample.label_map` hold: the rank of an id among the sorted listed ids. When no
unlabelled id is listed as a class itself, one more index at the end means unlabelled; when one is, its own index does.
All unlabelled ids share one index. An ontology without an unlabelled id has no such index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spadework.atomic import write_json_atomic
from spadework.data.ontology_json import load_json, ontology_as_json, parse_ontology
from spadework.data.palette import free_color
from spadework.data.semantic_class import SemanticClass, whole_number
from spadework.data.unknown_ids import UnknownIds, explain_unknown

__all__ = ["Ontology", "SemanticClass", "UnknownIds"]


@dataclass(frozen=True)
class Ontology:
    """The classes and which ids mean unlabelled; see the module's text for ids and class indices."""

    name: str
    classes: tuple[SemanticClass, ...]
    unlabelled: tuple[int, ...] = ()
    """Ids that mean "don't know"; the first one is written to files."""
    from_pack: dict[str, dict[int, int]] | None = field(default=None, hash=False)
    """For an ontology merged from several packs: pack name -> id there -> id here."""
    note: str = field(default="", compare=False)
    """Free text: where ids, names and colours come from."""

    def __post_init__(self) -> None:
        try:
            _validate(self)
        except ValueError as error:
            raise ValueError(f"ontology {self.name!r}: {error}") from None

    # Reading and writing.

    @classmethod
    def read(cls, path: str | Path) -> Ontology:
        """Read a JSON file, ours or a pack's `classes.json`; raises ValueError naming the file and what is wrong."""
        return cls.from_json(load_json(path), source=str(path))

    @classmethod
    def from_json(cls, data: Any, source: str = "ontology") -> Ontology:
        """Build from parsed JSON; `source` is what error messages call it. Classes without a colour are given one."""
        try:
            return cls(**parse_ontology(data))
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads back as an equal ontology."""
        return ontology_as_json(self.name, self.note, self.unlabelled, self.classes, self.from_pack)

    @property
    def sha256(self) -> str:
        """The SHA-256 of all it says but its note, in hexadecimal: equal for ontologies that mean the same."""
        meant = {key: value for key, value in self.to_json().items() if key != "note"}
        return hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()

    def write(self, path: str | Path) -> None:
        """Write JSON; the file is complete or untouched, whatever happens."""
        write_json_atomic(path, self.to_json())

    # Class indices.

    @cached_property
    def channel_ids(self) -> tuple[int, ...]:
        """The id of each class index; unlabelled stands there as its first listed (or else first declared) id."""
        listed = sorted(semantic_class.id for semantic_class in self.classes)
        unlabelled_listed = [id for id in self.unlabelled if id in listed]
        if unlabelled_listed:
            return tuple(id for id in listed if id not in unlabelled_listed[1:])
        return (*listed, *self.unlabelled[:1])

    @property
    def channels(self) -> int:
        """The number of class indices, unlabelled included."""
        return len(self.channel_ids)

    @cached_property
    def unlabelled_index(self) -> int | None:
        """The class index that means unlabelled, or None."""
        return next((index for index, id in enumerate(self.channel_ids) if id in self.unlabelled), None)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The class name of each class index."""
        by_id = {semantic_class.id: semantic_class.name for semantic_class in self.classes}
        return tuple(by_id.get(id, "unlabelled") for id in self.channel_ids)

    @cached_property
    def groups(self) -> dict[str | None, tuple[SemanticClass, ...]]:
        """Group -> its classes, both in the order of the file; classes without a group stand under None."""
        names = dict.fromkeys(semantic_class.group for semantic_class in self.classes)
        return {name: tuple(each for each in self.classes if each.group == name) for name in names}

    def colors(self) -> Tensor:
        """[channels, 3] uint8 in the order of class indices."""
        by_id = {semantic_class.id: semantic_class.color for semantic_class in self.classes}
        extra = free_color(0, taken=by_id.values(), first=(0, 0, 0))
        return torch.tensor([by_id.get(id, extra) for id in self.channel_ids], dtype=torch.uint8)

    def colorize(self, label_map: Tensor) -> Tensor:
        """[H, W] class indices (of any integer type) -> [H, W, 3] uint8."""
        return self.colors()[label_map.long()]

    def to_index(self, ids: Tensor | np.ndarray, *, pack: str | None = None) -> Tensor:
        """Ids of any shape -> int64 class indices; with `pack` the ids are that pack's and go through `from_pack`.

        Raises UnknownIds (a ValueError) that names the unknown ids, their pixel counts and the cure.
        """
        index = self.to_small_index(ids, pack=pack).to(torch.int64)
        return index.to(ids.device) if isinstance(ids, Tensor) else index

    def to_small_index(self, ids: Tensor | np.ndarray, *, pack: str | None = None) -> Tensor:
        """The same on the CPU, in `small_type`."""
        values, table = _whole_numbers(ids), self._index_of_id(pack)
        if values.size and (values.min() < 0 or values.max() >= len(table)):
            raise self._unknown_ids(values, pack)
        index = _look_up(table, values)
        if index.size and index.max() == self.channels:
            raise self._unknown_ids(values, pack)
        return torch.from_numpy(index)

    @property
    def small_type(self) -> torch.dtype:
        """A small integer type that holds all class indices: such maps are quick to make and to move."""
        return torch.uint8 if self.channels < 256 else torch.int32

    def to_ids(self, index: Tensor) -> Tensor:
        """Class indices (of any integer type) -> ids, as int64; unlabelled becomes the first declared unlabelled id."""
        ids = list(self.channel_ids)
        if self.unlabelled_index is not None:
            ids[self.unlabelled_index] = self.unlabelled[0]
        return torch.tensor(ids, dtype=torch.int64, device=index.device)[index.long()]

    # Unknown ids.

    def known_ids(self, pack: str | None = None) -> tuple[int, ...]:
        """All ids that a label map (of that pack) may hold, sorted."""
        if pack is not None:
            return tuple(sorted(self._pack(pack)))
        return tuple(sorted({*self.unlabelled, *(semantic_class.id for semantic_class in self.classes)}))

    def _unknown_ids(self, ids: np.ndarray, pack: str | None) -> UnknownIds:
        values, counts = np.unique(ids, return_counts=True)
        present = {int(value): int(count) for value, count in zip(values, counts, strict=True)}
        known = set(self.known_ids(pack))
        pixels = {id: count for id, count in present.items() if id not in known}
        amounts = {id: f"{count} pixels" for id, count in pixels.items()}
        message = explain_unknown(amounts, list(present), self.known_ids(pack), self.name, pack)
        return UnknownIds(message, pixels, list(present))

    def _pack(self, pack: str) -> dict[int, int]:
        if self.from_pack is None or pack not in self.from_pack:
            packs = ", ".join(self.from_pack or {}) or "none"
            raise ValueError(f"ontology {self.name!r} has no id map for pack {pack!r}; packs with one: {packs}")
        return self.from_pack[pack]

    def _index_of_id(self, pack: str | None) -> np.ndarray:
        """The class index of each id; the number of channels stands for unknown ones."""
        if pack not in self._tables:
            index_of_id = {id: index for index, id in enumerate(self.channel_ids)}
            if self.unlabelled_index is not None:
                index_of_id |= dict.fromkeys(self.unlabelled, self.unlabelled_index)
            if pack is not None:
                index_of_id = {there: index_of_id[here] for there, here in self._pack(pack).items()}
            table = torch.full([max(index_of_id) + 1], self.channels, dtype=self.small_type).numpy()
            table[list(index_of_id)] = list(index_of_id.values())
            self._tables[pack] = table
        return self._tables[pack]

    @cached_property
    def _tables(self) -> dict[str | None, np.ndarray]:
        return {}


def _look_up(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    """table[values]; bytes take the quickest way there is."""
    if table.dtype == np.uint8 and values.dtype == np.uint8:
        every_byte = table[:256].tobytes().ljust(256, b"\0")
        looked_up = bytearray(values.tobytes()).translate(every_byte)
        return np.frombuffer(looked_up, np.uint8).reshape(values.shape)
    return np.asarray(table.take(values.astype(np.int64) if values.dtype == np.uint64 else values))


def _whole_numbers(ids: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "biu":
        return ids
    if isinstance(ids, Tensor) and not ids.is_floating_point() and not ids.is_complex():
        return ids.detach().cpu().numpy()
    what = f"{ids.dtype} values" if isinstance(ids, np.ndarray | Tensor) else type(ids).__name__
    raise ValueError(f"ids are whole numbers, got {what}; give an array or tensor of integers")


def _validate(ontology: Ontology) -> None:
    if not ontology.classes:
        raise ValueError("it has no classes")
    for id in ontology.unlabelled:
        whole_number(id, "unlabelled")
    _reject_twice("id", [semantic_class.id for semantic_class in ontology.classes])
    _reject_twice("name", [semantic_class.name for semantic_class in ontology.classes])
    _reject_twice("key", [semantic_class.key for semantic_class in ontology.classes if semantic_class.key is not None])
    known = set(ontology.known_ids())
    for pack, ids in (ontology.from_pack or {}).items():
        for there, here in ids.items():
            whole_number(there, f"from_pack {pack!r}")
            if here not in known:
                raise ValueError(f"from_pack {pack!r} sends id {there} to {here}, which is no class here")


def _reject_twice(what: str, values: Sequence[Any]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]!r} stands there {values.count(twice[0])} times; each class needs its own")
