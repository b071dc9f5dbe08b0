"""`spadework shards`: many pairs into few files, for sets that are larger than a disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from spadework.data.shards import make_shards
from spadework.data.shipped import find_ontology


@dataclass(frozen=True)
class Shards:
    """Pack a data folder into shards. A killed run goes on where it stood when it is started again."""

    data: Positional[Path]
    """A data folder (photos, labels, ontology.json), or the JSON file of an ontology that merges several."""
    destination: Positional[Path]
    """The folder for the shards; copy it wherever trainings can read it: a disk, NFS, an object store."""
    shard_size: float = 64
    """MiB per shard, about. 16 shards are mixed with each other while training."""
    workers: int = 2
    """Processes that read and pack; 0 does it in this one."""
    ontology: Path | None = None
    """The classes, where the data folder does not say them."""


def shards(arguments: Sequence[str]) -> None:
    """Write the shards, telling how it goes."""
    options = tyro.cli(Shards, prog="spadework shards", args=list(arguments))
    if options.shard_size <= 0 or options.workers < 0:
        raise ValueError(f"--shard-size {options.shard_size} must be above 0, --workers {options.workers} at least 0")
    make_shards(
        options.data,
        options.destination,
        shard_bytes=max(int(options.shard_size * 2**20), 1),
        ontology=None if options.ontology is None else find_ontology(options.ontology),
        workers=options.workers,
        tell=lambda line: print(line, flush=True),
    )
