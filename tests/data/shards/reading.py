"""Reading data to the end, and comparing what came."""

from __future__ import annotations

import torch

from spadework.data.stream import SampleStream, batches
from spadework.sample import Batch, Sample


def same(one: Sample, other: Sample) -> bool:
    assert one.photo is not None and other.photo is not None
    assert (one.instance_map is None) == (other.instance_map is None)
    instances = one.instance_map is None or torch.equal(one.instance_map, other.instance_map)  # type: ignore[arg-type]
    return (
        one.name == other.name
        and torch.equal(one.photo, other.photo)
        and torch.equal(one.label_map, other.label_map)
        and instances
    )


def read_all(
    stream: SampleStream, workers: int, start: int = 0, batch_size: int = 4, step: int | None = None
) -> list[Batch]:
    stop = 2 * len(stream.dataset)  # type: ignore[arg-type]
    return [batch for _, batch in batches(stream, start, batch_size, workers, stop=stop, step=step)]


def assert_same_batches(one: list[Batch], other: list[Batch]) -> None:
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        assert first.names == second.names
        assert torch.equal(first.label_map, second.label_map)
        assert torch.equal(first.photo, second.photo)  # type: ignore[arg-type]
