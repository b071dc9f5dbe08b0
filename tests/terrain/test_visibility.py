"""Visibility: each pixel shows what a ray through it meets first."""

from __future__ import annotations

import pytest
import torch

from spadework.terrain.camera import FARTHEST, Camera
from spadework.terrain.visibility import look


def camera(width: int = 40, height: int = 32) -> Camera:
    return Camera(width, height, 50.0, 14.0, 2.0, torch.device("cpu"))


def bumpy(view: Camera) -> torch.Tensor:
    x, z = view.x, view.z.expand_as(view.x)
    return 2 * torch.sin(x / 9) * torch.sin(z / 31) + 0.02 * z * torch.sin(z / 400 + x / 300).clamp(min=0)


def test_against_a_walk_along_every_ray() -> None:
    view = camera()
    top, eye = bumpy(view), 4.0
    seen = look(top, eye, view)
    for row in range(view.height):
        slope = float(view.up[row])
        for column in range(view.width):
            ray = eye + slope * view.z[:, 0]
            hits = (top[:, column + view.margin] >= ray).nonzero()
            if row == view.height - 1 and len(hits) == 0:
                continue
            assert bool(seen.sky[row, column]) == (len(hits) == 0)
            if len(hits) and int(hits[0]) > 0:
                first = int(hits[0])
                assert float(view.z[first - 1]) * 0.999 <= float(seen.z[row, column]) <= float(view.z[first]) * 1.001
                assert int(seen.row[row, column]) in (first - 1, first)


def test_flat_ground() -> None:
    """On a plain, depth is eye height over slope, and the sky begins at the horizon."""
    view = camera()
    seen = look(torch.zeros_like(view.x), 1.6, view)
    below = view.up[:, 0] < -0.01
    expected = (1.6 / -view.up[below, 0]).clamp(min=2.0, max=FARTHEST)
    assert torch.allclose(seen.z[below][:, 0], expected, rtol=0.02)
    assert bool(seen.sky[view.up[:, 0] > 0].all())
    assert not bool(seen.sky[below].any())


@pytest.mark.parametrize("wavelength", [0.3, 5.0, 80.0])
def test_waves_fade_before_they_are_finer_than_pixels(wavelength: float) -> None:
    view = camera()
    rows = view.visible(wavelength)
    sharp = view.sharpness(wavelength, view.z[:, 0])
    assert float(sharp[rows:].sum()) == 0
    assert bool((sharp[:-1] >= sharp[1:]).all())


def test_read_finds_what_the_grid_holds() -> None:
    view = camera()
    grids = torch.stack([view.x, view.z.log().expand_as(view.x)])
    x, z = view.x[3:-3:7, 2:-2:5], view.z.expand_as(view.x)[3:-3:7, 2:-2:5]
    read = view.read(grids, x, z)
    assert torch.allclose(read[1], z.log(), atol=1e-3)
    assert torch.allclose(read[0], x, rtol=1e-2, atol=1e-2)
    row, column = view.cell(x, z)
    assert torch.equal(view.x[row, column], x)
