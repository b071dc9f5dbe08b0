"""Random numbers of one layout or style, each a function of (seed, name): adding one changes no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from spadework.draw import Draw

T = TypeVar("T")


class Dice:
    """Named random numbers. `about` keeps the numbers of layouts and styles apart, whatever their seeds."""

    def __init__(self, seed: int, about: str) -> None:
        self.seed = seed
        self.about = about
        self._draw = Draw(seed, [0])

    def many(self, name: str, *shape: int) -> Tensor:
        """float32, uniform in [0, 1)."""
        return self._draw.uniform(f"terrain/{self.about}/{name}", *shape)[0]

    def normal(self, name: str, *shape: int) -> Tensor:
        """float32, standard normal."""
        return self._draw.normal(f"terrain/{self.about}/{name}", *shape)[0]

    def uniform(self, name: str, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(self.many(name, 1))

    def chance(self, name: str, probability: float) -> bool:
        """True with that probability."""
        return float(self.many(name, 1)) < probability

    def pick(self, name: str, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the options, by their weights."""
        weights = weights or [1.0] * len(options)
        left = float(self.many(name, 1)) * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            left -= weight
            if left < 0:
                return option
        return options[-1]
