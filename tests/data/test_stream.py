"""The endless stream: order, independence of workers and of where it starts, errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.label_colors import SnappedColors
from spadework.data.label_map import read_label_map
from spadework.data.preprocess import Preprocess
from spadework.data.stream import WINDOW, SampleStream, batches, epoch_order
from spadework.draw import Draw
from spadework.sample import Batch, Sample

Make = Callable[..., Path]
SETTINGS = Preprocess(load_size=20, crop_size=16)


class Names:
    """A data set that only has a length."""

    ahead = 0

    def __init__(self, *shard_sizes: int) -> None:
        self.shard_sizes = shard_sizes

    def __len__(self) -> int:
        return sum(self.shard_sizes)


def stream_of(root: Path, seed: int = 0, **settings: object) -> SampleStream:
    return SampleStream(FolderDataset(root, settings=replace(SETTINGS, **settings)), seed)  # type: ignore[arg-type]


@given(count=st.integers(1, 30), seed=st.integers(0, 99), epoch=st.integers(0, 5))
def test_every_epoch_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    stream = SampleStream(Names(count), seed)  # type: ignore[arg-type]
    order = [stream.index(epoch * count + place) for place in range(count)]
    assert sorted(order) == list(range(count))

    # Any position alone gives the same.
    alone = SampleStream(Names(count), seed)  # type: ignore[arg-type]
    assert alone.index(epoch * count + count // 2) == order[count // 2]


def test_epochs_and_seeds_differ() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        stream = SampleStream(Names(50), seed)  # type: ignore[arg-type]
        return [stream.index(epoch * 50 + place) for place in range(50)]

    assert order(0, 0) != order(0, 1) and order(0, 0) != order(1, 0)


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_every_order_of_shards_is_a_permutation(sizes: list[int], seed: int) -> None:
    order = epoch_order(Draw(seed, [0]), sizes).tolist()
    assert sorted(order) == list(range(sum(sizes)))
    assert order == epoch_order(Draw(seed, [0]), sizes).tolist()


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=WINDOW), seed=st.integers(0, 99))
def test_few_shards_are_ordered_like_a_folder(sizes: list[int], seed: int) -> None:
    assert epoch_order(Draw(seed, [0]), sizes).tolist() == epoch_order(Draw(seed, [0]), [sum(sizes)]).tolist()


@given(count=st.integers(WINDOW + 1, 100), seed=st.integers(0, 99))
def test_no_shard_is_needed_outside_its_window(count: int, seed: int) -> None:
    shards = [index // 5 for index in epoch_order(Draw(seed, [0]), [5] * count).tolist()]
    spans = [(shards.index(shard), len(shards) - shards[::-1].index(shard)) for shard in range(count)]
    open_at = [sum(first <= place < last for first, last in spans) for place in range(len(shards))]
    assert max(open_at) <= WINDOW


def test_shards_meet_others_in_each_epoch() -> None:
    def first_window(epoch: int) -> set[int]:
        return {index // 5 for index in epoch_order(Draw(0, [epoch]), [5] * 64)[:80].tolist()}

    windows = [first_window(epoch) for epoch in range(4)]
    assert all(len(window) == 16 for window in windows)
    assert len(set.union(*windows)) > 35


def same(one: Batch, other: Batch) -> bool:
    assert one.photo is not None and other.photo is not None
    return (
        one.names == other.names
        and torch.equal(one.label_map, other.label_map)
        and torch.equal(one.photo, other.photo)
        and one.extras.keys() == other.extras.keys()
        and all(torch.equal(one.extras[key], other.extras[key]) for key in one.extras)
    )


def add_noise(sample: Sample, draw: Draw) -> Sample:
    return replace(sample, extras={"noise": draw.normal("noise", 3)[0]})


def test_batches_do_not_depend_on_workers(make_folder: Make) -> None:
    dataset = FolderDataset(make_folder(), settings=SETTINGS)
    made = [list(batches(SampleStream(dataset, 5, add_noise), 3, 2, workers, stop=14)) for workers in (0, 1, 2)]
    assert [positions for positions, _ in made[0]] == [[3, 4], [5, 6], [7, 8], [9, 10], [11, 12], [13]]
    assert len(made[0][-1][1]) == 1 and made[0][0][1].extras["noise"].shape == (2, 3)
    for other in made[1:]:
        assert [positions for positions, _ in other] == [positions for positions, _ in made[0]]
        assert all(same(one[1], two[1]) for one, two in zip(made[0], other, strict=True))


def test_maps_of_ids_and_of_colors_share_batches(make_folder: Make) -> None:
    root = make_folder()
    ontology = FolderDataset(root).ontology
    path = sorted((root / "labels").iterdir())[0]
    colors = ontology.colorize(read_label_map(path, ontology)).numpy()
    Image.fromarray(colors).save(path)
    (_, batch), *_ = batches(SampleStream(FolderDataset(root, settings=SETTINGS, training=False), 0), 0, 5, 1, stop=5)
    expected = Batch.collate([FolderDataset(root, settings=SETTINGS, training=False)[i] for i in range(5)])
    order = [batch.names.index(name) for name in expected.names]
    assert batch.label_map.dtype == torch.uint8
    assert torch.equal(batch.to("cpu").label_map[order], expected.label_map)


def test_systems_complete_unpacked_samples(make_folder: Make) -> None:
    """They see classes as int64 and photos in floats; what travels is packed all the same."""

    def mean_of_photo(sample: Sample, draw: Draw) -> Sample:
        assert sample.label_map.dtype == torch.int64 and sample.photo is not None
        return replace(sample, extras={"mean": sample.photo.mean()})

    dataset = FolderDataset(make_folder(), settings=SETTINGS)
    (_, batch), *_ = batches(SampleStream(dataset, 5, mean_of_photo), 0, 2, 1, stop=2)
    assert batch.photo is not None and batch.photo.dtype == torch.uint8
    photo = batch.to("cpu").photo
    assert photo is not None and torch.allclose(batch.extras["mean"], photo.mean(dim=(1, 2, 3)))


def test_batches_equal_single_samples(make_folder: Make) -> None:
    stream = stream_of(make_folder())
    for positions, batch in batches(stream, 8, 3, 0, stop=14):
        assert same(batch, Batch.collate([stream[position] for position in positions]))


def test_processes_share_the_stream(make_folder: Make) -> None:
    stream = stream_of(make_folder())
    whole = [batch for _, batch in batches(stream, 0, 4, 0, stop=12)]
    first = list(batches(stream, 0, 2, 0, stop=12, step=4))
    second = list(batches(stream, 2, 2, 0, stop=12, step=4))
    assert [positions for positions, _ in first] == [[0, 1], [4, 5], [8, 9]]
    for all_of_it, one, two in zip(whole, first, second, strict=True):
        assert torch.equal(all_of_it.label_map, torch.cat([one[1].label_map, two[1].label_map]))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_endless_stream_can_be_left(make_folder: Make, workers: int) -> None:
    endless = batches(stream_of(make_folder()), 0, 2, workers)
    assert [next(endless)[0] for _ in range(5)][-1] == [8, 9]
    start = time.monotonic()
    endless.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 20


def test_the_global_random_state_is_left_alone(make_folder: Make) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(batches(stream_of(make_folder()), 0, 2, 1, stop=4))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_wrong_file_gives_its_plain_message(make_folder: Make, workers: int) -> None:
    root = make_folder()
    Image.new("L", (32, 24), 77).save(root / "labels" / "p2.png")
    with pytest.raises(ValueError) as caught:
        list(batches(stream_of(root), 0, 1, workers, stop=5))
    assert str(caught.value).startswith(f"{root}/labels/p2.png: label 77 in 768 pixels; ")
    assert "Traceback" not in str(caught.value)


def test_other_errors_in_a_worker_are_not_hidden(make_folder: Make) -> None:
    def fail(sample: Sample, draw: Draw) -> Sample:
        raise RuntimeError("broken system")

    stream = SampleStream(FolderDataset(make_folder(), settings=SETTINGS), 0, fail)
    with pytest.raises(RuntimeError, match="broken system"):
        list(batches(stream, 0, 1, 1, stop=2))


def test_a_store_that_fails_says_so_plainly(make_folder: Make) -> None:
    def fail(sample: Sample, draw: Draw) -> Sample:
        raise OSError("the store is gone")

    stream = SampleStream(FolderDataset(make_folder(), settings=SETTINGS), 0, fail)
    with pytest.raises(OSError) as caught:
        list(batches(stream, 0, 1, 1, stop=2))
    assert str(caught.value) == "the store is gone"


def test_a_window_ahead_is_asked_for(make_folder: Make) -> None:
    """Each sample's index is told `ahead` samples before it is read, over the end of an epoch too."""

    class Told(FolderDataset):
        ahead = 3

        def __init__(self, root: Path) -> None:
            super().__init__(root, settings=SETTINGS)
            self.told: list[int] = []

        def fetch_ahead(self, index: int) -> None:
            self.told.append(index)

    dataset = Told(make_folder())
    stream = SampleStream(dataset, 5)
    names = [stream[position].name for position in range(12)]
    assert [dataset.name(index) for index in dataset.told[:9]] == names[3:]


def test_pictures_of_different_sizes(make_folder: Make) -> None:
    root = make_folder()
    for kind in ("photos", "labels"):
        path = root / kind / "p2.png"
        Image.open(path).resize((40, 24), Image.Resampling.NEAREST).save(path)
    stream = stream_of(root, mode="scale_width")
    with pytest.raises(ValueError, match=r"p2 is 20x12.*after preprocess mode 'scale_width': use a mode that crops"):
        list(batches(stream, 0, 5, 0, stop=5))
    assert len(list(batches(stream, 0, 1, 0, stop=5))) == 5


@pytest.mark.parametrize(("start", "batch_size", "workers"), [(0, 0, 0), (-1, 1, 0), (0, 1, -1)])
def test_wrong_numbers(make_folder: Make, start: int, batch_size: int, workers: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        next(batches(stream_of(make_folder()), start, batch_size, workers))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_the_check_says_of_label_maps_is_not_said_again(
    make_folder: Make, workers: int, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    root = make_folder()
    for file in (root / "labels").iterdir():
        Image.new("RGB", (32, 24), (2, 3, 249)).save(file)
    dataset = FolderDataset(root, settings=SETTINGS)
    with pytest.warns(SnappedColors, match=r"p0\.png: 100\.00% of the pixels"):
        dataset.read(0)
    recwarn.clear()
    (_, batch), *_ = batches(SampleStream(dataset, 0), 0, 4, workers, stop=4)
    assert (batch.label_map == 0).all()
    assert not [said for said in recwarn.list if issubclass(said.category, SnappedColors)]
    assert "SnappedColors" not in capfd.readouterr().err
