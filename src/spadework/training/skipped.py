"""Pairs that could not be read in the middle of a training: told by name, and counted."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from spadework.sample import Batch
from spadework.training.processes import Processes


class Skipped:
    """How often a pair could not be read since the training began; others came in their places."""

    def __init__(self, processes: Processes, count: int = 0) -> None:
        self.count = count
        self._processes = processes
        self._new: list[str] = []
        self._told: set[str] = set()

    def add(self, batches: Iterable[Batch]) -> None:
        """Those of one more iteration, in this process."""
        for batch in batches:
            self._new += batch.skipped

    def total(self) -> int:
        """Of all processes, which call this together; the first one tells of each file once."""
        new = [why for some in self._processes.gathered(self._new) for why in some]
        self.count += len(new)
        self._new = []
        for why in dict.fromkeys(new):
            if why not in self._told and self._processes.first:
                print(f"note: left out, another picture in its place: {why}", file=sys.stderr, flush=True)
        self._told.update(new)
        return self.count
