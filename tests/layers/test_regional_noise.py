"""Noise beside classes: what the papers draw, whatever the form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spadework.layers.form import use_form
from spadework.layers.modulation import SPADE
from spadework.layers.regional_noise import semantics_with_noise
from spadework.semantics import resize_nearest
from tests.layers.float64 import numbers, randomized
from tests.maps import code_maps


def drawn_dense(label_map: Tensor, classes: int, noise: Tensor, regions: Tensor | None) -> Tensor:
    """[B, Z + N, H, W], pixel by pixel."""
    regions = torch.zeros_like(label_map) if regions is None else regions
    pictures = torch.arange(len(label_map))[:, None, None]
    one_hot = torch.eye(classes, dtype=noise.dtype)[label_map]
    return torch.cat([noise[pictures, regions], one_hot], 3).permute(0, 3, 1, 2)


@settings(deadline=None, max_examples=60)
@given(code_maps(classes=9), st.integers(0, 4), st.sampled_from((None, 1, 2, 7, 400)), st.integers(0, 99))
def test_noise_comes_first_and_is_its_regions(
    drawn: tuple[Tensor, int], size: int, count: int | None, seed: int
) -> None:
    """Also where there are more combinations of region and class than pixels."""
    label_map, classes = drawn
    noise = numbers(len(label_map), count or 1, size, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    regions = None if count is None else torch.randint(count, label_map.shape, generator=generator)
    semantics = semantics_with_noise(label_map, classes, noise, regions)
    dense = drawn_dense(label_map, classes, noise, regions)
    assert torch.equal(semantics.dense(semantics.size), dense)
    assert torch.equal(semantics.dense((5, 3)), resize_nearest(dense, (5, 3)))
    assert len(semantics.table) <= max(label_map.numel(), len(label_map) * (count or 1) * classes)
    if count == 400:
        assert len(semantics.table) <= label_map.numel()


@settings(deadline=None, max_examples=30)
@given(code_maps(classes=9), st.integers(0, 99))
def test_spade_in_every_form(drawn: tuple[Tensor, int], seed: int) -> None:
    """Values and gradients, of the noise too."""
    label_map, classes = drawn
    layer = randomized(SPADE(3, 4 + classes, hidden=5), seed)
    x = numbers(len(label_map), 3, *(max(2, side) for side in label_map.shape[1:]), seed=seed)
    regions = torch.randint(3, label_map.shape, generator=torch.Generator().manual_seed(seed))
    found = []
    for form in ("dense", "hidden", "windows"):
        noise = numbers(len(label_map), 3, 4, seed=seed).requires_grad_()
        y = use_form(layer, form)(x, semantics_with_noise(label_map, classes, noise, regions))
        gradients = torch.autograd.grad(y.sin().sum(), [noise, *layer.parameters()])
        found.append([y, *gradients])
    for other in found[1:]:
        for ours, dense in zip(other, found[0], strict=True):
            torch.testing.assert_close(ours, dense, rtol=1e-9, atol=1e-9)


def test_one_vector_serves_a_whole_batch() -> None:
    label_map = torch.randint(4, (3, 6, 5))
    noise = numbers(1, 1, 2)
    dense = semantics_with_noise(label_map, 4, noise).dense((6, 5))
    assert torch.equal(dense, semantics_with_noise(label_map, 4, noise.expand(3, 1, 2)).dense((6, 5)))


def test_other_noise_for_the_same_map_searches_no_windows() -> None:
    label_map = torch.randint(4, (2, 16, 16))
    first = semantics_with_noise(label_map, 4, numbers(2, 1, 3))
    windows = first.windows((16, 16), (3, 1, 1))
    second = first.with_table(semantics_with_noise(label_map, 4, numbers(2, 1, 3, seed=1)).table)
    assert second is not first and second.windows((16, 16), (3, 1, 1)) is windows
    assert not torch.equal(second.dense((16, 16)), first.dense((16, 16)))
    assert first.with_table(first.table.clone()) is first, "the same noise: everything is kept"


def test_a_new_region_keeps_the_codes_of_the_others() -> None:
    label_map = torch.randint(4, (1, 16, 16))
    noise = numbers(1, 3, 2)
    regions = torch.zeros_like(label_map)
    before = semantics_with_noise(label_map, 4, noise[:, :2], regions)
    before.windows((16, 16), (3, 1, 1))
    regions[:, 3:6, 4:8] = 2
    after = semantics_with_noise(label_map, 4, noise, regions)
    outside = regions == 0
    assert torch.equal(after.codes[outside], before.codes[outside])
    after.follow(before)
    assert after.continues((16, 16), (3, 1, 1)), "only windows at the new region were searched"


@pytest.mark.parametrize(("low", "high"), [(0, 3), (-1, 2)])
def test_a_region_without_noise(low: int, high: int) -> None:
    regions = torch.zeros(1, 4, 4).long()
    regions[0, 0, 0], regions[0, 0, 1] = low, high
    with pytest.raises(ValueError, match=rf"regions {low}\.\.{high} for 3 noise vectors 0\.\.2"):
        semantics_with_noise(torch.zeros(1, 4, 4).long(), 2, torch.zeros(1, 3, 5), regions)


def test_a_class_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"class indices 0\.\.0, this model has 0\.\.-1|holds class indices"):
        semantics_with_noise(torch.full((1, 4, 4), 7), 2, torch.zeros(1, 1, 5))


