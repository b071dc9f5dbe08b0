"""Weights that do not fit a system: which options would make them fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from spadework.systems.base import System
from spadework.training.origin import Origin


def explain_misfits(misfits: Mapping[str, str], system: System, origin: Origin) -> str:
    """One sentence for weights that do not fit: `misfits` says by name what is wrong with each."""
    name, what = next(iter(misfits.items()))
    more = f" (and {len(misfits) - 1} more)" if len(misfits) > 1 else ""
    parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in misfits))
    cures = [f"give {options}" for options in [_options_that_differ(system, origin)] if options]
    cures.append(f"let what differs begin anew: --fresh {parts}")
    return f"{origin.place}: {name} {what}{more}; {', or '.join(cures)}"


def _options_that_differ(system: System, origin: Origin) -> str:
    """The options of the origin that decide about shapes and are others here, as they would be given."""
    there, here = origin.system.config, system.config
    shapes = _shapes(system, here)
    options = []
    for entry in fields(here):
        value = getattr(there, entry.name)
        if value == getattr(here, entry.name) or entry.name in ("classes", "unlabelled", "height", "width"):
            continue
        try:
            decides = _shapes(system, replace(here, **{entry.name: value})) != shapes
        except ValueError:
            decides = True
        if decides:
            options.append(_as_given(entry.name.replace("_", "-"), value))
    return " ".join(options)


def _as_given(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"


def _shapes(system: System, config: Any) -> dict[str, Any]:
    with torch.device("meta"):
        other = type(system)(config)
    networks = other.networks.items()
    return {f"{name}.{key}": tensor.shape for name, network in networks for key, tensor in network.state_dict().items()}
