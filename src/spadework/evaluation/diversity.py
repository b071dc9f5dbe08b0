"""How different the photos are that a model makes of one label map under other styles.

All pairs of K photos per label map are compared; the mean is over pairs, then over label maps. Higher LPIPS and lower
MS-SSIM mean more variety. Numbers of other sizes, trunks or packages cannot be compared.

Shapes: K photos per label map, H W height and width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from spadework.evaluation.photos import require_photos


class PairMeasure(Protocol):
    """What compares photos two by two: `Lpips`, `MsSsim`."""

    name: str

    def pairs(self, photos: Tensor) -> Tensor:
        """uint8 [K, 3, H, W] -> [K (K - 1) / 2]."""

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""


@dataclass(frozen=True)
class Diversity:
    """The mean over pairs, then over label maps."""

    name: str
    """What was measured: "lpips" (more is more varied) or "ms_ssim" (less is)."""
    value: float
    per_map: tuple[float, ...]
    """The mean over pairs of each label map."""
    maps: int
    photos_per_map: int
    """K."""
    pairs_per_map: int
    """K (K - 1) / 2."""
    measure: dict[str, Any]
    """Trunk, weights with SHA-256, package versions; in JSON types."""


def diversity(photos: Iterable[Tensor], measure: PairMeasure) -> Diversity:
    """The diversity of photos that come label map by label map, uint8 [K, 3, H, W] each.

    Raises ValueError where there are no maps, fewer than two photos of one, or not as many of each.
    """
    per_map: list[float] = []
    k = 0
    for of_map in photos:
        require_photos(of_map, "diversity")
        k = k or len(of_map)
        if len(of_map) < 2 or len(of_map) != k:
            raise ValueError(
                f"diversity compares at least 2 photos per label map, of each map as many: map {len(per_map) + 1} has "
                f"{len(of_map)}" + (f", the others {k}" if per_map else "")
            )
        per_map.append(measure.pairs(of_map).double().mean().item())
    return of_maps(per_map, k, measure)


def of_maps(per_map: list[float], k: int, measure: PairMeasure) -> Diversity:
    """The diversity of label maps whose means over the pairs of k photos are known."""
    if not per_map:
        raise ValueError("diversity needs at least one label map with its photos")
    value = sum(per_map) / len(per_map)
    return Diversity(measure.name, value, tuple(per_map), len(per_map), k, k * (k - 1) // 2, measure.describe())
