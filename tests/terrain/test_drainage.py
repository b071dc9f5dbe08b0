"""Drainage: water flows down, every node's area is its own and that of all above, and valleys lead to the floor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spadework.terrain import drainage
from spadework.terrain.drainage import drained_area, erode, mountain_tile, receivers

NODES = 24


@pytest.fixture
def ground() -> tuple[np.ndarray, np.ndarray]:
    """Random heights, and a floor."""
    random = np.random.default_rng(0)
    height = random.random((NODES, NODES))
    floor = np.zeros((NODES, NODES), bool)
    floor[3:6, 4:9] = True
    height[floor] = 0
    return height, floor


def test_water_flows_to_the_steepest_neighbour(ground: tuple[np.ndarray, np.ndarray]) -> None:
    height, floor = ground
    below, distance = receivers(height, floor)
    flat = height.ravel()
    for node in range(flat.size):
        y, x = divmod(node, NODES)
        drops = {}
        for dy, dx in drainage.NEIGHBOURS:
            other = (y + dy) % NODES * NODES + (x + dx) % NODES
            drops[other] = (flat[node] - flat[other]) / np.hypot(dy, dx)
        best = max(drops, key=drops.__getitem__)
        if floor.ravel()[node] or drops[best] <= 0:
            assert below[node] == node
        else:
            assert drops[below[node]] == pytest.approx(drops[best])
            assert distance[node] * NODES == pytest.approx((flat[node] - flat[best]) / drops[best])


def test_areas_are_those_of_all_nodes_above(ground: tuple[np.ndarray, np.ndarray]) -> None:
    below, _ = receivers(*ground)
    expected = np.zeros(below.size)
    for node in range(below.size):
        while True:
            expected[node] += 1
            if below[node] == node:
                break
            node = below[node]
    assert np.array_equal(drained_area(below), expected)


def test_erosion_solves_its_equation(ground: tuple[np.ndarray, np.ndarray]) -> None:
    """(1 + F) h = h0 + dt U + F h_below at every node whose slope is not held by sliding."""
    height, floor = ground
    uplift = np.ones_like(height)
    new, area = erode(height, floor, uplift, 0.01)
    below, distance = receivers(height, floor)
    factor = np.where(below == np.arange(below.size), 0, drainage.CUTTING * 0.01 * area.ravel() ** 0.5 / distance)
    flat = new.ravel()
    left = (1 + factor) * flat
    right = height.ravel() + 0.01 * ~floor.ravel() + factor * flat[below]
    slid = flat >= flat[below] + drainage.STEEPEST * distance - 1e-9
    held = (factor == 0) | ~(slid | slid[below])
    free = held.copy()
    for _ in range(NODES * NODES):  # below a slide, heights are those before it
        again = free & free[below]
        if np.array_equal(again, free):
            break
        free = again
    assert free.sum() > 20
    assert np.allclose(left[free], right[free])
    assert np.all(flat[floor.ravel()] == 0)


def test_the_tile() -> None:
    tile = mountain_tile(torch.device("cpu"))
    height, stream = tile
    assert float(height.min()) == 0
    assert float(height.max()) == 1
    assert 0 <= float(stream.min()) < float(stream.max()) <= 1
    assert torch.equal(tile[:, 0], tile[:, -1])
    assert torch.equal(tile[:, :, 0], tile[:, :, -1])

    # Nearly all of it drains: pits are rare. Streams lie lower than ridges.
    below, _ = receivers(height[:-1, :-1].numpy(), (height[:-1, :-1] == 0).numpy())
    pits = (below == np.arange(below.size)) & (height[:-1, :-1].numpy().ravel() > 0)
    assert pits.mean() < 0.02
    ordered = height[:-1, :-1][stream[:-1, :-1] > 0.4]
    assert float(ordered.mean()) < 0.7 * float(height.mean())
