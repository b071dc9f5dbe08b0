"""A tiny OASIS for tests: quick to build and train, and lively, so that whatever goes in shows in what comes out."""

from __future__ import annotations

from typing import Any

import torch

from spadework.systems.oasis import Oasis, OasisConfig
from tests import tiny


def config(**changes: Any) -> OasisConfig:
    small = {"height": 64, "width": 64, "style_size": 6, "generator_width": 4, "hidden": 8, "norm": "batch"}
    small |= {"discriminator_width": 4, "discriminator_layers": 4}
    return OasisConfig(**{"classes": 5, **small, **changes})


def lively(**changes: Any) -> Oasis:
    """In eval mode, with settled statistics."""
    torch.manual_seed(0)
    system = tiny.lively(Oasis(config(**changes)))
    assert isinstance(system, Oasis)
    return system
