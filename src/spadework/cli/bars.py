"""Bars for work that has several stages."""

from __future__ import annotations

import sys

from tqdm import tqdm


class Bars:
    """A bar on the terminal, a line now and then elsewhere; a new one for each stage."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: tqdm | None = None
        self._stage = ""

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, what: str, done: int, total: int) -> None:
        """Say how far a stage is."""
        if self._bar is None or self._stage != what:
            self.__exit__()
            self._stage = what
            pause = 0.1 if sys.stderr.isatty() else 30.0
            self._bar = tqdm(desc=what, total=total, unit=f" {self._unit}", mininterval=pause, leave=False)
        self._bar.update(done - self._bar.n)
