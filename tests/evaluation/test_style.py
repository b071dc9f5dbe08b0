"""Style fidelity: colours in CIELAB, distances to guides, and how many others are farther."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from spadework.evaluation.style import (
    color_distance,
    farther_share,
    feature_distance,
    lab,
    look,
    style_fidelity,
)


def tinted(seed: int, size: int = 12) -> Tensor:
    """A photo of noise around a colour of its own."""
    generator = torch.Generator().manual_seed(seed)
    color = torch.rand(1, 3, 1, 1, generator=generator) * 160 + 40
    return (color + 20 * torch.randn(1, 3, size, size, generator=generator)).clamp(0, 255).to(torch.uint8)


def mean_color(photos: Tensor) -> Tensor:
    return photos.float().mean((2, 3))


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.23, 80.11, 67.22)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_lab_of_known_colors(rgb: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    photo = torch.tensor(rgb, dtype=torch.uint8)[None, :, None, None]
    assert lab(photo).flatten().tolist() == pytest.approx(expected, abs=0.05)


def test_the_color_distance_of_flat_photos_is_that_of_their_colors() -> None:
    white, grey = (look(torch.full((1, 3, 4, 4), value, dtype=torch.uint8)) for value in (255, 119))
    assert color_distance(white, grey) == pytest.approx(100 - 50.03, abs=0.01)
    assert color_distance(white, white) == 0


def test_sizes_may_differ() -> None:
    small = tinted(0)
    assert color_distance(look(small), look(small.repeat(1, 1, 2, 3))) < 0.5


def test_photos_in_the_style_of_their_guides_are_nearer_to_them() -> None:
    guides = [look(tinted(i), mean_color) for i in range(20)]
    faithful = [look(tinted(i, size=16), mean_color) for i in range(20)]
    found = style_fidelity(faithful, guides)
    assert found.photos == 20 and found.others == 19
    assert found.color_nearer_than > 0.95 and found.feature_nearer_than is not None
    assert found.feature_nearer_than > 0.95
    mixed = style_fidelity(faithful[10:] + faithful[:10], guides)
    assert mixed.color_distance > 3 * found.color_distance
    assert 0.2 < mixed.color_nearer_than < 0.8 and mixed.feature_nearer_than is not None
    assert 0.2 < mixed.feature_nearer_than < 0.8


def test_others_are_drawn_by_seed_and_never_the_guide() -> None:
    looks = [look(tinted(i)) for i in range(12)]
    drawn = style_fidelity(looks, looks, others=3, seed=5)
    # The guide itself, at distance 0, would count half.
    assert drawn.color_nearer_than == 1 and (drawn.others, drawn.seed) == (3, 5)
    made = looks[1:] + looks[:1]
    assert style_fidelity(made, looks, others=3, seed=5) == style_fidelity(made, looks, others=3, seed=5)
    assert style_fidelity(made, looks, others=3, seed=5) != style_fidelity(made, looks, others=3, seed=6)


def test_without_a_network_there_is_no_feature_distance() -> None:
    looks = [look(tinted(i)) for i in range(3)]
    found = style_fidelity(looks, looks)
    assert found.feature_distance is None and found.feature_nearer_than is None
    with pytest.raises(ValueError, match="no features"):
        feature_distance(looks[0], looks[1])


def test_the_share_of_farther_ones() -> None:
    assert farther_share(2.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx(2.5 / 4)
    assert math.isclose(farther_share(0.0, [1.0]), 1)


def test_wrong_input_is_told() -> None:
    with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\]"):
        look(torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="one photo at a time, but got 2"):
        look(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
    one = [look(tinted(0))]
    with pytest.raises(ValueError, match="1 made photos and 1 guides"):
        style_fidelity(one, one)
