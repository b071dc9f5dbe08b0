"""Labels: regions as a flood would find them, no specks, one class per pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spadework.terrain.classes import FIRST_OBJECT, Land
from spadework.terrain.labels import label_pixels, number_objects, regions, without_specks


def flooded(labels: np.ndarray) -> np.ndarray:
    """Regions one by one, for comparison."""
    found = np.full(labels.shape, -1)
    number = 0
    for start in np.ndindex(labels.shape):
        if found[start] >= 0:
            continue
        open_ = [start]
        found[start] = number
        while open_:
            y, x = open_.pop()
            for ny, nx in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                inside = 0 <= ny < labels.shape[0] and 0 <= nx < labels.shape[1]
                if inside and found[ny, nx] < 0 and labels[ny, nx] == labels[start]:
                    found[ny, nx] = number
                    open_.append((ny, nx))
        number += 1
    return found


@pytest.mark.parametrize("seed", range(6))
def test_regions(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 2 + seed % 2, (23, 31))
    assert np.array_equal(regions(labels), flooded(labels))


@pytest.mark.parametrize("least", [2, 9, 40])
def test_specks_are_gone(least: int) -> None:
    random = np.random.default_rng(3)
    labels = np.repeat(np.repeat(random.integers(0, 4, (12, 12)), 5, 0), 5, 1)
    labels[random.random(labels.shape) < 0.1] = 7
    clean = without_specks(torch.from_numpy(labels), least).numpy()
    assert np.bincount(regions(clean).ravel()).min() >= least
    assert set(np.unique(clean)) <= set(np.unique(labels))


def test_a_speck_takes_the_class_around_it() -> None:
    labels = torch.full((20, 20), int(Land.GRASS))
    labels[:8] = int(Land.SKY)
    labels[14, 7] = int(Land.ROCK)
    clean = without_specks(labels, 5)
    assert int(clean[14, 7]) == Land.GRASS
    assert int((clean != labels).sum()) == 1


def test_one_region_alone_stays() -> None:
    labels = torch.full((3, 3), int(Land.SEA))
    assert torch.equal(without_specks(labels, 100), labels)


def test_thick_cloud_is_cloud_and_thin_cloud_sky() -> None:
    land = torch.zeros(64, 64, dtype=torch.long)
    land[40:] = Land.GRASS
    clouds = torch.zeros(64, 64)
    clouds[:, 32:] = 0.9
    clouds[:, :20] = 0.1
    label_map = label_pixels(land, clouds, 2)
    assert label_map.shape == (32, 32)
    assert set(label_map[:19, 18:].unique().tolist()) == {Land.CLOUD}
    assert set(label_map[:19, :14].unique().tolist()) == {Land.SKY}
    assert set(label_map[21:].unique().tolist()) == {Land.GRASS}


def test_objects_are_numbered_without_gaps() -> None:
    label_map = torch.full((8, 8), int(Land.GRASS))
    label_map[:, 4:] = int(Land.TREE)
    plant = torch.full((16, 16), -1)
    plant[:, 8:12], plant[:, 12:14] = 40, 7
    ids = number_objects(label_map, plant, 2, FIRST_OBJECT)
    assert ids[0].tolist() == [Land.GRASS] * 4 + [FIRST_OBJECT + 1] * 2 + [FIRST_OBJECT, Land.TREE]
