"""Splits for data that came without: shares of the names, drawn by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shares:
    """How pairs are split where their owners name no splits."""

    val: float = 0.1
    """Share of the pairs for validation, 0..1; about, because each pair is drawn on its own."""
    test: float = 0.0
    """Share of the pairs for test, 0..1."""
    seed: int = 0
    """The number that draws them."""

    def shares(self) -> dict[str, Any]:
        """The shares as JSON."""
        return {"val": self.val, "test": self.test, "seed": self.seed}


def draw_splits(names: Sequence[str], shares: Shares) -> dict[str, str]:
    """A split for each name, drawn by the name and the seed alone: names that are added later move no others.

    Raises ValueError for shares that leave nothing for training.
    """
    given = f"--val {shares.val} --test {shares.test}"
    if min(shares.val, shares.test) < 0 or shares.val + shares.test >= 1:
        raise ValueError(f"{given}: expected shares of 0 to 1 that leave some for training")
    split_of = {name: _split(_draw(name, shares.seed), shares) for name in names}
    if "train" not in split_of.values():
        raise ValueError(f"{given}: of {len(names)} pairs none is left for training; ask for less, or another --seed")
    return split_of


def _draw(name: str, seed: int) -> float:
    """A number in [0, 1) that belongs to the name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8]) / 2**64


def _split(drawn: float, shares: Shares) -> str:
    return "val" if drawn < shares.val else "test" if drawn < shares.val + shares.test else "train"
