"""Diversity: the mean over all pairs of a label map, then over label maps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from spadework.evaluation.diversity import diversity
from spadework.evaluation.structural_similarity import MsSsim, ms_ssim


class Brightness:
    """How far apart two photos' mean brightness is."""

    name = "brightness"

    def pairs(self, photos: Tensor) -> Tensor:
        means = photos.float().mean((1, 2, 3))
        i, j = torch.triu_indices(len(means), len(means), 1)
        return (means[i] - means[j]).abs()

    def describe(self) -> dict[str, Any]:
        return {"measure": "brightness"}


def flat(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)


def test_the_mean_is_over_pairs_then_over_maps() -> None:
    found = diversity(iter([flat(0, 10, 30), flat(5, 5, 5)]), Brightness())
    assert found.per_map == (20.0, 0.0) and found.value == 10.0
    assert (found.name, found.maps, found.photos_per_map, found.pairs_per_map) == ("brightness", 2, 3, 3)
    assert found.measure == {"measure": "brightness"}


def test_with_ms_ssim() -> None:
    x = torch.randint(0, 256, (3, 3, 161, 161), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found = diversity([x], MsSsim())
    pairs = [ms_ssim(x[i : i + 1], x[j : j + 1]).item() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found.name == "ms_ssim" and found.value == pytest.approx(sum(pairs) / 3, rel=1e-12)


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(ValueError, match="at least one label map"):
        diversity([], Brightness())
    with pytest.raises(ValueError, match="map 1 has 1"):
        diversity([flat(1)], Brightness())
    with pytest.raises(ValueError, match="map 2 has 3, the others 2"):
        diversity([flat(1, 2), flat(1, 2, 3)], Brightness())
