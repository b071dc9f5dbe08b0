"""Networks compiled by torch.compile, in graphs whose shapes stay the same."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from spadework.layers.decoder import ModulatedDecoder
from spadework.layers.form import use_form
from spadework.semantics import Semantics

OUTSIDE = "present", "windows", "pooled"
"""What Semantics finds out about label maps, in sizes that depend on what is drawn in them."""


def compile_networks(networks: Iterable[nn.Module]) -> None:
    """Compile each, when it first computes, and for the whole process.

    Windows are as many as a batch's label maps have, so tables by them would be compiled anew for every batch: layers
    compute their dense form instead, and the search in label maps stays outside of what is compiled. A network that
    recomputes its activations is left as it is: what is cached of a label map makes another graph the second time.
    """
    for name in OUTSIDE:
        setattr(Semantics, name, torch.compiler.disable(getattr(Semantics, name)))
    for network in networks:
        if not (isinstance(network, ModulatedDecoder) and network.recompute):
            use_form(network, "dense").compile()
