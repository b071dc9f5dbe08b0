"""Distances between real and generated photos in the feature space of a network, under the name that is theirs.

Only features of the FID Inception at depth 2048 give an FID or a KID. The same formulas over a segmenter's features
are as good for comparing models on one data set, but their numbers are of another kind, and are called so.

Shapes: N, M photos, B batch, F features, H W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.kernel import KernelDistance, kernel_distance
from spadework.evaluation.moments import BLOCK, moments_of
from spadework.evaluation.photos import require_photos
from spadework.evaluation.precision_recall import PrecisionRecall, precision_recall
from spadework.segmenters.segmenter import Segmenter


@dataclass(frozen=True)
class DistanceNames:
    """What distances in a feature space may be called."""

    frechet: str
    kernel: str


class NamedExtractor(Protocol):
    """Photos -> features, and what distances between these are called: `InceptionFeatures`, `SegmenterFeatures`."""

    @property
    def names(self) -> DistanceNames:
        """What distances between the features are called."""

    def __call__(self, photos: Tensor, /) -> Tensor:
        """uint8 [B, 3, H, W] -> float [B, F]."""

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""


class SegmenterFeatures:
    """The features of a segmenter's encoder, for where there are no weights of Inception."""

    names = DistanceNames("segmenter_frechet", "segmenter_kernel")

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    @torch.no_grad()
    def __call__(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float [B, F]."""
        require_photos(photos, "a segmenter")
        return self.segmenter.features(photos)

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""
        return self.segmenter.describe()


@dataclass(frozen=True)
class FeatureDistances:
    """How far the generated photos lie from the real ones in one feature space."""

    names: DistanceNames
    """What `frechet` and `kernel` are called: FID and KID only where they are."""
    frechet: float
    """Squared Fréchet distance. Depends on how many photos there are: compare equal numbers only."""
    kernel: KernelDistance
    precision_recall: PrecisionRecall | None
    """None where a set has no more photos than neighbours are asked for."""
    real: int
    """How many real photos."""
    fake: int
    """How many generated ones."""
    extractor: dict[str, Any]
    """The network, its mode and weights; in JSON types."""


def feature_distances(
    real: Tensor,
    fake: Tensor,
    extractor: NamedExtractor,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 2020,
    neighbours: int = 3,
) -> FeatureDistances:
    """All distances between features [N, F] of real and [M, F] of generated photos, both from `extractor`.

    The options are those of `kernel_distance` and `precision_recall`. Raises ValueError for fewer than two photos.
    """
    gaussians = [moments_of(features.split(BLOCK)).gaussian for features in (real, fake)]
    enough = min(len(real), len(fake)) > neighbours
    return FeatureDistances(
        names=extractor.names,
        frechet=frechet_distance(*gaussians),
        kernel=kernel_distance(real, fake, subsets=subsets, subset_size=subset_size, seed=seed),
        precision_recall=precision_recall(real, fake, neighbours=neighbours) if enough else None,
        real=len(real),
        fake=len(fake),
        extractor=extractor.describe(),
    )
