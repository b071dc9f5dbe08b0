"""How weights begin: as the released models of the family did, or as their papers say."""

from __future__ import annotations

import torch
from torch import nn

from spadework.layers.spectral import SpectralConv2d, SpectralConvTranspose2d, settle_spectral_norm


@torch.no_grad()
def initialize(network: nn.Module, *, everywhere: bool, gain: float = 0.02) -> None:
    """Glorot with gain 0.02 (unless given) for weights, 0 for biases, N(1, 0.02) for the scales of batch norms.

    Unless `everywhere`, spectral-normed convolutions keep PyTorch's own weights: in the original training the
    initialisation never reached them once the network was on a GPU, and so the released models began.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if everywhere or not isinstance(module, SpectralConv2d | SpectralConvTranspose2d):
                nn.init.xavier_normal_(module.weight, gain=gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    settle_spectral_norm(network)
