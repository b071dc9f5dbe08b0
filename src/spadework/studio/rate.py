"""How fast somebody may ask: a bucket of tokens for each, filled again at an even pace."""

from __future__ import annotations

import time
from collections import OrderedDict

REMEMBERED = 4096
"""Addresses whose buckets are kept."""


class Bucket:
    """`rate` tokens a second, and at most `size` at once."""

    def __init__(self, rate: float, size: float) -> None:
        self.rate = rate
        self.size = size
        self.tokens = size
        self.filled = time.monotonic()

    def take(self) -> float:
        """Take a token; the seconds until there is one (0: it was taken)."""
        now = time.monotonic()
        self.tokens = min(self.size, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Rates:
    """A bucket for each address; the least recently seen are forgotten."""

    def __init__(self, rate: float, seconds: float = 5.0) -> None:
        self.rate = rate
        self.size = max(1.0, rate * seconds)
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> float:
        """Take a token of this address; the seconds until there is one (0: it was taken)."""
        bucket = self._buckets.pop(address, None) or Bucket(self.rate, self.size)
        self._buckets[address] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket.take()
