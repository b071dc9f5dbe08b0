"""Style fidelity: how much a photo made in the style of a guide photo looks like that guide, and not like others.

Two distances, each from the made photo to its guide: between their colours (pixels in CIELAB, each photo's taken as a
Gaussian: the Wasserstein distance, in units of the just noticeable), and between features of a network, if one is
given. A distance by itself says little, since a made photo shows other things than its guide; so each is compared with
the distances to other real photos: "nearer to its guide than to 95 % of the others".

Shapes: N photos, F features, H W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.draw import Draw
from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.moments import Gaussian, Moments
from spadework.evaluation.photos import require_photos

OTHERS = 100
"""Other photos that each guide is compared with, where there are as many."""

# Linear sRGB -> CIE XYZ under D65, white being (1, 1, 1) afterwards (IEC 61966-2-1).
_XYZ = torch.tensor(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=torch.float64
)
_WHITE = _XYZ.sum(1)


@dataclass(frozen=True)
class Look:
    """What is kept of a photo to compare its style."""

    colors: Gaussian
    """Its pixels in CIELAB."""
    features: Tensor | None
    """float64 [F], or None where no network was given."""


@dataclass(frozen=True)
class StyleFidelity:
    """Means over all made photos."""

    color_distance: float
    """To the guide, in CIELAB units (about 2 is just noticeable)."""
    color_nearer_than: float
    """The share of other photos whose colours are farther from the made photo than its guide's; chance is 0.5."""
    feature_distance: float | None
    """To the guide, Euclidean; None where no network was given."""
    feature_nearer_than: float | None
    photos: int
    """How many were made."""
    others: int
    """How many others each guide was compared with."""
    seed: int
    """Of the choice of others."""


def look(photo: Tensor, features: Callable[[Tensor], Tensor] | None = None) -> Look:
    """The look of a photo, uint8 [1, 3, H, W]; `features` is uint8 [B, 3, H, W] -> [B, F]."""
    require_photos(photo, "style fidelity")
    if len(photo) != 1:
        raise ValueError(f"style fidelity looks at one photo at a time, but got {len(photo)}")
    if photo.shape[2] * photo.shape[3] < 2:
        raise ValueError("style fidelity wants photos of at least 2 pixels")
    pixels = lab(photo).permute(0, 2, 3, 1).reshape(-1, 3)
    return Look(Moments.of(pixels).gaussian, None if features is None else features(photo)[0].double().cpu())


def style_fidelity(
    made: Sequence[Look], guides: Sequence[Look], *, others: int = OTHERS, seed: int = 0
) -> StyleFidelity:
    """How near photos come to their guides: `made[i]` was made in the style of `guides[i]`.

    The others are `others` guides of other photos, drawn by `seed`, or all there are. Raises ValueError for fewer than
    two photos.
    """
    if len(made) != len(guides) or len(made) < 2:
        raise ValueError(
            f"style fidelity wants a guide for each made photo, and at least two: there are {len(made)} made photos "
            f"and {len(guides)} guides"
        )
    count = min(others, len(guides) - 1)
    drawn = [_others(i, len(guides), count, seed) for i in range(len(made))]
    color = [_nearer(made[i], guides, i, drawn[i], color_distance) for i in range(len(made))]
    feature = None
    if made[0].features is not None:
        feature = [_nearer(made[i], guides, i, drawn[i], feature_distance) for i in range(len(made))]
    return StyleFidelity(
        color_distance=_mean([distance for distance, _ in color]),
        color_nearer_than=_mean([share for _, share in color]),
        feature_distance=_mean([distance for distance, _ in feature]) if feature else None,
        feature_nearer_than=_mean([share for _, share in feature]) if feature else None,
        photos=len(made),
        others=count,
        seed=seed,
    )


def color_distance(a: Look, b: Look) -> float:
    """The Wasserstein distance between the colours of two photos, in CIELAB units."""
    return math.sqrt(frechet_distance(a.colors, b.colors))


def feature_distance(a: Look, b: Look) -> float:
    """The Euclidean distance between the features of two photos."""
    if a.features is None or b.features is None:
        raise ValueError("these looks have no features: make all of them with the same network")
    return float((a.features - b.features).norm())


def farther_share(distance: float, others: Sequence[float]) -> float:
    """The share of `others` that are larger than `distance`; equal ones count half."""
    return sum((other > distance) + 0.5 * (other == distance) for other in others) / len(others)


def lab(photos: Tensor) -> Tensor:
    """uint8 [N, 3, H, W] in sRGB -> float64 [N, 3, H, W] in CIELAB under D65: L 0..100, a and b about -100..100."""
    encoded = photos.double() / 255
    linear = torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,njhw->nihw", (_XYZ / _WHITE[:, None]).to(photos.device), linear)
    cube = torch.where(xyz > (6 / 29) ** 3, xyz.clamp(min=0) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = cube.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _others(i: int, photos: int, count: int, seed: int) -> list[int]:
    """`count` photos other than the i-th."""
    order: list[int] = Draw(seed, [i]).permutation("style fidelity", photos - 1)[0][:count].tolist()
    return [place + (place >= i) for place in order]


def _nearer(
    made: Look, guides: Sequence[Look], i: int, others: Sequence[int], distance: Callable[[Look, Look], float]
) -> tuple[float, float]:
    """The distance to the i-th guide, and the share of others that are farther."""
    to_guide = distance(made, guides[i])
    return to_guide, farther_share(to_guide, [distance(made, guides[other]) for other in others])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
