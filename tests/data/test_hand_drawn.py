"""Hand-drawn label maps: what the photo follows agrees to the pixel, what it doesn't stays within its tolerance."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.data import hand_drawn as hands
from spadework.data.folder import FolderDataset
from spadework.data.hand_drawn import CRUDE, OPEN, SCENES, TOLERANCE, hand_drawn
from spadework.data.preprocess import Preprocess
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.sample import Sample
from tests.maps import real_maps

SIZES = [(96, 96), (64, 128), (33, 70), (8, 8)]
UNLABELLED = 200


@cache
def scenes(size: int) -> Tensor:
    """[12, size, size], or as many real ones as there are."""
    return real_maps(12, size)[0]


def sample(number: int, height: int, width: int) -> Sample:
    """Six classes, a photo that is the label map in gray, an instance map that is the label map plus 1000."""
    maps = scenes(max(height, width))
    label_map = (maps[number % len(maps), :height, :width] % 6).to(torch.uint8)
    return Sample(label_map, str(number), (label_map * 40).expand(3, -1, -1).clone(), label_map.long() + 1000)


def shown(photo: Tensor | None) -> Tensor:
    """[H, W]: the class that a photo of `sample` shows."""
    assert photo is not None
    return photo[0].float().div(40).round().to(torch.uint8)


def changed(a: Tensor, b: Tensor) -> float:
    return float((a != b).float().mean())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", [hands.moved, hands.upside_down, hands.unchanged])
def test_the_photo_follows_to_the_pixel(size: tuple[int, int], scene: Callable[[Sample, Draw], Sample]) -> None:
    for number in range(12):
        made = scene(sample(number, *size), Draw(1, [number]))
        assert torch.equal(shown(made.photo), made.label_map)
        assert made.instance_map is not None and torch.equal(made.instance_map, made.label_map.long() + 1000)
        assert made.label_map.shape == size and made.label_map.dtype == torch.uint8


@pytest.mark.parametrize("size", SIZES[:3])
def test_an_enlarged_part_shows_what_its_map_says(size: tuple[int, int]) -> None:
    """Bicubic and nearest resizing differ along outlines alone; three hundredths, and theirs, join the only class."""
    for number in range(12):
        made = hands.enlarged(sample(number, *size), Draw(1, [number]))
        assert made.photo is not None and made.photo.shape == (3, *size) and made.label_map.shape == size
        highest, lowest = (F.max_pool2d(sign * made.label_map[None].float(), 5, 1, 2)[0] for sign in (1, -1))
        inside = highest == -lowest
        assert float(((shown(made.photo) != made.label_map) & inside).float().mean()) <= 0.06


def test_a_class_that_has_the_room_is_enlarged_until_it_is_alone() -> None:
    label_map = torch.zeros(96, 64, dtype=torch.uint8)
    label_map[50:] = 1
    label_map[40:44, 50:] = 2
    found = set()
    for number in range(20):
        made = hands.enlarged(Sample(label_map, "two"), Draw(0, [number])).label_map
        found |= set(made.unique().tolist()) if len(made.unique()) == 1 else {"several"}
    assert {0, 1} <= found and 2 not in found


def test_pieces_come_to_lie_elsewhere() -> None:
    differences = []
    for number in range(12):
        before = sample(number, 96, 96)
        differences.append(changed(hands.moved(before, Draw(2, [number])).label_map, before.label_map))
    assert sum(difference > 0.01 for difference in differences) >= 6


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hand", CRUDE)
def test_crude_maps_stay_within_the_tolerance(size: tuple[int, int], hand: hands.Hand) -> None:
    shares = []
    for number in range(12):
        label_map = sample(number, *size).label_map
        drawn = hand(label_map, Draw(3, [number]), None)
        assert drawn.dtype == label_map.dtype and set(drawn.unique().tolist()) <= set(label_map.unique().tolist())
        shares.append(changed(drawn, label_map))
    assert max(shares) <= TOLERANCE
    if size == SIZES[0]:
        assert sum(share > 0 for share in shares) >= 6


def test_blobby_outlines_stay_in_place() -> None:
    """An outline across the picture doesn't move, wherever the cells lie."""
    for width in (64, 70, 97, 128):
        label_map = (torch.arange(width) >= width // 2).to(torch.uint8).expand(width, width)
        for number in range(20):
            drawn = hands.blobby(label_map, Draw(0, [number]))
            assert changed(drawn, label_map) <= 2 / width


def test_flat_maps_lose_their_small_regions() -> None:
    label_map = torch.zeros(100, 100, dtype=torch.uint8)
    label_map[60:] = 1
    label_map[10:12, 10:12] = 2  # in class 0
    label_map[80:83, 50:53] = 0  # in class 1
    drawn = hands.flat(label_map, Draw(0, [0]))
    assert drawn[11, 11] == 0 and drawn[81, 51] == 1
    assert changed(drawn, label_map) == pytest.approx((4 + 9) / 10_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hand", OPEN)
def test_open_maps_only_leave_out(size: tuple[int, int], hand: hands.Hand) -> None:
    left_out = 0.0
    for number in range(12):
        label_map = sample(number, *size).label_map
        drawn = hand(label_map, Draw(4, [number]), UNLABELLED)
        assert ((drawn == label_map) | (drawn == UNLABELLED)).all()
        left_out += changed(drawn, label_map)
    assert left_out > 0.1


def test_gaps_lie_along_outlines() -> None:
    label_map = torch.zeros(100, 100, dtype=torch.uint8)
    label_map[:, 50:] = 1
    _, columns = (hands.gaps(label_map, Draw(0, [0]), UNLABELLED) == UNLABELLED).nonzero(as_tuple=True)
    assert len(columns) and int(columns.min()) >= 44 and int(columns.max()) <= 55


def test_the_draw_decides() -> None:
    one = sample(0, 64, 64)
    label_map, photo = one.label_map.clone(), one.photo.clone()  # type: ignore[union-attr]
    made = [hand_drawn(one, Draw(0, [position]), 1.0, UNLABELLED) for position in range(20)]
    again = [hand_drawn(one, Draw(0, [position]), 1.0, UNLABELLED) for position in range(20)]
    assert all(torch.equal(a.label_map, b.label_map) for a, b in zip(made, again, strict=True))
    assert all(torch.equal(a.photo, b.photo) for a, b in zip(made, again, strict=True))  # type: ignore[arg-type]
    assert len({tuple(each.label_map.flatten().tolist()) for each in made}) >= 12
    assert torch.equal(one.label_map, label_map) and torch.equal(one.photo, photo)  # type: ignore[arg-type]


def test_the_share() -> None:
    one = sample(0, 16, 16)
    made = [hand_drawn(one, Draw(0, [position]), 0.3, UNLABELLED) for position in range(600)]
    assert 0.24 <= sum(each is not one for each in made) / 600 <= 0.36
    assert all(hand_drawn(one, Draw(0, [position]), 0.0, UNLABELLED) is one for position in range(20))


def test_no_hole_without_an_unlabelled_class() -> None:
    for position in range(60):
        one = sample(position % 4, 48, 48)
        assert set(hand_drawn(one, Draw(0, [position]), 1.0, None).label_map.unique().tolist()) <= set(range(6))


def test_no_photo_and_no_instance_map() -> None:
    one = Sample(sample(0, 48, 48).label_map, "alone")
    for position in range(30):
        made = hand_drawn(one, Draw(0, [position]), 1.0, UNLABELLED)
        assert made.photo is None and made.instance_map is None


def test_objects_of_a_drawn_map_are_its_regions() -> None:
    seen = 0
    for position in range(30):
        made = hand_drawn(sample(1, 48, 48), Draw(0, [position]), 1.0, UNLABELLED)
        assert made.instance_map is not None and made.instance_map.dtype == torch.int64
        if UNLABELLED in made.label_map.unique():
            assert torch.equal(made.instance_map, made.label_map.long())
            seen += 1
    assert seen


def test_one_class_everywhere_is_no_exception() -> None:
    one = Sample(torch.full((24, 40), 3, dtype=torch.uint8), "flat", torch.zeros(3, 24, 40, dtype=torch.uint8))
    for position in range(60):
        for scene in SCENES:
            assert set(scene(one, Draw(0, [position])).label_map.unique().tolist()) == {3}
        assert set(hand_drawn(one, Draw(0, [position]), 1.0, UNLABELLED).label_map.unique().tolist()) <= {3, UNLABELLED}


def test_only_in_training(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(instances=True)
    exact = Preprocess(load_size=20, crop_size=16)
    drawn = Preprocess(load_size=20, crop_size=16, hand_drawn=1.0)
    in_training = [FolderDataset(folder, settings=settings) for settings in (exact, drawn)]
    afterwards = [FolderDataset(folder, settings=settings, training=False) for settings in (exact, drawn)]
    maps = [[dataset.sample(index, Draw(0, [index])).label_map for index in range(5)] for dataset in in_training]
    assert sum(not torch.equal(a, b) for a, b in zip(*maps, strict=True)) >= 3
    assert all(torch.equal(afterwards[0][index].label_map, afterwards[1][index].label_map) for index in range(5))


def test_through_loaders(make_folder: Callable[..., Path]) -> None:
    """Processes or none: the same batches, whose maps may differ in what was drawn."""
    settings = Preprocess(load_size=20, crop_size=16, hand_drawn=0.5)
    dataset = FolderDataset(make_folder(instances=True), settings=settings)
    alone, helped = (
        [batch for _, batch in batches(SampleStream(dataset, 0), 0, 4, workers, stop=16)] for workers in (0, 2)
    )
    for a, b in zip(alone, helped, strict=True):
        assert torch.equal(a.label_map, b.label_map) and torch.equal(a.photo, b.photo)  # type: ignore[arg-type]
        assert a.label_map.dtype == torch.uint8


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"hand_drawn .* is a share of the samples: 0 to 1"):
        Preprocess(hand_drawn=share)
