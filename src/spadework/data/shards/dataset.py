"""The pairs of a set of shards as samples: the same, bit for bit, as those of the folder that the shards came from."""

from __future__ import annotations

import bisect
import io
import json
import os
import zlib
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from spadework.data.doctor.quick import Check
from spadework.data.label_map import read_instance_map, read_photo, read_small_label_map
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset
from spadework.data.pairs import Pair
from spadework.data.preprocess import Preprocess
from spadework.data.shards.cache import ShardCache, require_room
from spadework.data.shards.index import INDEX, Entry, Shard, Table, checksum, read_index
from spadework.data.shards.storage import Storage
from spadework.data.sizes import check_sizes
from spadework.data.stream import WINDOW

GIB = 2**30


def default_cache() -> Path:
    """Where fetched shards are kept: `spadework/shards` below the user's folder for caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spadework" / "shards"


class ShardDataset(PairDataset):
    """The pairs of a set of shards that `make_shards` wrote.

    `root` is its folder, on a disk or on NFS, or a URL. Shards behind a URL are fetched when a sample of theirs is
    wanted, and kept in the folder `cache` as long as that stays below `cache_bytes`. The ontology is the set's.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        split: str | None = None,
        ontology: Ontology | None = None,
        settings: Preprocess | None = None,
        training: bool = True,
        cache: Path | None = None,
        cache_bytes: int = 50 * GIB,
    ) -> None:
        self.storage = Storage(str(root))
        splits = read_index(self.storage.read(INDEX), self.storage.name(INDEX))
        own = _read_ontology(self.storage)
        if ontology not in (None, own):
            raise ValueError(f"{root}: its label maps were checked against its own ontology; leave --ontology out")
        super().__init__(own, settings, training)
        self.splits = frozenset(splits)
        split = split or ("train" if "train" in splits else next(iter(splits)))
        if split not in splits:
            raise ValueError(f"{root}: no split {split!r}; there are {', '.join(splits)}")
        self.split = splits[split]
        self.shards = self.split.shards
        self._ends = list(accumulate(self.shard_sizes))

        # What is far away comes nearer through the cache; half a window in advance, where two fit.
        self.cache: ShardCache | None = None
        if self.storage.remote:
            sizes = [shard.bytes for shard in self.shards]
            require_room(cache_bytes, sizes, WINDOW)
            self.cache = ShardCache(self.storage, cache or default_cache(), cache_bytes)
            if cache_bytes >= min(sum(sizes), 2 * sum(sorted(sizes)[-WINDOW:])):
                self.ahead = max(len(self) * min(WINDOW, len(sizes)) // (2 * len(sizes)), 1)
        self._table = lru_cache(2 * WINDOW)(self._read_table)

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def shard_sizes(self) -> tuple[int, ...]:
        """The number of pairs in each shard."""
        return tuple(shard.pairs for shard in self.shards)

    def name(self, index: int) -> str:
        """The files' common stem; with the pack's name before it where several packs were merged."""
        return self._entry(index)[1].name

    def read(self, index: int) -> tuple[Image.Image | None, Tensor, Tensor | None]:
        """Pair `index` as it was in its folder: RGB photo, [H, W] class indices, [H, W] object ids."""
        shard, entry = self._entry(index)
        data = self._members(shard, entry)
        files = {kind: self._decodable(shard, entry, kind, data[kind]) for kind in data}
        label_map = read_small_label_map(files["label"], self.ontology, pack=entry.pack)
        instance_map = read_instance_map(files["instance"]) if "instance" in files else None
        photo = read_photo(files["photo"])
        paths = {kind: Path(entry.file_name(kind)) for kind in files}
        pair = Pair(entry.name, paths["photo"], paths["label"], paths.get("instance"), entry.pack)
        check_sizes(pair, label_map, photo.size, instance_map)
        return photo, label_map, instance_map

    def check(self, limit: int = 1000) -> Check:
        """What was found when the shards were made: every pair was looked at then, and nothing is read now."""
        total = sum(self.split.pixels)
        shares = [pixels / total for pixels in self.split.pixels]
        return Check(len(self), len(self), dict(zip(self.ontology.names, shares, strict=True)))

    def fingerprint(self) -> dict[str, Any]:
        """That of the folder; with more shards than are mixed at a time, their sizes too: the order follows them."""
        fingerprint = {"pairs": len(self), "names_sha256": self.split.names_sha256}
        if len(self.shards) > WINDOW:
            fingerprint["shards_sha256"] = checksum(repr(self.shard_sizes).encode())
        return fingerprint

    def fetch_ahead(self, index: int) -> None:
        """Have the shard of sample `index` fetched in the background."""
        if self.cache is not None:
            self.cache.ask_ahead(self.shards[self._place(index)[0]])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._table = lru_cache(2 * WINDOW)(self._read_table)

    def _place(self, index: int) -> tuple[int, int]:
        """The number of a sample's shard, and the sample's place in it."""
        shard = bisect.bisect_right(self._ends, index)
        return shard, index - (self._ends[shard] - self.shards[shard].pairs)

    def _entry(self, index: int) -> tuple[Shard, Entry]:
        number, place = self._place(index)
        return self.shards[number], self._table(number).pairs[place]

    def _read_table(self, number: int) -> Table:
        shard = self.shards[number]
        data, name = self.storage.read(shard.table_file), self.storage.name(shard.table_file)
        if checksum(data) != shard.table_sha256:
            raise ValueError(f"{name}: damaged (wrong checksum): {_cure(shard)}")
        return Table.from_bytes(data, name)

    def _members(self, shard: Shard, entry: Entry) -> dict[str, bytes]:
        """The bytes of a pair's files, as they were when the shard was made."""
        data = self._read(shard, entry)
        damaged = _damaged(entry, data)
        if damaged and self.cache is not None:
            self.cache.drop(shard)
            data = self._read(shard, entry)
            damaged = _damaged(entry, data)
        if damaged:
            what = f"the {damaged} of {entry.name!r} has a wrong checksum"
            raise ValueError(f"{self.storage.name(shard.file)}: damaged ({what}): {_cure(shard)}")
        return data

    def _read(self, shard: Shard, entry: Entry) -> dict[str, bytes]:
        while True:
            path = self.storage.path(shard.file) if self.cache is None else self.cache.path(shard)
            try:
                with open(path, "rb", buffering=0) as file:
                    return {
                        kind: os.pread(file.fileno(), member.size, member.offset)
                        for kind, member in entry.members.items()
                    }
            except FileNotFoundError:
                if self.cache is None:
                    raise ValueError(f"{path}: there is no such shard: {_cure(shard)}") from None
                # Another process needed its place in the very moment.

    def _decodable(self, shard: Shard, entry: Entry, kind: str, data: bytes) -> Image.Image | np.ndarray:
        """A picture that knows its name, or an array."""
        name = f"{self.storage.name(shard.file)}: {entry.file_name(kind)}"
        try:
            if entry.members[kind].extension == ".npy":
                return np.load(io.BytesIO(data), allow_pickle=False)
            image = Image.open(io.BytesIO(data))
        except (OSError, ValueError, UnidentifiedImageError) as error:
            raise ValueError(f"{name}: can't be read ({error})") from None
        image.filename = name
        return image


def _read_ontology(storage: Storage) -> Ontology:
    name = storage.name("ontology.json")
    try:
        data = json.loads(storage.read("ontology.json"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: not JSON ({error}): copy it anew from where the shards were made") from None
    return Ontology.from_json(data, source=name)


def _damaged(entry: Entry, data: dict[str, bytes]) -> str | None:
    """The first file whose checksum is wrong."""
    members = entry.members
    return next((kind for kind in data if zlib.crc32(data[kind]) != members[kind].crc32), None)


def _cure(shard: Shard) -> str:
    return (
        f"copy {shard.file} and {shard.table_file} anew from where they are whole; or delete them where the set was "
        "made, and run `spadework shards` again: it makes what is missing"
    )
