"""The moving average of weights follows its formula, to the bit when resumed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from spadework.systems.base import Recipe
from spadework.systems.oasis import Oasis
from spadework.training.average import WeightAverage
from spadework.training.state import make_average
from tests.systems import tiny_oasis


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def learn(module: nn.Module, step: int) -> None:
    """An iteration: running statistics, power iteration and weights all move."""
    generator = torch.Generator().manual_seed(step)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.randn(2, 3, 8, 8, generator=generator)).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


@settings(deadline=None, max_examples=20)
@given(decay=st.floats(0, 0.9999), steps=st.integers(1, 4), warm_up=st.booleans())
def test_every_floating_entry_follows_the_formula(decay: float, steps: int, warm_up: bool) -> None:
    module = network()
    average = WeightAverage(module, decay, warm_up=warm_up)
    expected = {name: value.double() for name, value in module.state_dict().items()}
    for step in range(steps):
        learn(module, step)
        average.update(module)
        current = module.state_dict()
        part = min(decay, (2 + step) / (11 + step)) if warm_up else decay
        expected = {name: part * value + (1 - part) * current[name].double() for name, value in expected.items()}

    counts = {name for name, value in average.module.state_dict().items() if not value.is_floating_point()}
    assert counts == {"1.num_batches_tracked"}
    for name, value in average.module.state_dict().items():
        if name in counts:
            assert value == steps
        else:
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6, msg=name)


def test_the_average_starts_as_a_copy_and_leaves_the_original_alone() -> None:
    module = network()
    average = WeightAverage(module, 0.5)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    torch.testing.assert_close(average.module.state_dict(), before, rtol=0, atol=0)

    assert module.training and all(parameter.requires_grad for parameter in module.parameters())
    assert not any(part.training for part in average.module.modules())
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    learn(module, 0)
    torch.testing.assert_close(average.module.state_dict(), before, rtol=0, atol=0)
    learnt = {name: value.clone() for name, value in module.state_dict().items()}
    average.update(module)
    torch.testing.assert_close(module.state_dict(), learnt, rtol=0, atol=0)


def test_resuming_is_exact() -> None:
    module, straight = network(), WeightAverage(network(), 0.9)
    for step in range(3):
        learn(module, step)
        straight.update(module)
    resumed = WeightAverage(module, 0.9)
    resumed.load_state_dict(straight.state_dict())
    for step in range(3, 6):
        learn(module, step)
        straight.update(module)
        resumed.update(module)
    torch.testing.assert_close(resumed.state_dict(), straight.state_dict(), rtol=0, atol=0)


def test_tied_weights_move_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(1, 1, bias=False)
            self.second = self.first

    module = Tied()
    nn.init.zeros_(module.first.weight)
    average = WeightAverage(module, 0.75, warm_up=False)
    nn.init.ones_(module.first.weight)
    average.update(module)
    assert average.module.second.weight.item() == 0.25


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=f"decay is {decay}.*0.9999"):
        WeightAverage(nn.Linear(1, 1), decay)


def test_another_network_is_not_loaded() -> None:
    average = WeightAverage(network(), 0.9)
    with pytest.raises(RuntimeError, match="Missing key"):
        average.load_state_dict({"updates": 1, "weights": {}})


def test_counts_are_copied_or_averaged_and_truncated() -> None:
    """The second is what OASIS's original does."""
    module = network()
    averages = [WeightAverage(module, 0.9, warm_up=False, average_counts=each) for each in (False, True)]
    norm = module[1]
    for count, expected in ((7, [7, 0]), (30, [30, 3]), (31, [31, 5])):
        norm.num_batches_tracked.fill_(count)
        for average, value in zip(averages, expected, strict=True):
            average.update(module)
            assert int(average.module[1].num_batches_tracked) == value


@pytest.mark.parametrize("warm_up", [False, True])
def test_a_recipe_says_how_an_average_begins(warm_up: bool) -> None:
    system = Oasis(tiny_oasis.config())
    assert make_average(system, Recipe()) is None
    average = make_average(system, Recipe(average=0.999, average_warm_up=warm_up))
    assert average is not None and (average.decay, average.warm_up) == (0.999, warm_up)
