"""Smoothed label maps: ids that an interpolation put between the ids of two neighbours, and how to take them out."""

from __future__ import annotations

import numpy as np

THIN = 2
"""Pixels: how wide the band is that a smooth filter leaves at an edge, each way."""


def count_between(ids: np.ndarray) -> tuple[int, int]:
    """(edges with a band, all edges that could have one) along the rows of [H, W] ids.

    An edge goes from one wide run of equal ids to another whose id is more than one away. It has a band when thin runs
    with ids strictly between the two lie on it.
    """
    runs = _runs(ids)
    values, lengths, rows = runs
    if len(values) < 2:
        return 0, 0
    wide = np.flatnonzero(lengths > THIN)
    left, right = wide[:-1], wide[1:]
    same_row = rows[left] == rows[right]
    left, right = left[same_row], right[same_row]
    low, high = np.minimum(values[left], values[right]), np.maximum(values[left], values[right])
    could = high - low > 1
    left, right, low, high = left[could], right[could], low[could], high[could]

    # Of what lies between two wide runs, at most three thin runs belong to one edge; all must lie between.
    gap = right - left - 1
    band = (gap > 0) & (gap <= 3)
    for step in (1, 2, 3):
        inside = band & (gap >= step)
        value = values[np.minimum(left + step, len(values) - 1)]
        band &= ~inside | ((value > low) & (value < high))
    return int(band.sum()), int(could.sum())


def between(ids: np.ndarray) -> np.ndarray:
    """[H, W] bool: the pixels of such bands, along rows or columns."""
    return _between_in_rows(ids) | _between_in_rows(ids.T).T


def snap(ids: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """The ids with every pixel of `wrong` replaced by a neighbour's id, from the edge of the wrong area inwards.

    Of several neighbours the one whose id is nearest to what stood there wins: a smooth filter gave it more weight.
    Where everything is wrong, nothing changes.
    """
    result, wrong = ids.astype(np.int64), wrong.copy()
    if wrong.all():
        return result
    far = np.int64(1) << 40
    while wrong.any():
        best, distance = result.copy(), np.full(ids.shape, far)
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            value, usable = np.roll(result, step, axis), ~np.roll(wrong, step, axis)
            border = [slice(None), slice(None)]
            border[axis] = slice(0, 1) if step == 1 else slice(-1, None)
            usable[tuple(border)] = False
            away = np.where(usable, np.abs(value - ids), far)
            nearer = away < distance
            best, distance = np.where(nearer, value, best), np.minimum(away, distance)
        reached = wrong & (distance < far)
        result[reached] = best[reached]
        wrong &= ~reached
    return result


def _runs(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, length and row of the runs of equal ids along the rows."""
    height, width = ids.shape
    starts = np.ones((height, width), bool)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=starts[:, 1:])
    positions = np.flatnonzero(starts)
    lengths = np.diff(positions, append=ids.size)
    return ids.ravel()[positions].astype(np.int32), lengths, positions // width


def _between_in_rows(ids: np.ndarray) -> np.ndarray:
    values, lengths, rows = _runs(np.ascontiguousarray(ids))
    marked = np.zeros(len(values), bool)
    wide = np.flatnonzero(lengths > THIN)
    left, right = wide[:-1], wide[1:]
    low, high = np.minimum(values[left], values[right]), np.maximum(values[left], values[right])
    gap = right - left - 1
    for step in (1, 2, 3):
        inside = (rows[left] == rows[right]) & (gap <= 3) & (gap >= step)
        run = left[inside] + step
        marked[run] |= (values[run] > low[inside]) & (values[run] < high[inside])
    return np.repeat(marked, lengths).reshape(ids.shape)
