"""One class of an ontology, and its entry in the JSON file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spadework.data.palette import Color, free_color

MAX_ID = 65535  # What a 16-bit PNG holds.

KEYS = ("id", "name", "color", "thing", "key", "group", "ignore")


@dataclass(frozen=True)
class SemanticClass:
    """One class."""

    id: int
    """The number in label map files."""
    name: str
    color: Color
    """Red, green, blue, each 0..255."""
    thing: bool = False
    """True for countable objects (car), False for stuff (sky)."""
    key: str | None = None
    """The key that picks this class in the studio: one character, each once in an ontology."""
    group: str | None = None
    """A heading that this class stands under in the studio."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"class with id {self.id}: its name is {self.name!r}, expected text")
        whole_number(self.id, f"id of class {self.name!r}")
        _color(list(self.color), self.name)
        if not isinstance(self.thing, bool):
            raise ValueError(f"class {self.name!r}: 'thing' is {self.thing!r}, expected true or false")
        if self.key is not None and not (isinstance(self.key, str) and len(self.key) == 1 and self.key.isprintable()):
            raise ValueError(f"class {self.name!r}: 'key' is {self.key!r}, expected one character such as \"s\"")
        if self.group is not None and (not isinstance(self.group, str) or not self.group.strip()):
            raise ValueError(f"class {self.name!r}: 'group' is {self.group!r}, expected the text of a heading")

    def to_json(self) -> dict[str, Any]:
        """The entry in an ontology file; what equals the default is left out."""
        data: dict[str, Any] = {"id": self.id, "name": self.name, "color": list(self.color)}
        if self.thing:
            data["thing"] = True
        if self.key is not None:
            data["key"] = self.key
        if self.group is not None:
            data["group"] = self.group
        return data


def parse_classes(entries: Any, unlabelled: Iterable[int]) -> tuple[SemanticClass, ...]:
    """The `classes` list of an ontology file; those without a colour get one: black for unlabelled, the rest by id."""
    taken = {_color(entry["color"], entry["name"]) for entry in entries if "color" in entry}
    classes = []
    for entry in entries:
        id = whole_number(entry["id"], f"id of class {entry['name']!r}")
        if "color" in entry:
            color = _color(entry["color"], entry["name"])
        else:
            color = free_color(id, taken, first=(0, 0, 0) if id in unlabelled else None)
            taken.add(color)
        options = {key: entry[key] for key in ("thing", "key", "group") if key in entry}
        classes.append(SemanticClass(id, entry["name"], color, **options))
    return tuple(classes)


def check_entries(entries: Any) -> None:
    """Raise ValueError unless `entries` is a list of objects with the keys that every class needs."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        example = '{"id": 0, "name": "sky", "color": [110, 180, 235]}'
        raise ValueError(f"'classes' must be a list of objects such as {example}")
    for entry in entries:
        reject_misspelt(entry, KEYS)
        for key in ("id", "name"):
            if key not in entry:
                raise ValueError(f"class {json.dumps(entry)}: {key!r} is missing")
        if not isinstance(entry.get("ignore", False), bool):
            raise ValueError(f"class {entry['name']!r}: 'ignore' is {entry['ignore']!r}, expected true or false")


def whole_number(value: Any, what: str) -> int:
    """The value, if it can be an id."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{what} is {value!r}, expected a whole number")
    if not 0 <= value <= MAX_ID:
        raise ValueError(f"{what} is {value}; ids are 0..{MAX_ID}")
    return value


def reject_misspelt(data: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ValueError for a key that looks like a known one; other keys are notes that nobody reads."""
    for key in data:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
        if near and near[0] != key:
            raise ValueError(f"unknown key {key!r}: did you mean {near[0]!r}?")


def _color(value: Any, name: str) -> Color:
    if (
        not isinstance(value, list)
        or len(value) != 3
        or not all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in value)
    ):
        raise ValueError(f"class {name!r}: its color is {value!r}, expected [red, green, blue] of 0..255")
    return value[0], value[1], value[2]
