"""Compiled networks learn what others learn, and are not compiled again for every batch."""

from __future__ import annotations

import pytest
import torch

from spadework.draw import Draw
from spadework.layers.compiling import OUTSIDE, compile_networks
from spadework.layers.recompute import recompute_in_backward
from spadework.semantics import Semantics
from spadework.systems.base import Progress, System
from spadework.systems.spade import Spade
from spadework.training.iteration import iterate, make_optimizers
from tests import tiny

SIZE = 32


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What torch.compile has counted; the process is afterwards as it was."""
    for name in OUTSIDE:
        monkeypatch.setattr(Semantics, name, getattr(Semantics, name))
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters["stats"]
    counters.clear()
    return counters


def learn(system: System, graphs: dict[str, int]) -> tuple[list[dict[str, float]], list[int]]:
    """The losses of some iterations, each with another label map, and the graphs that there were after each."""
    optimizers = make_optimizers(system, Progress(0, 1))
    losses, counts = [], []
    for number in range(4):
        batch = tiny.batch(2, SIZE, SIZE, seed=number)
        found = iterate(system, optimizers, batch, Progress(0, 1), Draw(0, range(2)))
        losses.append({name: float(value) for name, value in found.items()})
        counts.append(graphs["unique_graphs"])
    return losses, counts


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_networks_learn_alike_and_are_compiled_once(recompute: bool, graphs: dict[str, int]) -> None:
    plain = tiny.lively(Spade(tiny.config(height=SIZE, width=SIZE))).train()
    compiled = tiny.lively(Spade(tiny.config(height=SIZE, width=SIZE))).train()
    compiled.load_state_dict(plain.state_dict())
    expected, _ = learn(plain, graphs)
    assert not graphs

    if recompute:
        recompute_in_backward(compiled)
    compile_networks(compiled.networks.values())
    losses, counts = learn(compiled, graphs)
    assert 0 < counts[0] == counts[-1] < 10
    for found, wanted in zip(losses, expected, strict=True):
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-4)
