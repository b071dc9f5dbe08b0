"""Distinct windows: against windows cut out one by one, for any map, kernel, stride and border."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spadework.windows import PIECE, Segments, Windows, changed_box, excerpt, find_windows, grow, update_windows
from tests.maps import code_maps, painted

LAYERS = ((1, 1, 0), (3, 1, 1), (5, 1, 2), (4, 2, 2), (3, 2, 1))


def cut_out(values: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """[B * h * w, K]: every window of the map, zero beyond its border."""
    padded = F.pad(values, (padding,) * 4)[:, None].double()
    return F.unfold(padded, kernel, stride=stride).transpose(1, 2).flatten(0, 1).int()


def at_each_position(windows: Windows) -> Tensor:
    return windows.values[windows.ids.flatten().long()]


@settings(deadline=None)
@given(code_maps(), st.sampled_from(LAYERS))
def test_each_position_has_its_window_and_no_window_is_there_twice(drawn: tuple[Tensor, int], layer: tuple) -> None:
    codes, count = drawn
    kernel, stride, padding = layer
    windows = find_windows(codes + 1, count, kernel, stride=stride, padding=padding)
    expected = cut_out(codes + 1, kernel, stride, padding)
    assert torch.equal(at_each_position(windows), expected)
    assert len(windows) == len(expected.unique(dim=0))
    assert windows.ids.flatten().unique().tolist() == list(range(len(windows)))


def test_many_codes_do_not_overflow() -> None:
    """Keys of pairs go beyond 32 bits here."""
    codes = torch.arange(300 * 300).view(1, 300, 300)
    windows = find_windows(codes * 20 + 1, 300 * 300 * 20, 3, padding=1)
    assert len(windows) == 300 * 300
    assert torch.equal(at_each_position(windows)[:, 4], (codes * 20 + 1).flatten().int())


def test_numbers_do_not_depend_on_chance() -> None:
    codes = torch.randint(5, (2, 30, 30), generator=torch.Generator().manual_seed(0)) + 1
    first, second = (find_windows(codes, 5, 3, padding=1) for _ in range(2))
    assert torch.equal(first.ids, second.ids) and torch.equal(first.values, second.values)


def test_a_map_without_any_window() -> None:
    with pytest.raises(ValueError, match=r"a map of \[2, 2\] with padding 0 has no window of 3"):
        find_windows(torch.ones(1, 2, 2).long(), 1, 3)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 4 * PIECE), st.integers(0, 99))
def test_sums_over_segments(groups: int, elements: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    group = torch.randint(groups, (elements,), generator=generator).square() % groups  # some have many, some none
    values = torch.randn(elements, 3, dtype=torch.float64, generator=generator)
    expected = torch.zeros(groups, 3, dtype=torch.float64).index_add_(0, group, values)
    torch.testing.assert_close(Segments.of(group, groups).sum(values), expected, rtol=1e-12, atol=1e-12)


def test_a_long_sum_keeps_its_precision() -> None:
    """A 256x256 picture's worth of 0.1 in float32: a running sum is off by more than 1."""
    values = torch.full((65536, 1), 0.1)
    total = Segments.of(torch.zeros(65536).long(), 1).sum(values).item()
    running = values.numpy()[:, 0].cumsum(dtype="float32")[-1]
    assert abs(total - 6553.6) < 0.1 < 1 < abs(running - 6553.6)


# Painted maps.


@settings(deadline=None)
@given(code_maps(classes=6), st.sampled_from((1, 3, 5)), st.integers(0, 99))
def test_after_painting_old_windows_keep_their_numbers(drawn: tuple[Tensor, int], kernel: int, seed: int) -> None:
    codes, count = drawn
    old = find_windows(codes + 1, count, kernel, padding=kernel // 2)
    after = painted(codes, count, seed)
    box = changed_box(codes, after)
    if box is None:
        return
    new = update_windows(old, after + 1, count, kernel, box)
    assert torch.equal(at_each_position(new), cut_out(after + 1, kernel, 1, kernel // 2))
    assert torch.equal(new.values[: len(old)], old.values)
    assert len(new.values.unique(dim=0)) == len(new)
    untouched = torch.ones_like(codes, dtype=torch.bool)
    top, left, bottom, right = grow(box, kernel // 2, codes.shape)
    untouched[:, top:bottom, left:right] = False
    assert torch.equal(new.ids[untouched], old.ids[untouched])


def test_the_box_around_what_changed() -> None:
    old = torch.zeros(2, 9, 8).long()
    assert changed_box(old, old.clone()) is None
    new = old.clone()
    new[0, 2, 3], new[1, 6, 1] = 1, 1
    assert changed_box(old, new) == (2, 1, 7, 4)
    assert grow((2, 1, 7, 4), 2, old.shape) == (0, 0, 9, 6)


@settings(deadline=None)
@given(code_maps(classes=9), st.integers(0, 10))
def test_an_excerpt_means_the_same(drawn: tuple[Tensor, int], start: int) -> None:
    codes, count = drawn
    first = find_windows(codes + 1, count, 3, padding=1)
    second = find_windows(first.ids + 1, len(first), 3, padding=1)
    some_first, some_second = excerpt(first, second, min(start, len(second) - 1))

    def contents(inner: Windows, outer: Windows) -> Tensor:
        return F.pad(inner.values, (0, 0, 1, 0), value=-1)[outer.values.long()]

    expected = contents(first, second)[min(start, len(second) - 1) :]
    assert torch.equal(contents(some_first, some_second), expected)
