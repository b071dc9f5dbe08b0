"""Label maps painted in the ontology's colours: colours to class indices, exact or nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spadework.data.ontology import Ontology

NEAR = 24.0
"""Up to this distance in RGB (and half that to the next class) a colour is a class's own, slightly off."""

MOST_MIXED = 0.10
"""With more pixels than this share near no class's colour, a picture is not taken for a label map."""

MOST_OF_ONE = 0.01
"""A single colour near no class's that has more pixels than this share is no soft edge: a class is missing."""

LEAST_SHOWN = 0.002
"""A class that never has its exact colour is in the picture if this share of the pixels is near it, else by chance."""


class LabelMapWarning(UserWarning):
    """Something about a label map that was read all the same."""


class SnappedColors(LabelMapWarning):
    """Pixels of a label map became the class whose colour is nearest; `share` of them, 0..1."""

    def __init__(self, message: str, share: float) -> None:
        super().__init__(message)
        self.share = share

    def __reduce__(self) -> tuple[type[SnappedColors], tuple[str, float]]:
        return type(self), (str(self), self.share)


@dataclass(frozen=True)
class Snapped:
    """A label map made of colours."""

    index: Tensor
    """Class indices, int64."""
    share: float
    """Share of the pixels whose colour is no class's own, 0..1: each became the nearest class."""
    mixed: float
    """Share of the pixels whose colour is near no class's, 0..1: mixtures at soft edges."""


def colors_to_index(colors: np.ndarray, ontology: Ontology) -> Tensor:
    """[..., 3] uint8 -> int64 class indices; raises ValueError for colours that are no class's or several classes'."""
    found, inverse, counts = _found(colors)
    classes = _classes_of_color(ontology)
    unknown = [color for color in found.tolist() if color not in classes]
    if unknown:
        raise ValueError(_explain_unknown(unknown, counts, found, ontology))
    return _index_of(found, classes, ontology)[inverse]


def nearest_index(colors: np.ndarray, ontology: Ontology) -> Snapped:
    """[..., 3] uint8 -> class indices, each colour that is no class's becoming the nearest class.

    A colour near one class's is taken for it. Any other is a mixture, made by a smooth edge; it becomes the nearest of
    the classes that the picture shows, so that no third class appears along the edge of two. Raises ValueError where
    mixtures are too many for that, or one of them is too frequent.
    """
    found, inverse, counts = _found(colors)
    classes = _classes_of_color(ontology)
    palette = np.array(sorted(classes), dtype=np.int64)
    unknown = np.array([color not in classes for color in found.tolist()])
    if not unknown.any():
        return Snapped(_index_of(found, classes, ontology)[inverse], 0.0, 0.0)

    # Exact colours, and those slightly off.
    nearest, near = _nearest(found, palette)
    target = np.where(unknown, palette[nearest], found)
    total = int(counts.sum())
    near_pixels = np.bincount(nearest, weights=counts * (near & unknown), minlength=len(palette))
    shown = np.isin(palette, found[~unknown]) | (near_pixels >= LEAST_SHOWN * total)
    mixed = unknown & ~(near & shown[nearest])
    mixed_share = float(counts[mixed].sum() / total)
    if mixed_share > MOST_MIXED or (counts[mixed] > MOST_OF_ONE * total).any():
        raise ValueError(_explain_unknown(found[mixed].tolist(), counts, found, ontology))

    # Mixtures: between the classes that are there.
    if mixed.any():
        offered = palette[shown]
        target[mixed] = offered[_nearest(found[mixed], offered)[0]]
    index = _index_of(target, classes, ontology)
    return Snapped(index[inverse], float(counts[unknown].sum() / total), mixed_share)


def holds_only_colors(colors: np.ndarray, ontology: Ontology) -> bool:
    """Whether every colour of [..., 3] uint8 is a class's."""
    return set(np.unique(_packed(colors)).tolist()) <= set(_classes_of_color(ontology))


def _found(colors: np.ndarray) -> tuple[np.ndarray, Tensor, np.ndarray]:
    """The colours that occur, packed; for each pixel its place among them; and their numbers of pixels."""
    found, inverse, counts = np.unique(_packed(colors), return_inverse=True, return_counts=True)
    return found, torch.from_numpy(inverse.reshape(colors.shape[:-1])), counts


def _nearest(colors: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For packed colours the place of the nearest one in a packed palette, and whether it is near beyond doubt."""
    wanted, offered = torch.tensor(_unpacked(colors)), torch.tensor(_unpacked(palette))
    places, near = [], []
    for part in wanted.split(1 << 15):
        distance = torch.cdist(part, offered, compute_mode="donot_use_mm_for_euclid_dist")
        two = distance.topk(min(2, len(palette)), dim=1, largest=False)
        first, second = two.values[:, 0], two.values[:, 1:]
        places.append(two.indices[:, 0])
        near.append((first <= NEAR) & (first[:, None] * 2 < second).all(dim=1))
    return torch.cat(places).numpy(), torch.cat(near).numpy()


def _index_of(packed: np.ndarray, classes: dict[int, list[int]], ontology: Ontology) -> Tensor:
    """Packed colours of classes -> their class indices; raises ValueError for a colour of several."""
    for color in packed.tolist():
        if len(classes[color]) > 1:
            names = " and ".join(repr(ontology.names[index]) for index in classes[color])
            raise ValueError(
                f"colour {_rgb(color)} is both {names} in ontology {ontology.name!r}; "
                "give each class a colour of its own, or save ids instead of colours"
            )
    return torch.tensor([classes[color][0] for color in packed.tolist()], dtype=torch.int64)


def _packed(colors: np.ndarray) -> np.ndarray:
    """One number per colour."""
    wide = colors.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _unpacked(packed: np.ndarray) -> np.ndarray:
    """[N] -> [N, 3] float32."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.float32)


def _classes_of_color(ontology: Ontology) -> dict[int, list[int]]:
    classes: dict[int, list[int]] = {}
    for index, color in enumerate(_packed(ontology.colors().numpy()).tolist()):
        classes.setdefault(color, []).append(index)
    return classes


def _rgb(color: int) -> tuple[int, int, int]:
    return color >> 16, color >> 8 & 255, color & 255


def _explain_unknown(unknown: list[int], counts: np.ndarray, found: np.ndarray, ontology: Ontology) -> str:
    pixels = dict(zip(found.tolist(), counts.tolist(), strict=True))
    unknown = sorted(unknown, key=lambda color: -pixels[color])
    share = sum(pixels[color] for color in unknown) / int(counts.sum())

    # The most frequent ones, each with the class it may have been.
    palette = ontology.colors().to(torch.int64)
    shown = []
    for color in unknown[:3]:
        distance = (palette - torch.tensor(_rgb(color))).square().sum(dim=1)
        nearest = int(distance.argmin())
        shown.append(f"{_rgb(color)} (nearest: {ontology.names[nearest]!r} {tuple(palette[nearest].tolist())})")
    more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""

    # Many near-misses come from smoothing.
    cure = "use the ontology's exact colours, add the class, or save ids in one channel"
    if len(unknown) > 3 * len(palette):
        cure = "was it resized, smoothed, or a photo? Save it without interpolation, anti-aliasing or JPEG"
    return (
        f"colour {', '.join(shown)}{more}, {share:.2%} of the pixels, is no class of ontology {ontology.name!r}: {cure}"
    )
