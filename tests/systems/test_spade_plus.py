"""SPADE+: SPADE's networks, trained otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.spade import Spade
from spadework.systems.spade_plus import SpadePlus
from tests.systems.test_spade import DISCRIMINATORS, GENERATORS, count, on_paper

PLUS, SPADE = PRESETS["spade-plus"], PRESETS["spade"]


def test_the_registry() -> None:
    assert SYSTEMS["spade-plus"] is SpadePlus and issubclass(SpadePlus, Spade)
    assert PLUS.keys() == {"coco", "ade20k", "ade20k-outdoor", "cityscapes", "tiny"}


@pytest.mark.parametrize("name", PLUS)
def test_what_differs_from_spade(name: str) -> None:
    """An average, no feature matching; all else is SPADE's, the perceptual loss too until it is taken out."""
    plus, spade = PLUS[name], SPADE[name]
    assert plus.config == replace(spade.config, feature_matching_weight=0.0)
    average = 0.9999 if name in ("coco", "ade20k", "ade20k-outdoor") else 0.999
    assert plus.recipe == replace(spade.recipe, average=average, average_warm_up=name == "tiny")
    without = replace(plus.config, **VARIANTS["spade-plus"]["without-perceptual"])
    assert without == replace(plus.config, perceptual_weight=0.0)


@pytest.mark.parametrize("name", ["coco", "ade20k", "cityscapes"])
def test_networks_have_spades_size(name: str) -> None:
    system = on_paper(PLUS[name].config)
    sizes = count(system.generator), count(system.discriminator)
    assert sizes == (GENERATORS[name][""], DISCRIMINATORS[name][0])
    assert sum(sizes) == {"coco": 103_385_413, "ade20k": 102_329_413, "cityscapes": 98_649_413}[name]


@pytest.mark.parametrize("variant", VARIANTS["spade-plus"])
def test_variants(variant: str) -> None:
    config = replace(PLUS["ade20k"].config, **VARIANTS["spade-plus"][variant])
    assert config != PLUS["ade20k"].config
    on_paper(config)
