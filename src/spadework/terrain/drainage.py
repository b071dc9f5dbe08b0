"""Mountains that rivers have carved: a tile of ridges and valleys under uplift and stream-power erosion.

Every node drains to its steepest neighbour. Water gathers along the way (area A) and cuts the bed,
dh/dt = uplift - K A^m dh/dx, solved implicitly (Braun, Willett 2013): h = (h0 + dt U + F h_below) / (1 + F). Area and
height are sums and affine maps along the way down, found for all nodes at once by doubling the way's length.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from spadework.terrain.dice import Dice
from spadework.terrain.noise import band_pass, lookup, wrapped

SIZES = ((96, 220), (192, 60), (384, 20))
"""Nodes along a side, and steps of erosion at that size."""
BASE = 0.07
"""Share of the nodes that are valley floor."""
AREA_POWER = 0.5
STEP = 0.012
"""Time of a step; heights are in sides of the tile, uplift about 1."""
CUTTING = 45.0
"""K, in sides and shares of the tile."""
STEEPEST = 1.1
"""Slopes above this slide."""
NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


@cache
def mountain_tile(device: torch.device) -> Tensor:
    """[2, T+1, T+1], seamless: height 0..1, and the log of the drained area, 0 on ridges to 1 in the largest valley."""
    height = np.zeros((1, 1))
    area = np.ones((1, 1))
    for nodes, steps in SIZES:
        floor, uplift = _valley_floor(nodes), _uplift(nodes)
        height = _doubled(height, nodes) if height.size > 1 else _paths_to_floor(floor, nodes)
        for step in range(steps):
            height += 0.2 / nodes * _white(f"rough/{step % 4}", nodes) * ~floor * (step < steps - 3)
            height, area = erode(height, floor, uplift, STEP)
    stream = np.log(area * area.size) / math.log(area.size)
    tile = torch.from_numpy(np.stack([height / height.max(), stream]))
    return wrapped(tile.float()).to(device)


def erode(height: np.ndarray, floor: np.ndarray, uplift: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """One step of uplift and erosion on a torus: heights after it, and drained areas in shares of the torus."""
    below, distance = receivers(height, floor)
    area = drained_area(below) / height.size
    factor = np.where(below == np.arange(below.size), 0.0, CUTTING * step * area**AREA_POWER / distance)
    lifted = height.ravel() + step * uplift.ravel() * ~floor.ravel()
    new = _along_the_way(lifted / (1 + factor), factor / (1 + factor), below)
    new = np.where(factor > 0, np.minimum(new, new[below] + STEEPEST * distance), new)
    return new.reshape(height.shape), area.reshape(height.shape)


def receivers(height: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each node, flat: the neighbour it drains to (itself in pits and on the floor), and how far that is."""
    nodes = np.arange(height.size).reshape(height.shape)
    steepest = np.zeros(height.shape)
    below = nodes.copy()
    distance = np.ones(height.shape)
    cell = 1 / height.shape[0]
    for dy, dx in NEIGHBOURS:
        length = math.hypot(dy, dx) * cell
        slope = (height - np.roll(height, (dy, dx), (0, 1))) / length
        better = (slope > steepest) & ~floor
        steepest[better] = slope[better]
        below[better] = np.roll(nodes, (dy, dx), (0, 1))[better]
        distance[better] = length
    return below.ravel(), distance.ravel()


def drained_area(below: np.ndarray) -> np.ndarray:
    """How many nodes drain through each node, itself included."""
    end = below.size  # beyond the last receiver there is nothing
    way = np.append(np.where(below == np.arange(end), end, below), end)
    area = np.append(np.ones(end), 0.0)
    while (way[:-1] != end).any():
        area = area + np.bincount(way, weights=area, minlength=end + 1)
        area[end] = 0.0
        way = way[way]
    return area[:-1]


def _along_the_way(offset: np.ndarray, factor: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Solves h = offset + factor * h[below], where factor is 0 at each way's end."""
    while factor.any():
        offset = offset + factor * offset[below]
        factor = factor * factor[below]
        factor[factor < 1e-9] = 0
        below = below[below]
    return offset


def _valley_floor(nodes: int) -> np.ndarray:
    """Where the ground stays low: below a level of a smooth random field."""
    field = _field("floor", nodes, 3.6)
    return field < np.quantile(field, BASE)


def _uplift(nodes: int) -> np.ndarray:
    return np.exp(0.55 * _field("uplift", nodes, 3.0))


def _field(name: str, nodes: int, cycles: float) -> np.ndarray:
    """A smooth field, the same at every size."""
    waves = band_pass(Dice(0, "mountains").normal(name, 64, 64), cycles, 0.45)[None]
    place = torch.arange(nodes) / nodes
    v, u = torch.meshgrid(place, place, indexing="ij")
    return lookup(wrapped(waves), u, v)[0].double().numpy()


def _white(name: str, nodes: int) -> np.ndarray:
    return Dice(0, "mountains").many(f"{name}/{nodes}", nodes, nodes).double().numpy()


def _paths_to_floor(floor: np.ndarray, nodes: int) -> np.ndarray:
    """Each node as high as its cheapest way to the floor is long, over ground of random cost: no pits, no symmetry."""
    cost = 0.3 + 2.0 * _white("cost", nodes)
    height = np.where(floor, 0.0, np.inf)
    while True:
        ways = [np.roll(height, shift, (0, 1)) + math.hypot(*shift) * cost for shift in NEIGHBOURS]
        shorter = np.minimum(height, np.min(ways, axis=0))
        if np.array_equal(shorter, height):
            return height * (0.1 / nodes)
        height = shorter


def _doubled(height: np.ndarray, nodes: int) -> np.ndarray:
    """The same tile with twice as many nodes."""
    place = torch.arange(nodes, dtype=torch.float64) / nodes
    v, u = torch.meshgrid(place, place, indexing="ij")
    return lookup(wrapped(torch.from_numpy(height)[None]), u, v)[0].numpy()
