"""Distances under their names, over any network's features."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from spadework.evaluation.feature_distances import SegmenterFeatures, feature_distances
from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.kernel import kernel_distance
from spadework.evaluation.moments import moments_of
from spadework.evaluation.precision_recall import precision_recall
from spadework.segmenters.segmenter import Segmenter


class Corners(Segmenter):
    """Sees the means of a photo's four quarters."""

    name = "corners"
    classes = ("light", "dark")

    def features(self, photos: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(photos.float(), 2).flatten(1)

    def protocol(self) -> dict[str, Any]:
        return {"preprocessing": "none"}


def photos(n: int, seed: int, brightness: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 200, (n, 3, 6, 6), generator=generator, dtype=torch.uint8) + brightness


def test_a_segmenters_distances_are_never_called_fid() -> None:
    extractor = SegmenterFeatures(Corners())
    real, fake = extractor(photos(30, 0)), extractor(photos(20, 1, brightness=30))
    found = feature_distances(real, fake, extractor, subsets=5, subset_size=10, neighbours=4)
    assert (found.names.frechet, found.names.kernel) == ("segmenter_frechet", "segmenter_kernel")
    assert found.frechet == frechet_distance(moments_of([real]).gaussian, moments_of([fake]).gaussian)
    assert found.kernel == kernel_distance(real, fake, subsets=5, subset_size=10)
    assert found.precision_recall == precision_recall(real, fake, neighbours=4)
    assert (found.real, found.fake) == (30, 20)
    assert found.extractor["name"] == "corners"


def test_equal_sets_are_at_distance_0() -> None:
    extractor = SegmenterFeatures(Corners())
    features = extractor(photos(30, 0))
    found = feature_distances(features, features, extractor)
    assert found.frechet == pytest.approx(0, abs=1e-9 * features.var().item())
    assert found.kernel.value <= 0
    assert found.precision_recall is not None
    assert (found.precision_recall.precision, found.precision_recall.recall) == (1, 1)


def test_too_few_photos_have_no_precision() -> None:
    extractor = SegmenterFeatures(Corners())
    few = extractor(photos(3, 0))
    assert feature_distances(few, few, extractor).precision_recall is None
    with pytest.raises(ValueError, match="at least 2 photos"):
        feature_distances(few[:1], few, extractor)


def test_what_are_no_photos_is_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\]"):
        SegmenterFeatures(Corners())(torch.rand(1, 3, 8, 8))
