"""Semantics: what the networks see of a label map."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spadework.semantics import Semantics, halve, instance_edges, resize_nearest

sides = st.integers(1, 40)
targets = st.integers(1, 80)


def random_map(*shape: int, classes: int = 5, seed: int = 0) -> Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


def random_numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def edges_by_hand(instance_map: Tensor) -> Tensor:
    """Pixel by pixel, neighbour by neighbour."""
    batch, height, width = instance_map.shape
    edges = torch.zeros(batch, height, width, dtype=torch.bool)
    for b, i, j in itertools.product(range(batch), range(height), range(width)):
        for y, x in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= y < height and 0 <= x < width and instance_map[b, y, x] != instance_map[b, i, j]:
                edges[b, i, j] = True
    return edges


# Resizing.


def test_nearest_is_torchs_for_every_pair_of_sides() -> None:
    for source, target in itertools.product(range(1, 41), range(1, 81)):
        line = torch.arange(source, dtype=torch.float32)
        expected = F.interpolate(line[None, None], size=target, mode="nearest")[0, 0]
        assert torch.equal(resize_nearest(line[:, None], (target, 1))[:, 0], expected), (source, target)
        assert torch.equal(resize_nearest(line[None], (1, target))[0], expected), (source, target)


@settings(max_examples=40)
@given(height=sides, width=sides, size=st.tuples(targets, targets))
def test_nearest_is_torchs_in_two_dimensions(height: int, width: int, size: tuple[int, int]) -> None:
    picture = torch.arange(height * width).reshape(1, 1, height, width)
    expected = F.interpolate(picture.double(), size=size, mode="nearest").long()
    assert torch.equal(resize_nearest(picture, size), expected)


@pytest.mark.parametrize(("source", "target"), [(427, 256), (640, 256), (1024, 321), (2048, 1000), (317, 2049)])
def test_nearest_is_torchs_at_sizes_of_photos(source: int, target: int) -> None:
    line = torch.arange(source, dtype=torch.float32)
    expected = F.interpolate(line[None, None], size=target, mode="nearest")[0, 0]
    assert torch.equal(resize_nearest(line[None], (1, target))[0], expected)


def test_nearest_keeps_the_type() -> None:
    for dtype in (torch.uint8, torch.int32, torch.int64, torch.float64, torch.bool):
        assert resize_nearest(torch.ones(2, 3, dtype=dtype), (4, 4)).dtype == dtype


# The dense form.


def test_dense_is_one_hot() -> None:
    label_map = random_map(2, 6, 7)
    semantics = Semantics.from_label_map(label_map, 5)
    assert torch.equal(semantics.dense((6, 7)), F.one_hot(label_map, 5).permute(0, 3, 1, 2).float())
    assert (semantics.channels, semantics.size) == (5, (6, 7))


@settings(max_examples=25)
@given(height=st.integers(1, 12), width=st.integers(1, 12), size=st.tuples(targets, targets), seed=st.integers(0, 99))
def test_dense_is_one_hot_and_edges_resized(height: int, width: int, size: tuple[int, int], seed: int) -> None:
    label_map = random_map(2, height, width, seed=seed)
    instance_map = random_map(2, height, width, classes=2, seed=seed + 100)
    semantics = Semantics.from_label_map(label_map, 5, edges=True, instance_map=instance_map)
    one_hot = F.one_hot(label_map, 5).permute(0, 3, 1, 2)
    whole = torch.cat([one_hot, edges_by_hand(instance_map)[:, None]], 1).float()
    assert torch.equal(semantics.dense(size), F.interpolate(whole, size=size, mode="nearest"))
    assert semantics.channels == 6


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_any_integers_are_label_maps(dtype: torch.dtype) -> None:
    label_map = random_map(1, 4, 4)
    semantics = Semantics.from_label_map(label_map.to(dtype), 5, edges=True)
    assert torch.equal(semantics.dense((4, 4)), Semantics.from_label_map(label_map, 5, edges=True).dense((4, 4)))


def test_unlabelled_is_the_last_class() -> None:
    unlabelled = torch.full((1, 3, 3), 4)
    dense = Semantics.from_label_map(unlabelled, 5).dense((3, 3))
    assert torch.equal(dense[:, 4], torch.ones(1, 3, 3)) and dense.sum() == 9


def test_the_type_asked_for() -> None:
    assert Semantics.from_label_map(random_map(1, 4, 4), 5, dtype=torch.float64).dense((2, 2)).dtype == torch.float64


def test_extras_come_last() -> None:
    extras = random_numbers(2, 3, 6, 7)
    semantics = Semantics(random_map(2, 6, 7), torch.eye(5, dtype=torch.float64), extras)
    dense = semantics.dense((4, 9))
    assert semantics.channels == dense.shape[1] == 8
    assert torch.equal(dense[:, :5], Semantics(semantics.codes, semantics.table).dense((4, 9)))
    assert torch.equal(dense[:, 5:], F.interpolate(extras, size=(4, 9), mode="nearest"))


def test_any_table_is_looked_up() -> None:
    codes, table = random_map(2, 4, 5, classes=3), random_numbers(3, 7)
    dense = Semantics(codes, table).dense((4, 5))
    for b, i, j in itertools.product(range(2), range(4), range(5)):
        assert torch.equal(dense[b, :, i, j], table[codes[b, i, j]])


def test_gradients_reach_the_table() -> None:
    table = random_numbers(3, 2).requires_grad_()
    codes = random_map(1, 4, 4, classes=3)
    Semantics(codes, table).dense((4, 4)).sum().backward()
    assert table.grad is not None
    assert torch.equal(table.grad[:, 0], torch.bincount(codes.flatten(), minlength=3).double())


# Edges.


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7)),
    ids=st.integers(1, 4),
    seed=st.integers(0, 999),
)
def test_edges_as_by_hand(shape: tuple[int, int, int], ids: int, seed: int) -> None:
    instance_map = random_map(*shape, classes=ids, seed=seed)
    assert torch.equal(instance_edges(instance_map), edges_by_hand(instance_map))


def test_an_edge_is_two_pixels_thick_and_the_border_is_none() -> None:
    instance_map = torch.tensor([[[7, 7, 7, 70000, 70000, 70000]] * 3])
    assert instance_edges(instance_map).int().tolist() == [[[0, 0, 1, 1, 0, 0]] * 3]


def test_without_an_instance_map_the_edges_are_the_label_maps() -> None:
    label_map = random_map(2, 9, 8)
    without = Semantics.from_label_map(label_map, 5, edges=True).dense((9, 8))
    assert torch.equal(without[:, 5], edges_by_hand(label_map).float())
    assert without[:, 5].any()


# Halved for coarser discriminators.


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (13, 16)])
def test_pooled_is_the_dense_form_average_pooled(size: tuple[int, int]) -> None:
    extras = random_numbers(2, 2, 10, 9).float()
    semantics = Semantics(random_map(2, 10, 9), torch.eye(5), extras)
    expected = semantics.dense(size)
    for times in (0, 1, 2, 3):
        pooled = semantics.pooled(size, times)
        torch.testing.assert_close(pooled.dense(pooled.size), expected)
        expected = F.avg_pool2d(expected, 3, 2, 1, count_include_pad=False)


def test_halving_leaves_out_what_lies_beyond_the_border() -> None:
    assert torch.equal(halve(torch.ones(1, 1, 7, 6)), torch.ones(1, 1, 4, 3))
    x = random_numbers(1, 2, 9, 6)
    assert torch.equal(halve(x, 2), halve(halve(x)))
    assert halve(x, 0) is x


# Caches and repeats.


def test_every_size_is_computed_once() -> None:
    semantics = Semantics.from_label_map(random_map(1, 8, 8), 5)
    assert semantics.dense((4, 4)) is semantics.dense((4, 4))
    assert semantics.dense(torch.Size([4, 4])) is semantics.dense((4, 4))
    assert semantics.dense((4, 2)) is not semantics.dense((2, 4))
    assert semantics.pooled((8, 8), 2) is semantics.pooled((8, 8), 2)
    assert semantics.pooled((8, 8), 1) is not semantics.pooled((8, 8), 2)


def test_repeating_the_batch() -> None:
    semantics = Semantics(random_map(2, 5, 4), torch.eye(5), random_numbers(2, 1, 5, 4).float())
    dense = semantics.dense((10, 8))
    assert torch.equal(semantics.repeat(3).dense((10, 8)), torch.cat([dense, dense, dense]))
    assert semantics.repeat(2).table is semantics.table


# Wrong input.


@pytest.mark.parametrize(("wrong", "range_"), [(5, r"0\.\.5"), (-1, r"-1\.\.4"), (255, r"0\.\.255")])
def test_an_index_out_of_range(wrong: int, range_: str) -> None:
    label_map = torch.arange(5)[None, :, None].repeat(1, 1, 5)
    label_map[0, 2, 2] = wrong
    with pytest.raises(ValueError, match=rf"class indices {range_}, this model has 0\.\.4: .*read_label_map"):
        Semantics.from_label_map(label_map, 5)


@pytest.mark.parametrize("label_map", [torch.zeros(1, 4, 4), torch.zeros(4, 4).long(), torch.zeros(1, 1, 4, 4).long()])
def test_a_label_map_is_integers_in_three_dimensions(label_map: Tensor) -> None:
    with pytest.raises(ValueError, match=r"a label map must be integers \[B, H, W\]; got torch\."):
        Semantics.from_label_map(label_map, 5)


@pytest.mark.parametrize("codes", [torch.zeros(1, 4, 4), torch.zeros(4, 4).long()])
def test_codes_are_integers_in_three_dimensions(codes: Tensor) -> None:
    with pytest.raises(ValueError, match=r"codes must be integers \[B, H, W\]; got torch\."):
        Semantics(codes, torch.eye(5))
