"""Making shards of a data folder: each shard whole or not there, the set's `shards.json` last.

Which pairs go into which shard follows from the files alone, so that a killed run is taken up where it stood: what is
finished stays, the rest is made.
"""

from __future__ import annotations

import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch.utils.data import DataLoader, Dataset

from spadework.atomic import readable_bytes, sweep_partial, write_atomic, write_json_atomic
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import names_fingerprint
from spadework.data.pairs import SPLITS, every_split
from spadework.data.shards.index import (
    INDEX,
    Entry,
    Member,
    Shard,
    Split,
    Table,
    checksum,
    index_to_json,
    is_complete,
    read_index,
    table_file,
    unfinished_index,
)
from spadework.data.shards.plan import Plan, is_finished, pair_files, plan_shards
from spadework.lock import FolderLock
from spadework.workers import leave_signals_to_the_parent


def make_shards(
    source: Path,
    destination: Path,
    *,
    shard_bytes: int = 64 * 2**20,
    ontology: Ontology | None = None,
    workers: int = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the pairs of a data folder (or of an ontology's JSON that merges several) as shards; returns `shards.json`.

    Shards have about `shard_bytes`. The files go into them unchanged, after each pair was read as a training reads it.
    Run again, it packs what changed since, and everything when the classes did. `workers` is the number of processes
    (0: this one); what is written does not depend on it. `tell` gets lines on how it goes. Raises ValueError for data
    that can't be used, and for a destination that holds something else.
    """
    if shard_bytes < 1 or workers < 0:
        raise ValueError(f"shards of {shard_bytes} bytes, {workers} workers: at least 1 byte and 0 workers")
    folders = _splits(source, ontology)
    for dataset in folders.values():
        dataset.check()
    plans = [plan for name, dataset in folders.items() for plan in plan_shards(name, dataset.pairs, shard_bytes)]
    _require_own(destination, source, folders, plans)

    destination.mkdir(parents=True, exist_ok=True)
    with _locked(destination):
        classes = next(iter(folders.values())).ontology
        _forget_other_classes(destination, classes)
        todo = [plan for plan in plans if not is_finished(plan, folders[plan.split].pairs, destination)]
        index = destination / INDEX
        if not todo and index.is_file() and is_complete(index.read_bytes()):
            tell(f"{destination}: all {len(plans)} shards are there already")
            return index
        write_json_atomic(index, unfinished_index())
        classes.write(destination / "ontology.json")
        for name in folders:
            (destination / name).mkdir(exist_ok=True)
            sweep_partial(destination / name)

        # Make what is missing, delete what a former plan left, and say last that all is there.
        for number, error in enumerate(_made(_Maker(todo, folders, destination), workers), len(plans) - len(todo) + 1):
            if error is not None:
                raise error
            tell(f"{number} of {len(plans)} shards")
        kept = {name for plan in plans for name in (plan.file, table_file(plan.file))}
        for path in _shard_files(destination):
            if path.relative_to(destination).as_posix() not in kept:
                path.unlink()
        splits = {name: _split(name, dataset, plans, destination) for name, dataset in folders.items()}
        write_json_atomic(index, index_to_json(splits))
    total = sum(shard.bytes for split in splits.values() for shard in split.shards)
    tell(f"{destination}: {sum(map(len, folders.values()))} pairs in {len(plans)} shards, {readable_bytes(total)}")
    return index


def _splits(source: Path, ontology: Ontology | None) -> dict[str, FolderDataset]:
    """The splits of a source; a folder without any is its own training split."""
    return {name: FolderDataset(source, split=name, ontology=ontology) for name in every_split(source)}


def _require_own(destination: Path, source: Path, folders: dict[str, FolderDataset], plans: list[Plan]) -> None:
    """Raise ValueError for a destination that holds anything but this set, finished or not."""
    inputs = {path.parent.resolve() for dataset in folders.values() for path in pair_files(dataset.pairs[0]).values()}
    if destination.resolve() == source.resolve() or any(destination.resolve() in folder.parents for folder in inputs):
        raise ValueError(f"{destination} holds the photos themselves: choose another folder for the shards")
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination} is a file: choose a folder for the shards")
    index = destination / INDEX
    if not index.is_file():
        found = sorted(path.name for path in destination.iterdir()) if destination.is_dir() else []
        if found := [name for name in found if not name.startswith(".")]:
            raise ValueError(f"{destination} holds something else ({', '.join(found[:4])}): choose an empty folder")
        return
    if not is_complete(index.read_bytes()):
        return
    before = read_index(index.read_bytes(), str(index))
    same = before.keys() == folders.keys() and all(
        before[name].names_sha256 == dataset.fingerprint()["names_sha256"]
        and [(shard.file, shard.pairs) for shard in before[name].shards]
        == [(plan.file, plan.last - plan.first) for plan in plans if plan.split == name]
        for name, dataset in folders.items()
    )
    if not same:
        raise ValueError(
            f"{destination} holds finished shards of other pairs, or of another --shard-size: "
            "delete it, or choose another folder"
        )


def _forget_other_classes(destination: Path, ontology: Ontology) -> None:
    """Delete the tables of shards that were made with another ontology: their counts are of other classes."""
    index, saved = destination / INDEX, destination / "ontology.json"
    if not index.is_file() or (saved.is_file() and Ontology.read(saved).sha256 == ontology.sha256):
        return
    write_json_atomic(index, unfinished_index())
    for path in _shard_files(destination):
        if path.suffix == ".json":
            path.unlink()


@contextmanager
def _locked(destination: Path) -> Iterator[None]:
    lock = FolderLock(destination, work="`spadework shards`", option="folder")
    try:
        yield
    finally:
        lock.release()


class _Maker(Dataset[Exception | None]):
    """Item n makes shard n, and is what went wrong."""

    def __init__(self, plans: list[Plan], folders: dict[str, FolderDataset], destination: Path) -> None:
        self.plans, self.folders, self.destination = plans, folders, destination

    def __len__(self) -> int:
        return len(self.plans)

    def __getitem__(self, number: int) -> Exception | None:
        plan = self.plans[number]
        target = self.destination / plan.file
        try:
            entries: list[Entry] = []
            dataset = self.folders[plan.split]
            pixels = torch.zeros(dataset.ontology.channels, dtype=torch.int64)
            write_atomic(target, partial(_write, dataset, range(plan.first, plan.last), entries, pixels))
            table = Table(tuple(entries), tuple(pixels.tolist()))
            write_atomic(self.destination / table_file(plan.file), lambda file: file.write(table.to_bytes()))
        except ValueError as error:
            return error
        except OSError as error:
            return OSError(str(error))  # Some kinds of it do not survive the way to another process.
        return None


def _made(maker: _Maker, workers: int) -> Iterator[Exception | None]:
    loader = DataLoader(
        maker,
        batch_size=None,
        num_workers=min(workers, len(maker)),
        worker_init_fn=leave_signals_to_the_parent,
        collate_fn=_unchanged,
        generator=torch.Generator(),
    )
    return iter(loader)


def _write(dataset: FolderDataset, indices: range, entries: list[Entry], pixels: torch.Tensor, file: BinaryIO) -> None:
    """Pack pairs into a tar file, adding an entry for each and counting the pixels of each class."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for index in indices:
            _, label_map, _ = dataset.read(index)
            pixels += torch.bincount(label_map.flatten(), minlength=len(pixels))
            pair = dataset.pairs[index]
            members = {kind: _add(tar, pair.name, kind, path) for kind, path in pair_files(pair).items()}
            entries.append(Entry(pair.name, pair.pack, members["photo"], members["label"], members.get("instance")))


def _add(tar: tarfile.TarFile, name: str, kind: str, path: Path) -> Member:
    data = path.read_bytes()
    info = tarfile.TarInfo(f"{name}.{kind}{path.suffix}")
    info.size = len(data)
    offset = tar.offset + len(info.tobuf(tarfile.PAX_FORMAT))
    tar.addfile(info, io.BytesIO(data))
    return Member(offset, len(data), zlib.crc32(data), path.suffix)


def _split(name: str, dataset: FolderDataset, plans: list[Plan], destination: Path) -> Split:
    """What `shards.json` says of a split."""
    shards, pixels = [], torch.zeros(dataset.ontology.channels, dtype=torch.int64)
    for plan in plans:
        if plan.split == name:
            table = (destination / table_file(plan.file)).read_bytes()
            bytes = os.path.getsize(destination / plan.file)
            shards.append(Shard(plan.file, plan.last - plan.first, bytes, checksum(table)))
            pixels += torch.tensor(Table.from_bytes(table, plan.file).pixels)
    names = names_fingerprint(pair.name for pair in dataset.pairs)
    return Split(names, tuple(pixels.tolist()), tuple(shards))


def _shard_files(destination: Path) -> list[Path]:
    folders = [destination / split for split in SPLITS]
    return [path for folder in folders for path in folder.glob("*") if path.suffix in (".tar", ".json")]


def _unchanged(item: Any) -> Any:
    return item
