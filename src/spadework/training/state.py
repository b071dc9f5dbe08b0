"""What a training goes on from: the state in a checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from spadework.systems.base import Recipe, System
from spadework.training.average import WeightAverage
from spadework.training.beginning import Begun
from spadework.training.freezing import under


def make_average(system: System, recipe: Recipe, begun: Begun | None = None) -> WeightAverage | None:
    """The moving average, at the system's weights, or at the averages of what it began with."""
    if not recipe.average:
        return None
    average = WeightAverage(inference_networks(system), recipe.average, warm_up=recipe.average_warm_up)
    average.fixed = frozenset(key for key in average.module.state_dict() if under(key, system.frozen))
    if begun is not None and begun.averages:
        average.load_state_dict({"updates": begun.origin.updates, "weights": begun.averages})
    return average


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
