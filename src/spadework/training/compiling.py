"""Networks compiled by torch.compile, in graphs whose shapes stay the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from spadework.layers.decoder import ModulatedDecoder
from spadework.layers.form import use_form
from spadework.semantics import Semantics

OUTSIDE = "present", "windows", "pooled"
"""What Semantics finds out about label maps, in sizes that depend on what is drawn in them."""

VERSIONS = 64
"""Of one function: a block's, for each place in the network, with and without gradients. PyTorch gives up after 8."""


def compile_networks(networks: Iterable[nn.Module]) -> None:
    """Compile each, when it first computes, and for the whole process.

    Windows are as many as a batch's label maps have, so tables by them would be compiled anew for every batch: layers
    compute their dense form instead, and the search in label maps stays outside of what is compiled.
    """
    torch._dynamo.config.recompile_limit = VERSIONS
    for name in OUTSIDE:
        setattr(Semantics, name, torch.compiler.disable(getattr(Semantics, name)))
    for network in networks:
        for part in _parts(use_form(network, "dense")):
            part.compile()


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    """What is compiled as a whole: activations are recomputed from outside of that, block by block."""
    if isinstance(network, ModulatedDecoder) and network.recompute:
        yield from network.blocks
    else:
        yield network
