"""The endless stream of training samples, and its batches.

Position p of the stream is picture `epoch_order(...)[p % n]` of epoch `p // n`, with random numbers of its own: it
depends on the seed and the position alone, so that any run may start, resume or be shared out anywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from spadework.atomic import DiskFullError
from spadework.data.label_colors import LabelMapWarning
from spadework.data.pair_dataset import PairDataset
from spadework.draw import Draw
from spadework.sample import Batch, Sample
from spadework.workers import leave_signals_to_the_parent

Complete = Callable[[Sample, Draw], Sample]

WINDOW = 16
"""Shards that are mixed with each other, within an epoch."""
STAND_INS = 8
"""Other samples that are tried in the place of one that can't be read. More than that is no accident."""


def epoch_order(draw: Draw, shard_sizes: Sequence[int]) -> Tensor:
    """[n] int64: the indices of all samples, in the order of one epoch; `draw` is the epoch's.

    Up to `WINDOW` shards (and a folder, which is one): all orders are equally likely. More shards are dealt at random
    into windows of at most `WINDOW`, anew in each epoch, and all samples of a window are mixed before the next begins:
    whoever holds two windows never fetches a shard twice in an epoch.
    """
    total = sum(shard_sizes)
    if len(shard_sizes) <= WINDOW:
        return draw.permutation("epoch order", total)[0]
    shards = torch.arange(total).split(list(shard_sizes))
    order = draw.permutation("shard order", len(shards))[0]
    windows = order.tensor_split(-(-len(shards) // WINDOW))
    return torch.cat([_mixed([shards[shard] for shard in window], draw, i) for i, window in enumerate(windows)])


def _mixed(shards: list[Tensor], draw: Draw, window: int) -> Tensor:
    samples = torch.cat(shards)
    return samples[draw.permutation(f"order of window {window}", len(samples))[0]]


class SampleStream(Dataset[Sample]):
    """A map from positions 0, 1, 2, ... without end to packed samples, with the extras that `complete` derives.

    With `stand_ins`, a pair that can't be read is replaced by another, which depends on seed and position alone.
    """

    def __init__(
        self, dataset: PairDataset, seed: int, complete: Complete | None = None, *, stand_ins: bool = False
    ) -> None:
        self.dataset = dataset
        self.seed = seed
        self.complete = complete
        self.stand_ins = STAND_INS if stand_ins else 0
        self._orders: dict[int, Tensor] = {}

    def index(self, position: int) -> int:
        """The data set's index of the sample at a position."""
        epoch, place = divmod(position, len(self.dataset))
        if epoch not in self._orders:
            # Two are enough: this epoch, and the next one for what is fetched ahead.
            self._orders = dict(sorted(self._orders.items())[-1:])
            self._orders[epoch] = epoch_order(Draw(self.seed, [epoch]), self.dataset.shard_sizes)
        return int(self._orders[epoch][place])

    def __getitem__(self, position: int) -> Sample:
        return self.read(position)[0]

    def read(self, position: int) -> tuple[Sample, list[str]]:
        """The sample at a position, and what was wrong with the pairs that it stands in for."""
        if self.dataset.ahead:
            self.dataset.fetch_ahead(self.index(position + self.dataset.ahead))
        draw = Draw(self.seed, [position])
        sample, skipped = self._readable(self.index(position), draw)
        if self.complete is not None:
            sample = replace(sample, extras=self.complete(sample.unpacked(), draw).extras)
        return sample, skipped

    def _readable(self, index: int, draw: Draw) -> tuple[Sample, list[str]]:
        skipped: list[str] = []
        while True:
            try:
                return self.dataset.sample(index, draw), skipped
            except (ValueError, OSError) as error:
                if isinstance(error, DiskFullError) or len(skipped) == self.stand_ins:
                    raise
                skipped.append(str(error))
            index = int(draw.integer(f"stand-in {len(skipped)}", len(self.dataset)))


def batches(
    stream: SampleStream, start: int, batch_size: int, workers: int, stop: int | None = None, step: int | None = None
) -> Iterator[tuple[list[int], Batch]]:
    """Packed batches of successive positions from `start` on, each with its positions; endless, or up to `stop`.

    `Batch.to` unpacks them. `stop` is excluded; the last batch before it may be smaller. `step` is how far one batch
    starts behind the other (`batch_size` unless given): process r of R takes start + r * batch_size and R * batch_size.
    What comes does not depend on `workers`, the number of loader processes (0: none). A wrong file raises its
    ValueError here, and one that can't be read its OSError.
    """
    if batch_size < 1 or workers < 0 or start < 0:
        raise ValueError(f"batch_size {batch_size} must be at least 1, workers {workers} and start {start} at least 0")
    loader = DataLoader(
        _BatchReader(stream),
        batch_size=None,
        sampler=_Spans(start, batch_size, stop, step or batch_size),
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=leave_signals_to_the_parent,
        generator=torch.Generator(),  # Keeps the loader away from the global random state.
    )
    for span, item in zip(loader.sampler, loader, strict=True):
        if isinstance(item, ValueError | OSError):
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
    """Whole batches by their positions; errors about files are handed over as values, for loaders would wrap them."""

    def __init__(self, stream: SampleStream) -> None:
        self.stream = stream

    def __getitem__(self, positions: range) -> Batch | ValueError | OSError:
        try:
            # The check before the training has said it; not again for each file.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", LabelMapWarning)
                read = [self.stream.read(position) for position in positions]
            samples = [sample for sample, _ in read]
            _require_one_size(samples, self.stream.dataset.settings.mode)
            return replace(Batch.collate(samples), skipped=[why for _, skipped in read for why in skipped])
        except ValueError as error:
            return error
        except OSError as error:
            return OSError(str(error))  # Some kinds of it do not survive the way to another process.


def _require_one_size(samples: list[Sample], mode: str) -> None:
    first = samples[0]
    for sample in samples[1:]:
        if sample.label_map.shape != first.label_map.shape:
            sizes = [f"{one.name} is {one.label_map.shape[1]}x{one.label_map.shape[0]}" for one in (first, sample)]
            raise ValueError(
                f"pictures of one batch need one size, but {' and '.join(sizes)} after preprocess mode {mode!r}: "
                "use a mode that crops, mode fixed, or batch size 1"
            )


def _unchanged(item: Any) -> Any:
    return item
