"""Labels: what the supersampled pixels show, as a person would paint it: one class per pixel, no specks."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.classes import Land

CLOUDY = 0.33
"""Sky that is hidden more than this is cloud."""
SPECK = 0.0004
"""Regions of less than this share of the picture become part of their surroundings."""


def label_pixels(land: Tensor, clouds: Tensor, fineness: int) -> Tensor:
    """[H, W] classes and [H, W] cloud cover -> [H / fineness, W / fineness] int64."""
    wide = 2 * (land.shape[1] // 92) + 1  # clouds have soft edges: their cover is looked at blurred
    pad = wide // 2
    blurred = F.avg_pool2d(F.pad(clouds[None, None], (pad,) * 4, mode="replicate"), wide, 1)[0, 0]
    land = torch.where((land == Land.SKY) & (blurred > CLOUDY), Land.CLOUD, land)
    shares = F.one_hot(land, len(Land)).permute(2, 0, 1).float()

    # Each pixel's class is the most frequent of its block and, with less weight, of the blocks around.
    block = F.avg_pool2d(shares[None], fineness)
    around = F.avg_pool2d(F.pad(block, (1, 1, 1, 1), mode="replicate"), 3, 1)
    label_map = (block + around)[0].argmax(0)
    return without_specks(label_map, max(round(SPECK * label_map.numel()), 4))


def without_specks(label_map: Tensor, least: int) -> Tensor:
    """Regions of fewer pixels than `least` take the class that borders on them most, until there are none."""
    labels = label_map.cpu().numpy().copy()
    for _ in range(20):
        region = regions(labels)
        sizes = np.bincount(region.ravel())
        small = sizes[region] < least
        if not small.any():
            break
        labels = _filled(labels, region, sizes, small)
    return torch.from_numpy(labels).to(label_map.device)


def regions(labels: np.ndarray) -> np.ndarray:
    """[H, W] numbers 0.. of the connected regions of equal class (four neighbours), by joining and halving ways."""
    count = labels.size
    node = np.arange(count).reshape(labels.shape)
    joined = [
        (node[:, 1:][labels[:, 1:] == labels[:, :-1]], node[:, :-1][labels[:, 1:] == labels[:, :-1]]),
        (node[1:][labels[1:] == labels[:-1]], node[:-1][labels[1:] == labels[:-1]]),
    ]
    high, low = (np.concatenate([pair[i] for pair in joined]) for i in (0, 1))
    root = np.arange(count)
    while True:
        a, b = root[high], root[low]
        apart = a != b
        if not apart.any():
            break
        np.minimum.at(root, np.maximum(a, b)[apart], np.minimum(a, b)[apart])
        while True:
            above = root[root]
            if np.array_equal(above, root):
                break
            root = above
    return np.unique(root, return_inverse=True)[1].reshape(labels.shape)


def _filled(labels: np.ndarray, region: np.ndarray, sizes: np.ndarray, small: np.ndarray) -> np.ndarray:
    """Each small region takes the most frequent class along its border, the smallest regions first."""
    votes = np.zeros((len(sizes), len(Land)), np.int64)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        for one, other in ((here, there), (there, here)):
            border = small[one] & (region[one] != region[other]) & (sizes[region[other]] >= sizes[region[one]])
            np.add.at(votes, (region[one][border], labels[other][border]), 1)
    chosen = votes.argmax(1)
    can = votes.sum(1) > 0
    return np.where(small & can[region], chosen[region], labels)


def number_objects(label_map: Tensor, plant: Tensor, fineness: int, first: int) -> Tensor:
    """[H, W] int64: an id from `first` on for each plant that is seen, the class index for areas."""
    middle = fineness // 2
    seen = plant[middle::fineness, middle::fineness]
    is_plant = (label_map == Land.TREE) | (label_map == Land.BUSH)
    ids = torch.where(is_plant & (seen >= 0), seen + first, label_map)
    _, compact = torch.unique(ids[ids >= first], return_inverse=True)
    ids[ids >= first] = compact + first
    return ids
