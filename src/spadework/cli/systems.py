"""`spadework systems`: what there is to train."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import tyro

from spadework.systems import PRESETS, SYSTEMS, VARIANTS


@dataclass(frozen=True)
class Systems:
    """List the systems, their presets and variants."""


def systems(arguments: Sequence[str]) -> None:
    """Print them."""
    tyro.cli(Systems, prog="spadework systems", args=list(arguments))
    for name, system in SYSTEMS.items():
        module = sys.modules[system.__module__]
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        print(f"  presets: {', '.join(PRESETS[name])}")
        print(f"  variants: {', '.join(VARIANTS[name])}")
