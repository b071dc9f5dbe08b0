"""Samples and batches."""

from __future__ import annotations

import pytest
import torch

from spadework.sample import Batch, Sample


def sample(name: str, value: int, **more: object) -> Sample:
    return Sample(torch.full((4, 6), value), name, **more)  # type: ignore[arg-type]  # whatever a test wants


def full(value: int) -> Sample:
    return sample(
        f"s{value}",
        value,
        photo=torch.full((3, 4, 6), float(value)),
        instance_map=torch.full((4, 6), 10 * value),
        extras={"noise": torch.full((2,), float(value))},
    )


def test_collating() -> None:
    batch = Batch.collate([full(1), full(2)])
    assert (len(batch), batch.size, batch.names) == (2, (4, 6), ["s1", "s2"])
    assert batch.photo is not None and batch.instance_map is not None
    for tensor, shape in (
        (batch.label_map, (2, 4, 6)),
        (batch.photo, (2, 3, 4, 6)),
        (batch.instance_map, (2, 4, 6)),
        (batch.extras["noise"], (2, 2)),
    ):
        assert tensor.shape == shape
    assert batch.label_map[:, 0, 0].tolist() == [1, 2] and batch.instance_map[:, 0, 0].tolist() == [10, 20]
    assert batch.photo[:, 0, 0, 0].tolist() == [1, 2] and batch.extras["noise"][:, 0].tolist() == [1, 2]


def test_label_maps_alone_will_do() -> None:
    batch = Batch.collate([sample("a", 1), sample("b", 2)])
    assert batch.photo is None and batch.instance_map is None and batch.extras == {}


def test_unpacking() -> None:
    """Every byte becomes what the formula says, to the last bit, and the bytes themselves are left alone."""
    photo = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).repeat(3, 1, 1)
    packed = Sample(torch.full((16, 16), 255, dtype=torch.uint8), "a", photo)
    expected = (torch.arange(256, dtype=torch.float32) / 255 - 0.5) / 0.5
    for unpacked in (packed.unpacked(), Batch.collate([packed]).to("cpu")):
        assert unpacked.photo is not None and torch.equal(unpacked.photo.reshape(3, 256), expected.repeat(3, 1))
        assert unpacked.label_map.dtype == torch.int64 and bool((unpacked.label_map == 255).all())
    assert photo.dtype == torch.uint8 and packed.photo is photo


def test_what_is_unpacked_stays_as_it_is() -> None:
    batch = Batch.collate([full(1)])
    moved = batch.to("cpu")
    assert moved.photo is batch.photo and moved.label_map is batch.label_map


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_all_samples_have_a_photo_or_none_does(order: tuple[int, int]) -> None:
    samples = [full(1), sample("b", 2, instance_map=torch.zeros(4, 6, dtype=torch.long), extras=full(2).extras)]
    with pytest.raises(ValueError, match="some samples of this batch have a photo or instance map and some have none"):
        Batch.collate([samples[i] for i in order])


def test_moving_takes_everything_along() -> None:
    moved = Batch.collate([full(1)]).to("meta")
    assert moved.photo is not None and moved.instance_map is not None
    tensors = [moved.label_map, moved.photo, moved.instance_map, moved.extras["noise"]]
    assert all(tensor.is_meta for tensor in tensors) and moved.names == ["s1"]
    bare = Batch.collate([sample("a", 1)]).to("meta")
    assert bare.photo is None and bare.instance_map is None and bare.label_map.is_meta
