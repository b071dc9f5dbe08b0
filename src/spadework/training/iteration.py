"""One iteration of training: each player of a system takes its turn."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spadework.draw import Draw
from spadework.sample import Batch
from spadework.systems.base import Progress, System


def make_optimizers(system: System, progress: Progress) -> dict[str, torch.optim.Optimizer]:
    """The paper's optimiser for every player."""
    return {
        player: system.optimizer(player, parameters) for player, parameters in system.players(progress).items()
    }


def iterate(
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    batch: Batch,
    progress: Progress,
    draw: Draw,
    backward: Callable[..., None] = Tensor.backward,
) -> dict[str, Tensor]:
    """Every player's turn: gradients of its losses for its own parameters, one optimiser step; returns all losses.

    `backward(loss, inputs=parameters)` computes the gradients. Raises FloatingPointError at a loss that is not finite,
    before that player learns from it.
    """
    logged: dict[str, Tensor] = {}
    for player, losses in system.turns(batch, progress, draw):
        optimizer = optimizers[player]
        for group in optimizer.param_groups:
            group["lr"] = system.learning_rate(player, progress)

        # Gradients of this player's parameters only; the others are left alone.
        total = torch.stack(list(losses.values())).sum()
        logged.update({name: loss.detach() for name, loss in losses.items()})
        _require_finite(total, logged, player)
        optimizer.zero_grad(set_to_none=True)
        backward(total, inputs=[parameter for group in optimizer.param_groups for parameter in group["params"]])
        optimizer.step()
    return logged


def _require_finite(total: Tensor, losses: dict[str, Tensor], player: str) -> None:
    if torch.isfinite(total):
        return
    values = ", ".join(f"{name} {loss.item():.4g}" for name, loss in losses.items())
    raise FloatingPointError(f"the {player}'s loss is not a finite number ({values})")
