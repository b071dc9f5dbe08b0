"""The regions of a label map, connected pixels of one class: where each pixel lies in its own, and which is nearest.

Shapes: H W the label map's size, R regions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
"""Which pixels around one are connected with it."""


def positions(label_map: Tensor, *, without: int = -1, normalized: bool = True) -> Tensor:
    """[2, H, W] float32: how far each pixel lies below, and to the right of, the centroid of its region.

    In pixels, or `normalized`: divided by the largest distance in the region, each way for itself, so that values lie
    in (-1, 1). `label_map` [H, W] of class indices; the pixels of class `without` get 0. Pixels of one class that touch
    at a corner are of one region.

    The intra-class positional encoding of CLADE-ICPE (Tan et al. 2021, "Efficient Semantic Image Synthesis via
    Class-Adaptive Normalization").
    """
    numbers = number_regions(label_map.numpy(), without)
    result = np.zeros((2, *numbers.shape), dtype=np.float32)
    if not numbers.any():
        return torch.from_numpy(result)

    # Centroids, in double precision; slot 0 is for pixels of no region.
    flat = numbers.ravel()
    pixels = np.maximum(np.bincount(flat), 1)                                               # [1 + R]
    boxes = _boxes(numbers)                                                                 # [R, 2, 2]
    for axis, where in enumerate(np.indices(numbers.shape)):
        centroid = np.bincount(flat, weights=where.ravel()) / pixels                        # [1 + R]
        offset = where - centroid[numbers]                                                  # [H, W]
        if normalized:
            first, last = boxes[:, axis, 0], boxes[:, axis, 1] - 1
            farthest = np.maximum(centroid[1:] - first, last - centroid[1:])                # [R]
            offset = offset / (np.concatenate([[0], farthest]) + 1e-5)[numbers]
        result[axis] = np.where(numbers > 0, offset, 0)
    return torch.from_numpy(result)


def nearest_labelled(label_map: Tensor, unlabelled: int) -> Tensor:
    """[H, W] int64: the flat index of the labelled pixel that is nearest to each; a labelled pixel's own.

    `label_map` [H, W] of class indices, of which `unlabelled` says nothing. Which of several pixels equally near is
    taken does not vary. Where no pixel has a label, each is its own.
    """
    own = torch.arange(label_map.numel(), device=label_map.device).view(label_map.shape)
    empty = label_map == unlabelled
    if not empty.any() or empty.all():
        return own
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(empty.cpu().numpy(), return_distances=False, return_indices=True)
    return own[torch.from_numpy(rows), torch.from_numpy(columns)]


def number_regions(label_map: np.ndarray, without: int = -1) -> np.ndarray:
    """[H, W] int64: the number of each pixel's region, from 1; 0 where there is none, in class `without`."""
    from scipy import ndimage  # takes a while to import, and few systems want it

    numbers = np.zeros(label_map.shape, dtype=np.int64)
    count = 0
    for index, box in enumerate(ndimage.find_objects(label_map + 1)):
        if box is None or index == without:
            continue
        here = label_map[box] == index
        connected, found = ndimage.label(here, EIGHT_NEIGHBOURS)
        numbers[box][here] = connected[here] + count
        count += found
    return numbers


def _boxes(numbers: np.ndarray) -> np.ndarray:
    """[R, 2, 2]: the first row and column of each region, and the first behind it."""
    from scipy import ndimage

    boxes: list[Any] = ndimage.find_objects(numbers)
    return np.array([[(side.start, side.stop) for side in box] for box in boxes])           # [R, axis, start and stop]
