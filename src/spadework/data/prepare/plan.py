"""What a preparation is going to write: one output per file, each made from one file of the source."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from spadework.data.ontology import Ontology
from spadework.data.prepare.source import SourceFile, SourceTree

Key = tuple[str, str]
"""Split and name of a pair."""


@dataclass(frozen=True)
class Made:
    """What became of a source file."""

    size: tuple[int, int]
    """Width and height, upright."""
    content: bytes | None = None
    """The bytes to write, or None when they are the source file's own."""


@dataclass(frozen=True)
class Output:
    """One file to be written."""

    target: str
    """Its place in the prepared folder, such as "train/photos/a.jpg"."""
    source: SourceFile
    make: Callable[..., Made]
    """Called with the source's bytes, its name for messages, and what `fetch` gives; ValueError for a faulty source.

    Must be picklable, unless the plan stays in one process.
    """
    fetch: Callable[[], tuple[Any, ...]] = tuple
    """What else `make` needs and is too large to be held for all outputs at once; called just before."""


@dataclass(frozen=True)
class Plan:
    """All outputs of a preparation."""

    outputs: list[Output]
    ontology: Ontology
    notes: list[str] = field(default_factory=list)
    """What users should know about this source."""
    one_process: bool = False
    """Whether the outputs must be made in this process."""


class DataSet(Protocol):
    """A data set that can be prepared: a frozen dataclass of its options."""

    name: ClassVar[str]
    archives: ClassVar[tuple[str, ...]]
    """The stems of the archives it comes in, as file name patterns."""

    def options(self) -> dict[str, Any]:
        """The options that decide what is written, as JSON."""

    def plan(self, tree: SourceTree) -> Plan:
        """What is to be written; raises ValueError when the source is incomplete or something else."""


@dataclass(frozen=True)
class Part:
    """One kind of files of a published data set."""

    what: str
    """What the files are, in the plural."""
    pattern: re.Pattern[str]
    """Finds them by path; its groups are split and name."""
    example: str
    """The path of one."""
    archive: str
    """Where they are, and who publishes it, for messages."""

    def find(self, tree: SourceTree, splits: Mapping[str, str]) -> dict[Key, SourceFile]:
        """The files of these splits (owners' name -> ours); raises ValueError naming the archive when one has none."""
        found = tree.match(self.pattern)
        for split in splits:
            if not any(key[0] == split for key in found):
                raise ValueError(
                    f"{tree.root}: no {self.what} of {split!r} in it. Expected files such as {self.example}; they are "
                    f"in {self.archive}. Found {tree.content()}. Put that archive, or what is in it, into {tree.root}"
                )
        return {(splits[key[0]], key[1]): file for key, file in found.items() if key[0] in splits}


def paired(root: str, photos: Mapping[Key, Any], labels: Mapping[Key, Any], kinds: tuple[str, str], cure: str) -> None:
    """Raise ValueError unless both kinds have the same keys."""
    problems = []
    for kind, partner, keys in (
        (kinds[0], kinds[1], sorted(photos.keys() - labels.keys())),
        (kinds[1], kinds[0], sorted(labels.keys() - photos.keys())),
    ):
        if keys:
            shown = ", ".join(name for _, name in keys[:3]) + (", ..." if len(keys) > 3 else "")
            problems.append(f"{len(keys)} {kind} without {partner} ({shown})")
    if problems:
        raise ValueError(f"{root}: {'; '.join(problems)}. {cure}")


def count_note(published: Mapping[str, int], splits: Collection[str], keys: Collection[Key]) -> list[str]:
    """A note for each split that has another number of pairs than its owners published."""
    notes = []
    for split in splits:
        count = sum(key[0] == split for key in keys)
        if count != published[split]:
            notes.append(f"{split} has {count:,} pairs; its owners published {published[split]:,}")
    return notes


def chosen_splits(given: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """Owners' name -> ours of the splits asked for; all of them when none is."""
    unknown = [split for split in given if split not in known.values()]
    if unknown:
        raise ValueError(f"--splits {unknown[0]}: there are {', '.join(known.values())}")
    return {theirs: ours for theirs, ours in known.items() if ours in given or not given}
