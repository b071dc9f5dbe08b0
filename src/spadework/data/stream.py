"""The endless stream of training samples, and its batches.

Position p of the stream is picture `permutation(seed, epoch)[p % n]` of epoch `p // n`, with random numbers of its own:
it depends on the seed and the position alone, so that any run may start, resume or be shared out anywhere.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from spadework.data.folder import FolderDataset
from spadework.draw import Draw
from spadework.sample import Batch, Sample

Complete = Callable[[Sample, Draw], Sample]


class SampleStream(Dataset[Sample]):
    """A map from positions 0, 1, 2, ... without end to samples."""

    def __init__(self, dataset: FolderDataset, seed: int, complete: Complete | None = None) -> None:
        self.dataset = dataset
        self.seed = seed
        self.complete = complete
        self._order: tuple[int, Tensor] | None = None

    def index(self, position: int) -> int:
        """The data set's index of the sample at a position."""
        epoch, place = divmod(position, len(self.dataset))
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, Draw(self.seed, [epoch]).permutation("epoch order", len(self.dataset))[0]
        return int(self._order[1][place])

    def __getitem__(self, position: int) -> Sample:
        draw = Draw(self.seed, [position])
        sample = self.dataset.sample(self.index(position), draw)
        return sample if self.complete is None else self.complete(sample, draw)


def batches(
    stream: SampleStream, start: int, batch_size: int, workers: int, stop: int | None = None, step: int | None = None
) -> Iterator[tuple[list[int], Batch]]:
    """Batches of successive positions from `start` on, each with its positions; endless, or up to `stop` (excluded).

    The last batch before `stop` may be smaller. `step` is how far one batch starts behind the other (`batch_size`
    unless given): process r of R takes start + r * batch_size and R * batch_size. What comes does not depend on
    `workers`, the number of loader processes (0: none). A wrong file raises its ValueError here.
    """
    if batch_size < 1 or workers < 0 or start < 0:
        raise ValueError(f"batch_size {batch_size} must be at least 1, workers {workers} and start {start} at least 0")
    loader = DataLoader(
        _BatchReader(stream),
        batch_size=None,
        sampler=_Spans(start, batch_size, stop, step or batch_size),
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=_leave_interrupts_to_the_training,
        generator=torch.Generator(),  # Keeps the loader away from the global random state.
    )
    for span, item in zip(loader.sampler, loader, strict=True):
        if isinstance(item, ValueError):
            raise item
        yield list(span), item


class _Spans(torch.utils.data.Sampler[range]):
    """The positions of each batch."""

    def __init__(self, start: int, batch_size: int, stop: int | None, step: int) -> None:
        self.start, self.batch_size, self.stop, self.step = start, batch_size, stop, step

    def __iter__(self) -> Iterator[range]:
        for first in count(self.start, self.step) if self.stop is None else range(self.start, self.stop, self.step):
            end = first + self.batch_size
            yield range(first, end if self.stop is None else min(end, self.stop))


class _BatchReader(Dataset[Any]):
    """Whole batches by their positions; a ValueError is handed over as a value, for loader processes would wrap it."""

    def __init__(self, stream: SampleStream) -> None:
        self.stream = stream

    def __getitem__(self, positions: range) -> Batch | ValueError:
        try:
            samples = [self.stream[position] for position in positions]
            _require_one_size(samples, self.stream.dataset.settings.mode)
            return Batch.collate(samples)
        except ValueError as error:
            return error


def _require_one_size(samples: list[Sample], mode: str) -> None:
    first = samples[0]
    for sample in samples[1:]:
        if sample.label_map.shape != first.label_map.shape:
            sizes = [f"{one.name} is {one.label_map.shape[1]}x{one.label_map.shape[0]}" for one in (first, sample)]
            raise ValueError(
                f"pictures of one batch need one size, but {' and '.join(sizes)} after preprocess mode {mode!r}: "
                "use a mode that crops, mode fixed, or batch size 1"
            )


def _leave_interrupts_to_the_training(worker: int) -> None:
    """Ctrl-C reaches the whole process group; loaders end with their training, which saves first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _unchanged(item: Any) -> Any:
    return item
