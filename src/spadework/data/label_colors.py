"""Label maps painted in the ontology's colours: exact colours to class indices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spadework.data.ontology import Ontology


def colors_to_index(colors: np.ndarray, ontology: Ontology) -> Tensor:
    """[..., 3] uint8 -> int64 class indices; raises ValueError for colours that are no class's or several classes'."""
    found, inverse = np.unique(_packed(colors), return_inverse=True)
    classes = _classes_of_color(ontology)

    # Every colour that occurs is one class's.
    unknown = [color for color in found.tolist() if color not in classes]
    if unknown:
        raise ValueError(_explain_unknown(unknown, np.bincount(inverse.ravel()), found, ontology))
    for color in found.tolist():
        if len(classes[color]) > 1:
            names = " and ".join(repr(ontology.names[index]) for index in classes[color])
            raise ValueError(
                f"colour {_rgb(color)} is both {names} in ontology {ontology.name!r}; "
                "give each class a colour of its own, or save ids instead of colours"
            )
    index = np.array([classes[color][0] for color in found.tolist()], dtype=np.int64)
    return torch.from_numpy(index[inverse.reshape(colors.shape[:-1])])


def holds_only_colors(colors: np.ndarray, ontology: Ontology) -> bool:
    """Whether every colour of [..., 3] uint8 is a class's."""
    return set(np.unique(_packed(colors)).tolist()) <= set(_classes_of_color(ontology))


def _packed(colors: np.ndarray) -> np.ndarray:
    """One number per colour."""
    wide = colors.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


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
