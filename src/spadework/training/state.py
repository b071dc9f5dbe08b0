"""What a training goes on from: the state in a checkpoint, and the settings and data that must stay the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from spadework.systems.base import Recipe, System
from spadework.training.average import WeightAverage


def make_average(system: System, recipe: Recipe) -> WeightAverage | None:
    return WeightAverage(inference_networks(system), recipe.average) if recipe.average else None


def inference_networks(system: System) -> nn.ModuleDict:
    return nn.ModuleDict({name: network for name, network in system.networks.items() if name in system.inference_names})


def state_of(
    system: System, optimizers: dict[str, torch.optim.Optimizer], average: WeightAverage | None
) -> dict[str, Any]:
    return {
        "networks": {name: network.state_dict() for name, network in system.networks.items()},
        "optimizers": {player: optimizer.state_dict() for player, optimizer in optimizers.items()},
        "average": None if average is None else average.state_dict(),
    }


def restore(
    state: dict[str, Any],
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    average: WeightAverage | None,
) -> None:
    for name, network in system.networks.items():
        network.load_state_dict(state["networks"][name])
    for player, optimizer in optimizers.items():
        optimizer.load_state_dict(state["optimizers"][player])
    if average is not None:
        average.load_state_dict(state["average"])


def require_same(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A run goes on as it began; raises ValueError that names what differs."""
    before, now = _flat(stored), _flat(wanted)
    different = [
        f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(
            f"this run began with other settings or data: {'; '.join(different)}. "
            "Resume it as it began, or choose another --out"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
