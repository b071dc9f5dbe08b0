"""One way in for all data: a data folder, several of them, or a set of shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Preprocess
from spadework.data.shards.dataset import GIB, ShardDataset
from spadework.data.shards.index import INDEX


def open_data(
    roots: Sequence[str],
    *,
    split: str | None = None,
    ontology: Ontology | None = None,
    settings: Preprocess | None = None,
    training: bool = True,
    cache: Path | None = None,
    cache_bytes: int = 50 * GIB,
) -> PairDataset:
    """The pairs of data folders (`FolderDataset`), or of one set of shards, in a folder or behind a URL.

    `cache` and `cache_bytes` are for shards behind a URL (`ShardDataset`).
    """
    shards = [root for root in roots if is_shards(root)]
    if not shards:
        return FolderDataset(roots, split=split, ontology=ontology, settings=settings, training=training)
    if len(roots) > 1:
        raise ValueError(
            f"{shards[0]} is a set of shards, which can't be mixed with other data: "
            "make one set of all folders, from the JSON file of an ontology that merges them"
        )
    return ShardDataset(
        shards[0],
        split=split,
        ontology=ontology,
        settings=settings,
        training=training,
        cache=cache,
        cache_bytes=cache_bytes,
    )


def is_shards(root: str) -> bool:
    """Whether this is a set of shards: a URL, or a folder with their index."""
    return "://" in root or (Path(root) / INDEX).is_file()
