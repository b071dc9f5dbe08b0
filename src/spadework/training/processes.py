"""The processes that train one system together, and what they say to each other.

Each holds the whole system and computes on its share of every batch; gradients are averaged, so that all of them take
the same step. The first process alone writes. A decision to stop is taken by all together, between two iterations: none
is left waiting for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import Parameter

Item = TypeVar("Item")

PATIENCE = timedelta(hours=6)
"""How long processes wait for each other, while the first evaluates, say. That one has died is noticed sooner."""
BUCKET = 2**24
"""Numbers that are sent at a time: 64 MiB of float32, so that sending takes little memory."""
STOPS = (ValueError, OSError, FloatingPointError, MemoryError, RuntimeError, KeyboardInterrupt)
"""What may go wrong in one process, and stops all."""


class LostProcess(ConnectionError):
    """Another process has ended without a word."""


class Processes:
    """This process, `rank` of `count`, and its way to the others; one alone needs none.

    `device` is where the system's tensors are. Every method is called by all processes, in the same order.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        several = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if several else 0
        self.count = dist.get_world_size() if several else 1
        self.stopped = False
        """Whether all have decided to stop."""

        # Flags and texts need no GPU, and no GPU should wait for them.
        apart = self.count > 1 and self.device.type != "cpu"
        self._talk: Any = dist.new_group(backend="gloo", timeout=PATIENCE) if apart else None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    # Numbers.

    def average(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.count == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.count

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[Parameter]) -> None:
        """Every gradient becomes its mean over all processes, to the same bits in each of them."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            dist.all_reduce(flat)
            flat /= self.count
            for gradient, mean in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
                gradient.copy_(mean.view_as(gradient))

    def largest(self, value: float) -> float:
        """The largest of a number over all processes."""
        return float(max(self.gathered(value)))

    # Words.

    def gathered(self, item: Item) -> list[Item]:
        """What each process has, in the order of their ranks."""
        if self.count == 1:
            return [item]
        items: list[Any] = [None] * self.count
        dist.all_gather_object(items, item, group=self._talk)
        return items

    def from_first(self, item: Item) -> Item:
        """What the first process has; tensors in it are on the CPU."""
        if self.count == 1:
            return item
        items = [item if self.first else None]
        dist.broadcast_object_list(items, src=0, group=self._talk)
        return items[0]  # type: ignore[return-value]

    @torch.no_grad()
    def start_alike(self, network: nn.Module) -> None:
        """Weights and buffers become the first process's."""
        if self.count > 1:
            for tensor in [*network.parameters(), *network.buffers()]:
                value = tensor.detach().contiguous()
                dist.broadcast(value, src=0)
                tensor.copy_(value)

    def any(self, flag: bool) -> bool:
        """Whether a flag is up in any of the processes."""
        if self.count == 1:
            return flag
        flags = torch.tensor([float(flag)])
        dist.all_reduce(flags, group=self._talk)
        return bool(flags > 0)

    # Stopping together.

    def first_does(self, work: Callable[[], object]) -> None:
        """The first process works, the others wait; what goes wrong there is raised by all."""
        with self.raised_by_all():
            if self.first:
                work()

    def agreed(self, items: Iterator[Item], rescue: Callable[[], object] = lambda: None) -> Iterator[Item]:
        """The items; what goes wrong in getting one, in any process, is raised by all, once all have done `rescue`."""
        while True:
            item: Item | None = None
            with self.raised_by_all(rescue):
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def first_holds(self, hold: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
        """A block during which the first process holds something; raised by all where it cannot be had."""
        with ExitStack() as stack:
            self.first_does(lambda: stack.enter_context(hold()))
            yield

    @contextmanager
    def raised_by_all(self, rescue: Callable[[], object] = lambda: None) -> Iterator[None]:
        """What goes wrong inside, in any process, is raised by all at the end of the block, once all did `rescue`.

        Interruptions are no failures: they are raised at once.
        """
        if self.count == 1:
            try:
                yield
            except KeyboardInterrupt:
                raise
            except STOPS:
                rescue()
                raise
            return
        error: BaseException | None = None
        try:
            yield
        except STOPS as caught:
            error = caught
        if self.any(error is not None):
            kinds = [kind for kind in self.gathered(None if error is None else (_kind(error), str(error))) if kind]
            if all(kind is not KeyboardInterrupt for kind, _ in kinds):
                rescue()
            kind, text = kinds[0]
            self.stop(error or kind(text))

    def stop(self, error: BaseException) -> NoReturn:
        """Stop, which all must have agreed on: the first process tells why, the others end in silence."""
        self.stopped = True
        if self.first:
            raise error
        raise SystemExit(0)


def _kind(error: BaseException) -> type[BaseException]:
    """Which of STOPS it is: an error of another class may not survive the way to another process."""
    return next(kind for kind in STOPS if isinstance(error, kind))


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors of one type, up to BUCKET numbers at a time, in their order."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = sum(one.numel() for one in bucket) + tensor.numel() > BUCKET
        if bucket and (full or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
