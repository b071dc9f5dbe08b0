"""Who computes what of a batch: it is divided equally over processes, and over steps of each.

Positions of the endless stream are dealt out in their order: with R processes, S steps and n pictures in a part, step s
of process r has the n positions from (s * R + r) * n of the batch on. So an iteration has the same pictures, each with
the same random numbers, however it is divided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.sample import Batch
from spadework.training.processes import Processes

Fetched = Sequence[tuple[list[int], Batch]]
"""Positions and packed batches of this process's steps of one iteration."""


@dataclass(frozen=True)
class Shares:
    """The parts of a batch of `batch_size` pictures, and which of them are this process's."""

    batch_size: int
    processes: Processes
    steps: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"--accumulate {self.steps}: expected at least 1")
        if self.batch_size % self.parts:
            near = self.batch_size // self.parts * self.parts
            other = " or ".join(str(size) for size in (near, near + self.parts) if size)
            raise ValueError(
                f"a batch of {self.batch_size} cannot be divided equally over {self.processes.count} processes and "
                f"{self.steps} steps of each (--accumulate): take --batch-size {other}"
            )

    @property
    def parts(self) -> int:
        """Of the whole batch."""
        return self.processes.count * self.steps

    @property
    def pictures(self) -> int:
        """In each part."""
        return self.batch_size // self.parts

    def fetch(self, stream: SampleStream, start: int, stop: int, workers: int) -> Iterator[Fetched]:
        """This process's parts of one iteration after the other, from position `start` on, up to `stop`."""
        first, step = start + self.processes.rank * self.pictures, self.processes.count * self.pictures
        parts = batches(stream, first, self.pictures, workers, stop, step)
        return zip(*[parts] * self.steps, strict=False)

    def unpack(self, fetched: Fetched, seed: int, device: torch.device) -> list[tuple[Batch, Draw]]:
        """Ready for `iterate_in_parts`."""
        unpacked = [batch.to(device) for _, batch in fetched]
        for batch in unpacked:
            batch.parts = self.parts
            batch.beside = [one.label_map for one in unpacked] if self.steps > 1 else []
        return [(batch, Draw(seed, positions)) for batch, (positions, _) in zip(unpacked, fetched, strict=True)]
