"""Noise: mean 0 and deviation 1, waves as long as asked for, a function of (seed, name) alone."""

from __future__ import annotations

import pytest
import torch

from spadework.terrain.dice import Dice
from spadework.terrain.noise import CYCLES, Noise, band_pass, lookup, smooth, value_tile, wrapped

CPU = torch.device("cpu")


def field(seed: int = 0) -> Noise:
    return Noise(Dice(seed, "test"), CPU)


def square(side: float, points: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    line = torch.linspace(0, side, points)
    z, x = torch.meshgrid(line, line, indexing="ij")
    return x, z


@pytest.mark.parametrize("wavelength", [0.1, 7.0, 5000.0])
def test_mean_deviation_and_wavelength(wavelength: float) -> None:
    x, z = square(wavelength * CYCLES)
    values = field()("hills", x, z, wavelength)
    assert abs(float(values.mean())) < 0.1
    assert 0.85 < float(values.std()) < 1.1

    # A wave crosses 0 twice; along a line through waves of all directions a little less often.
    crossings = (values[:, 1:].sign() != values[:, :-1].sign()).float().sum(1).mean()
    assert 1.0 < float(crossings) / CYCLES < 2.2


def test_a_name_is_a_field_of_its_own() -> None:
    x, z = square(300.0, 60)
    noise = field()
    first = noise("hills", x, z, 10.0)
    noise("others", x, z, 10.0)
    assert torch.equal(first, field()("hills", x, z, 10.0)), "other names change nothing"
    for other in (noise("peaks", x, z, 10.0), field(1)("hills", x, z, 10.0)):
        assert abs(float((first * other).mean())) < 0.3


def test_slopes_are_the_derivatives() -> None:
    x, z = square(40.0, 300)
    noise, wavelength, step = field(), 10.0, 0.05
    value, east, north = noise.with_slope("hills", x, z, wavelength)
    for slope, right, left in (
        (
            east,
            noise.with_slope("hills", x + step, z, wavelength)[0],
            noise.with_slope("hills", x - step, z, wavelength)[0],
        ),
        (
            north,
            noise.with_slope("hills", x, z + step, wavelength)[0],
            noise.with_slope("hills", x, z - step, wavelength)[0],
        ),
    ):
        measured = (right - left) / (2 * step) * wavelength
        error = (measured - slope).square().mean().sqrt() / slope.square().mean().sqrt()
        assert float(error) < 0.15
    assert value.shape == x.shape


def test_tiles_have_no_seam() -> None:
    tile = value_tile(CPU)
    place = torch.linspace(0, 1, 200)
    assert torch.allclose(lookup(tile, place, place * 0), lookup(tile, place + 3, place * 0 - 2), atol=1e-3)
    assert float((lookup(tile, place * 0 + 0.9999, place) - lookup(tile, place * 0 + 0.0001, place)).abs().max()) < 0.2


@pytest.mark.parametrize("shape", [(64,), (64, 64), (32, 32, 32)])
def test_band_pass(shape: tuple[int, ...]) -> None:
    waves = band_pass(torch.randn(shape, generator=torch.Generator().manual_seed(0)), 4, 0.3)
    assert waves.shape == shape
    assert float(waves.std()) == pytest.approx(1, abs=1e-4)
    assert abs(float(waves.mean())) < 0.05
    assert wrapped(waves[None]).shape == (1, *(side + 1 for side in shape))


def test_smooth() -> None:
    assert smooth(2, 4, torch.tensor([1.0, 2, 3, 4, 5])).tolist() == [0, 0, 0.5, 1, 1]
