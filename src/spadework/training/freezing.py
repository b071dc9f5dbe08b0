"""Parts of a system that do not learn: whole networks, or what lies under a name such as `generator.blocks.0`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spadework.systems.base import System


def under(name: str, prefixes: Iterable[str]) -> bool:
    """Whether a dotted name is one of the prefixes, or lies under one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def freeze(system: System, names: Sequence[str]) -> None:
    """Keep parts as they are: their weights, and also their running statistics and power iterations.

    Their norms go by the statistics that they came with, in training as in use. Raises ValueError, and freezes nothing,
    for a name that no weight has, and where nothing would be left to learn.
    """
    parameters = {
        f"{network}.{key}": parameter
        for network, module in system.networks.items()
        for key, parameter in module.named_parameters()
    }
    for name in names:
        if not any(under(parameter, [name]) for parameter in parameters):
            raise ValueError(
                f"--freeze {name}: no weight is called so; give {', '.join(system.networks)}, or the beginning of a "
                f"weight's name such as {next(iter(parameters)).rpartition('.')[0]}"
            )
    frozen = [name for name in parameters if under(name, names)]
    if len(frozen) == len(parameters):
        raise ValueError(f"--freeze {' '.join(names)}: nothing is left to learn; leave one of them out")
    for name in frozen:
        parameters[name].requires_grad_(False)
    system.frozen = tuple(names)
    system.train(system.training)
