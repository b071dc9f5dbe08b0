"""Skies, styles and film: what everyone knows of daylight."""

from __future__ import annotations

import math

import pytest
import torch

from spadework.terrain.film import develop
from spadework.terrain.sky import Sky, clear_sky
from spadework.terrain.style import STYLES, Style

CPU = torch.device("cpu")


def sky(elevation: float, haze: float = 1.5) -> Sky:
    return clear_sky(math.radians(elevation), 0.0, haze, CPU)


def at(sky: Sky, elevation: float, azimuth: float = 90.0) -> torch.Tensor:
    return sky.radiance(torch.tensor([math.radians(elevation)]), torch.tensor([math.radians(azimuth)]))[:, 0]


def test_day() -> None:
    noon = sky(50)
    red, _, blue = at(noon, 60)
    assert blue > 2 * red, "the sky is blue"
    assert at(noon, 3).mean() > at(noon, 60).mean(), "and brighter at the horizon"
    sun_red, _, sun_blue = noon.sunlight
    assert 1 < sun_red / sun_blue < 2
    assert noon.sunlight.mean() > 3 * noon.dome.mean()


def test_sunset() -> None:
    low, high = sky(2), sky(50)
    assert low.sunlight[0] / low.sunlight[2] > 2 * high.sunlight[0] / high.sunlight[2], "the low sun is red"
    assert at(low, 3, 0)[0] > at(low, 3, 180)[0], "and so is the sky below it"
    assert low.sunlight.mean() < high.sunlight.mean()


def test_the_set_sun_leaves_a_little_light() -> None:
    levels = [float(sky(elevation).dome.mean()) for elevation in (10, 0, -3, -6)]
    assert levels == sorted(levels, reverse=True)
    assert 0 < levels[-1] < levels[0] / 20
    assert float(sky(-6).sunlight.max()) < 1e-2


def test_haze_takes_colour_and_sight() -> None:
    clear, dull = sky(40, 1), sky(40, 20)
    assert at(clear, 40)[2] / at(clear, 40)[0] > at(dull, 40)[2] / at(dull, 40)[0]
    assert bool((dull.haze > clear.haze).all())


@pytest.mark.parametrize("scale", [1e-2, 1.0, 30.0])
def test_exposure_fits_the_light(scale: float) -> None:
    scene = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * scale
    photo = develop(scene, None, Style(), 2)
    assert photo.shape == (3, 32, 32)
    assert -1 <= float(photo.min()) < float(photo.max()) <= 1
    assert -0.5 < float(photo.mean()) < 0.5


def test_styles_are_functions_of_their_seeds() -> None:
    assert Style.draw(5) == Style.draw(5)
    many = [Style.draw(seed) for seed in range(60)]
    assert len({style.elevation for style in many}) == 60
    assert {style.season for style in many} == {"spring", "summer", "dry", "autumn"}
    assert len(STYLES) == 12
    assert len(set(STYLES.values())) == 12
