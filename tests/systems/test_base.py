"""What all systems share: configs made to fit data, styles by region."""

from __future__ import annotations

import pytest
import torch

from spadework.systems import PRESETS
from spadework.systems.base import Style, for_classes, require_multiple
from spadework.systems.spade import SpadeConfig


@pytest.mark.parametrize("unlabelled", [None, 0, 6])
def test_a_config_for_other_data(unlabelled: int | None) -> None:
    oasis = for_classes(PRESETS["oasis"]["coco"].config, 7, unlabelled)
    assert (oasis.classes, oasis.unlabelled) == (7, -1 if unlabelled is None else unlabelled)
    assert for_classes(SpadeConfig(), 7, unlabelled) == SpadeConfig(classes=7)


@pytest.mark.parametrize("system", PRESETS)
def test_every_config_has_what_training_asks_for(system: str) -> None:
    for preset in PRESETS[system].values():
        config = preset.config
        assert config.classes > 0 and config.height > 0 and config.width > 0 and config.perceptual_weight >= 0
        assert config.epochs + config.decay_epochs > 0


def test_sizes() -> None:
    require_multiple(64, 128, 32, "five doublings", "fewer")
    with pytest.raises(ValueError, match=r"70x128: with five doublings both .* of 32; take 64x128 or 96x128, or fewer"):
        require_multiple(70, 128, 32, "five doublings", "fewer")


def test_regions_are_drawn_one_after_the_other() -> None:
    everywhere = Style(torch.zeros(2, 3))
    left, top = torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(2, 4, 4, dtype=torch.bool)
    left[:, :, :2], top[1, 0] = True, True
    style = everywhere.within(left, torch.ones(2, 3)).within(top, torch.full((2, 3), 2.0))
    assert style.regions is not None and style.vector.shape == (2, 3, 3)
    values = style.vector[torch.arange(2)[:, None, None], style.regions][..., 0]
    expected = left.float()
    expected[1, 0] = 2
    assert torch.equal(values, expected)
    assert style.perturb(torch.ones(2, 3)) is style


