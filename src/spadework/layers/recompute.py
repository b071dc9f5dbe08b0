"""Activations that are computed again in the backward pass instead of being kept for it (gradient checkpointing).

Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recomputed(part: nn.Module, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """forward(x), of which only x is kept for the backward pass; `part` holds the layers that forward uses.

    The second time is like the first: power iterations start where they did, and neither they nor running statistics
    move once more.
    """
    buffers = list(part.buffers())
    before = [buffer.clone() for buffer in buffers]

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _as_then(buffers, before)

    result: Tensor = checkpoint(forward, x, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)
    return result


@contextmanager
def _as_then(buffers: list[Tensor], then: list[Tensor]) -> Iterator[None]:
    """Buffers have the values of `then` inside, and those of now again afterwards."""
    now = [buffer.clone() for buffer in buffers]
    _set(buffers, then)
    try:
        yield
    finally:
        _set(buffers, now)


def _set(buffers: list[Tensor], values: list[Tensor]) -> None:
    # By .data: for autograd nothing changes, because afterwards everything is as it was.
    for buffer, value in zip(buffers, values, strict=True):
        buffer.data.copy_(value)


def recompute_in_backward(network: nn.Module) -> None:
    """Make every part of a network that can do so recompute its activations."""
    for module in network.modules():
        if hasattr(module, "recompute"):
            module.recompute = True  # type: ignore[assignment]  # torch's modules have any attribute
