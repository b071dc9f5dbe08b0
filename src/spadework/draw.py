"""The only source of randomness: a function of (seed, sample index, purpose).

Every random number of training and inference is drawn here, by name. Nothing depends on how many numbers were drawn
before, so a resumed run, another number of workers or processes, or a single sample alone gives the same values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


class Draw:
    """Random numbers for a few samples.

    `seed` is the run's (or the user's) seed, `indices` the position of each sample in the endless stream of samples.
    Every method takes a `purpose`, a name: other purposes give independent numbers, the same purpose the same ones.
    All tensors come on the CPU, with one leading row per sample.
    """

    def __init__(self, seed: int, indices: Sequence[int]) -> None:
        self.seed = seed
        self.indices = list(indices)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        """[B, *shape] float32, standard normal."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self._generators(purpose)])

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        """[B, *shape] float32, uniform in [0, 1)."""
        return torch.stack([torch.rand(shape, generator=generator) for generator in self._generators(purpose)])

    def integer(self, purpose: str, high: int) -> Tensor:
        """[B] int64, uniform in 0..high-1."""
        return torch.stack([torch.randint(high, (), generator=generator) for generator in self._generators(purpose)])

    def permutation(self, purpose: str, n: int) -> Tensor:
        """[B, n] int64: a random order of 0..n-1."""
        return torch.stack([torch.randperm(n, generator=generator) for generator in self._generators(purpose)])

    def _generators(self, purpose: str) -> list[torch.Generator]:
        generators = []
        for index in self.indices:
            key = f"{self.seed}/{index}/{purpose}".encode()
            state = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
            generators.append(torch.Generator().manual_seed(state - 2**63))
        return generators
