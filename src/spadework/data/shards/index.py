"""What is written about shards: `shards.json` about the whole set, and a table beside each shard about its pairs.

A shard is a tar file of the pairs' files as they are, NAME.photo.jpg, NAME.label.png, NAME.instance.png: the layout of
WebDataset. The table says where in it each file lies and its checksum; `shards.json` holds the checksum of each table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, TypeVar

INDEX = "shards.json"
FORMAT = "spadework shards"
VERSION = 1

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Member:
    """One file in a shard."""

    offset: int
    """Where its bytes begin."""
    size: int
    """How many there are."""
    crc32: int
    """Their checksum."""
    extension: str
    """What the file's name ended in: ".png"."""


@dataclass(frozen=True)
class Entry:
    """One pair in a shard."""

    name: str
    pack: str | None
    """The pack whose ids the label map holds, when they go through `Ontology.from_pack`."""
    photo: Member
    label: Member
    instance: Member | None

    @property
    def members(self) -> dict[str, Member]:
        """What the pair has: photo, label, instance."""
        members = {"photo": self.photo, "label": self.label, "instance": self.instance}
        return {kind: member for kind, member in members.items() if member is not None}

    def file_name(self, kind: str) -> str:
        """What one of its files is called in the shard."""
        return f"{self.name}.{kind}{self.members[kind].extension}"


@dataclass(frozen=True)
class Table:
    """What one shard holds."""

    pairs: tuple[Entry, ...]
    pixels: tuple[int, ...]
    """How many pixels each class index has."""

    def to_bytes(self) -> bytes:
        """JSON; the same table gives the same bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> Table:
        """What `to_bytes` made; raises ValueError that names the source."""
        return _parsed(data, source, cls._from_json)

    @classmethod
    def _from_json(cls, data: Any) -> Table:
        return cls(tuple(_entry(entry) for entry in data["pairs"]), tuple(data["pixels"]))


@dataclass(frozen=True)
class Shard:
    """One shard of a split."""

    file: str
    """The tar file below the set's folder; its table has the same name, but ends in .json."""
    pairs: int
    """How many it holds."""
    bytes: int
    """The size of the tar file."""
    table_sha256: str
    """The checksum of its table, which holds those of all its files."""

    @property
    def table_file(self) -> str:
        """The table's file below the set's folder."""
        return table_file(self.file)


@dataclass(frozen=True)
class Split:
    """All shards of a split."""

    names_sha256: str
    """`names_fingerprint` of all its pairs."""
    pixels: tuple[int, ...]
    """How many pixels each class index has."""
    shards: tuple[Shard, ...]


def table_file(file: str) -> str:
    """The table of a shard's tar file."""
    return file.removesuffix(".tar") + ".json"


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return sha256(data).hexdigest()


def index_to_json(splits: Mapping[str, Split]) -> dict[str, Any]:
    """`shards.json` of a finished set."""
    return {**unfinished_index(), "complete": True, "splits": {name: asdict(split) for name, split in splits.items()}}


def unfinished_index() -> dict[str, Any]:
    """`shards.json` while shards are being made."""
    return {"format": FORMAT, "version": VERSION, "complete": False}


def read_index(data: bytes, source: str) -> dict[str, Split]:
    """The splits of a finished set; raises ValueError that names the source where it isn't one."""
    return _parsed(data, source, lambda parsed: _splits(parsed, source))


def is_complete(data: bytes) -> bool:
    """Whether these are the bytes of a finished set's `shards.json`."""
    try:
        parsed = json.loads(data)
    except ValueError:
        return False
    return isinstance(parsed, dict) and parsed.get("complete") is True


def _splits(data: Any, source: str) -> dict[str, Split]:
    if data["format"] != FORMAT or data["version"] != VERSION:
        raise ValueError(
            f"{source}: {data['format']!r} version {data['version']!r}, expected {FORMAT!r} version {VERSION}: "
            "read it with the release that made it, or make the shards again"
        )
    if data["complete"] is not True:
        raise ValueError(f"{source}: these shards are not finished: run `spadework shards` again, it goes on from here")
    return {name: _split(split) for name, split in data["splits"].items()}


def _split(data: Any) -> Split:
    return Split(data["names_sha256"], tuple(data["pixels"]), tuple(Shard(**shard) for shard in data["shards"]))


def _entry(data: Any) -> Entry:
    instance = None if data["instance"] is None else Member(**data["instance"])
    return Entry(data["name"], data["pack"], Member(**data["photo"]), Member(**data["label"]), instance)


def _parsed(data: bytes, source: str, make: Callable[[Any], Parsed]) -> Parsed:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise ValueError(f"{source}: not JSON ({error}): fetch it anew, or make the shards again") from None
    try:
        return make(parsed)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{source}: it is no index of shards ({error!r}): make the shards again") from None
