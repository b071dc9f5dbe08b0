"""Regions and positions: against a search by hand, and what they must be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spadework.regions import nearest_labelled, positions
from tests.maps import code_maps, drawn_scenes


def by_hand(label_map: Tensor, without: int, normalized: bool) -> np.ndarray:
    """Flood every region with a stack, and measure it pixel by pixel."""
    labels = label_map.numpy()
    height, width = labels.shape
    result, seen = np.zeros((2, height, width)), np.zeros((height, width), dtype=bool)
    for start in np.ndindex(height, width):
        if seen[start] or labels[start] == without:
            continue
        stack, region = [start], []
        seen[start] = True
        while stack:
            y, x = stack.pop()
            region.append((y, x))
            for v in range(max(0, y - 1), min(height, y + 2)):
                for u in range(max(0, x - 1), min(width, x + 2)):
                    if not seen[v, u] and labels[v, u] == labels[start]:
                        seen[v, u] = True
                        stack.append((v, u))
        places = np.array(region)
        offsets = places - places.mean(0)
        if normalized:
            offsets /= np.abs(offsets).max(0) + 1e-5
        result[:, places[:, 0], places[:, 1]] = offsets.T
    return result


@settings(max_examples=60)
@given(code_maps(classes=4), st.integers(-1, 4), st.booleans())
def test_against_a_search_by_hand(drawn: tuple[Tensor, int], without: int, normalized: bool) -> None:
    (label_map, *_), _ = drawn
    found = positions(label_map, without=without, normalized=normalized)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), by_hand(label_map, without, normalized), rtol=0, atol=1e-5)


def test_small_shapes() -> None:
    label_map = torch.tensor([[1, 1, 1, 0], [0, 0, 0, 2], [3, 0, 2, 0]])
    below, right = positions(label_map, without=0, normalized=False)
    assert below.tolist() == [[0, 0, 0, 0], [0, 0, 0, -0.5], [0, 0, 0.5, 0]]  # two pixels at a corner are one region
    assert right.tolist() == [[-1, 0, 1, 0], [0, 0, 0, 0.5], [0, 0, -0.5, 0]]
    assert not positions(torch.zeros(3, 4, dtype=torch.long), without=0).any()


def test_a_mirrored_map_has_mirrored_positions() -> None:
    label_map = drawn_scenes(1, 48)[0]
    below, right = positions(label_map)
    mirrored_below, mirrored_right = positions(label_map.flip(1))
    torch.testing.assert_close(mirrored_below, below.flip(1))
    torch.testing.assert_close(mirrored_right, -right.flip(1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_any_type_of_integers(dtype: torch.dtype) -> None:
    label_map = drawn_scenes(1, 32)[0].clamp_max(255)
    label_map[0, 0] = 255
    assert torch.equal(positions(label_map.to(dtype)), positions(label_map))


def test_noise_has_as_many_regions_as_it_likes() -> None:
    label_map = torch.randint(183, (128, 128), generator=torch.Generator().manual_seed(0))
    found = positions(label_map)
    assert found.isfinite().all() and found.abs().max() < 1


@pytest.mark.parametrize("seed", range(8))
def test_the_nearest_labelled_pixel(seed: int) -> None:
    """Against all distances, for few and for many labelled pixels."""
    generator = torch.Generator().manual_seed(seed)
    label_map = torch.randint(5, (11, 17), generator=generator)
    label_map[torch.rand(label_map.shape, generator=generator) < (0.3, 0.97)[seed % 2]] = 4
    label_map[3, 5] = 0
    found = nearest_labelled(label_map, 4)
    assert not (label_map.flatten()[found] == 4).any()

    places = torch.cartesian_prod(torch.arange(11), torch.arange(17)).double()                  # [H W, 2]
    distances = torch.cdist(places, places[(label_map != 4).flatten()])
    own = (places - places[found.flatten()]).norm(dim=1)
    torch.testing.assert_close(own, distances.min(1).values)
    assert torch.equal(found, nearest_labelled(label_map.to(torch.uint8), 4))


def test_maps_with_nothing_to_fill_and_nothing_to_fill_with() -> None:
    own = torch.arange(12).view(3, 4)
    assert torch.equal(nearest_labelled(torch.zeros(3, 4, dtype=torch.long), 4), own)
    assert torch.equal(nearest_labelled(torch.full((3, 4), 4), 4), own)
