"""Which pairs go into which shard, and which shards are there already; it follows from the files alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spadework.data.pairs import Pair
from spadework.data.shards.index import Table, table_file


@dataclass(frozen=True)
class Plan:
    """One shard that is to be: pairs `first` to `last` (excluded) of a split."""

    file: str
    """The tar file below the set's folder."""
    split: str
    first: int
    last: int


def plan_shards(split: str, pairs: Sequence[Pair], shard_bytes: int) -> Iterator[Plan]:
    """Successive pairs, as many per shard as its size allows, at least one."""
    first = size = number = 0
    for index, pair in enumerate(pairs):
        more = sum(path.stat().st_size for path in pair_files(pair).values())
        if index > first and size + more > shard_bytes:
            yield Plan(f"{split}/{number:05d}.tar", split, first, index)
            first, size, number = index, 0, number + 1
        size += more
    yield Plan(f"{split}/{number:05d}.tar", split, first, len(pairs))


def is_finished(plan: Plan, pairs: Sequence[Pair], destination: Path) -> bool:
    """Whether a shard of a split's `pairs` is there, whole, and younger than the files that it was made of."""
    shard, table = destination / plan.file, destination / table_file(plan.file)
    if not shard.is_file() or not table.is_file():
        return False
    try:
        entries = Table.from_bytes(table.read_bytes(), str(table)).pairs
    except ValueError:
        return False

    # The same pairs, of files of the same sizes.
    wanted = pairs[plan.first : plan.last]
    if [(entry.name, entry.pack) for entry in entries] != [(pair.name, pair.pack) for pair in wanted]:
        return False
    stats = [{kind: path.stat() for kind, path in pair_files(pair).items()} for pair in wanted]
    sizes = [{kind: stat.st_size for kind, stat in files.items()} for files in stats]
    if sizes != [{kind: member.size for kind, member in entry.members.items()} for entry in entries]:
        return False

    # Whole, and of these files' present content.
    made, end = shard.stat(), max(member.offset + member.size for member in entries[-1].members.values())
    newest = max(stat.st_mtime_ns for files in stats for stat in files.values())
    return made.st_size >= end and newest < made.st_mtime_ns


def pair_files(pair: Pair) -> dict[str, Path]:
    """What a pair has: photo, label, instance."""
    files = {"photo": pair.photo, "label": pair.label, "instance": pair.instance}
    return {kind: path for kind, path in files.items() if path is not None}
