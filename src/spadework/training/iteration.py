"""One iteration of training: each player of a system takes its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from spadework.draw import Draw
from spadework.layers.spectral import PowerIterations
from spadework.sample import Batch
from spadework.systems.base import Progress, System
from spadework.training.processes import Processes

Losses = dict[str, Tensor]


def make_optimizers(system: System, progress: Progress) -> dict[str, torch.optim.Optimizer]:
    """The paper's optimiser for every player, of what is not frozen; a player without any such gets none."""
    learning = {
        player: [parameter for parameter in parameters if parameter.requires_grad]
        for player, parameters in system.players(progress).items()
    }
    return {player: system.optimizer(player, parameters) for player, parameters in learning.items() if parameters}


def iterate(
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    batch: Batch,
    progress: Progress,
    draw: Draw,
    backward: Callable[..., None] = Tensor.backward,
) -> Losses:
    """Every player's turn with a whole batch at once, in one process; see `iterate_in_parts`."""
    return iterate_in_parts(system, optimizers, [(batch, draw)], progress, Processes(), backward)


def iterate_in_parts(
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    parts: Sequence[tuple[Batch, Draw]],
    progress: Progress,
    processes: Processes,
    backward: Callable[..., None] = Tensor.backward,
) -> Losses:
    """Every player's turn: gradients of its losses for its own parameters, one optimiser step; returns all losses.

    The batch of an iteration is divided into equal parts, over `processes` and over this one's `parts`, which are
    computed one after the other. Losses and gradients are means over all parts: those of the whole batch.
    `backward(loss, inputs=parameters)` computes the gradients. Raises FloatingPointError, in all processes, at a loss
    that is not finite anywhere, before that player learns from it.
    """
    logged: Losses = {}
    turns = [system.turns(batch, progress, draw) for batch, draw in parts]
    while losses := _turn(system, optimizers, turns, progress, processes, backward):
        logged |= losses
    return logged


def _turn(
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    turns: Sequence[Iterator[tuple[str, Losses]]],
    progress: Progress,
    processes: Processes,
    backward: Callable[..., None],
) -> Losses:
    """The next player's turn, taken with all parts; its losses, or none when all players had theirs."""
    means: Losses = {}
    player, parameters = "", list[Parameter]()
    begun = PowerIterations(system) if len(turns) > 1 else None
    for number, part in enumerate(turns):
        if begun is not None and number:
            begun.go_back()  # As pictures of one batch, all parts see the same weights.
        player, losses = next(part, ("", {}))
        if not losses:
            continue
        if player in optimizers and not parameters:
            parameters = _prepare(optimizers[player], system.learning_rate(player, progress))

        # Gradients of this player's parameters only; the others are left alone. A frozen player has none.
        if parameters:
            backward(torch.stack(list(losses.values())).sum() / len(turns), inputs=parameters)
        for name, loss in losses.items():
            means[name] = means.get(name, 0) + loss.detach() / len(turns)
    if not means:
        return {}

    means = dict(zip(means, processes.average(torch.stack(list(means.values()))), strict=True))
    _require_finite(means, player)
    if parameters:
        processes.average_gradients(parameters)
        optimizers[player].step()
    return means


def _prepare(optimizer: torch.optim.Optimizer, learning_rate: float) -> list[Parameter]:
    """Ready for new gradients; the parameters that it moves."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _require_finite(losses: Losses, player: str) -> None:
    if torch.isfinite(torch.stack(list(losses.values())).sum()):
        return
    values = ", ".join(f"{name} {loss.item():.4g}" for name, loss in losses.items())
    raise FloatingPointError(f"the {player}'s loss is not a finite number ({values})")
