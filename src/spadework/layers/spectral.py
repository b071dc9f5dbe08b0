"""Spectral normalisation (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks").

A spectral-normed convolution divides its weight by an estimate of its largest singular value. The layers here keep the
raw weight under `weight`, beside the two vectors `weight_u` and `weight_v` of the power iteration, so keys stay plain.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _SpectralNorm(nn.Module):
    """What both convolutions share: W is the weight reshaped to [out, rest]."""

    weight: Tensor
    weight_u: Tensor
    weight_v: Tensor
    output_dimension = 0

    def _start_power_iteration(self) -> None:
        rows, columns = self._matrix().shape
        self.register_buffer("weight_u", _unit(torch.randn(rows)))
        self.register_buffer("weight_v", _unit(torch.randn(columns)))
        self.settle()

    @torch.no_grad()
    def settle(self, iterations: int = 15) -> None:
        """Power iterations for a weight that changed by other means than training: a fresh or an averaged one."""
        if self.weight.is_meta:
            return  # nothing to iterate on
        for _ in range(iterations):
            self._iterate()

    def _iterate(self) -> None:
        matrix = self._matrix()
        self.weight_v.copy_(_unit(matrix.t() @ self.weight_u))
        self.weight_u.copy_(_unit(matrix @ self.weight_v))

    def _matrix(self) -> Tensor:
        return self.weight.transpose(0, self.output_dimension).flatten(1)

    def normalized_weight(self) -> Tensor:
        """weight / sigma with sigma = u^T W v; one power iteration comes first in training, also under no_grad.

        Always in the weight's own precision, whatever autocast asks for around it.
        """
        with torch.autocast(self.weight.device.type, enabled=False):
            return self._normalized_weight()

    def _normalized_weight(self) -> Tensor:
        if self.training:
            with torch.no_grad():
                self._iterate()

        # Copies, because a later forward moves u and v before this one's backward may need them.
        u, v = self.weight_u.clone(), self.weight_v.clone()
        sigma = torch.dot(u, self._matrix() @ v)
        return self.weight / sigma


class SpectralConv2d(_SpectralNorm, nn.Conv2d):
    """`nn.Conv2d` with a spectral-normed weight."""

    def __init__(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]  # nn.Conv2d's own signature
        super().__init__(*args, **kwargs)
        self._start_power_iteration()

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.normalized_weight(), self.bias)


class SpectralConvTranspose2d(_SpectralNorm, nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a spectral-normed weight; its output channels are the weight's second dimension."""

    output_dimension = 1

    def __init__(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]  # nn.ConvTranspose2d's own signature
        super().__init__(*args, **kwargs)
        self._start_power_iteration()

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size is not None:
            raise ValueError("give output_padding to the constructor instead of output_size")
        return F.conv_transpose2d(
            x,
            self.normalized_weight(),
            self.bias,
            self.stride,
            self.padding,  # type: ignore[arg-type]  # a transposed convolution has no padding by name
            self.output_padding,
            self.groups,
            self.dilation,
        )


def settle_spectral_norm(network: nn.Module) -> None:
    """`settle` every spectral-normed convolution of a network."""
    for module in network.modules():
        if isinstance(module, _SpectralNorm):
            module.settle()


@torch.no_grad()
def fold_spectral_norm(network: nn.Module) -> nn.Module:
    """Replace every spectral-normed convolution, in place, by a plain one with the same function in eval mode.

    Returns the network, or its replacement where it is such a convolution itself.
    """
    if isinstance(network, SpectralConv2d):
        return _folded(network, nn.Conv2d)
    if isinstance(network, SpectralConvTranspose2d):
        return _folded(network, nn.ConvTranspose2d, "output_padding")
    for name, child in network.named_children():
        setattr(network, name, fold_spectral_norm(child))
    return network


def _folded(
    layer: SpectralConv2d | SpectralConvTranspose2d, plain: type[nn.Conv2d] | type[nn.ConvTranspose2d], *more: str
) -> nn.Module:
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    options: dict[str, Any] = {name: getattr(layer, name) for name in (*names, *more)}
    folded = plain(**options, bias=layer.bias is not None, device="meta")
    folded.weight = nn.Parameter(layer.eval().normalized_weight(), layer.weight.requires_grad)
    folded.bias = layer.bias
    return folded.eval()


def _unit(vector: Tensor) -> Tensor:
    return F.normalize(vector, dim=0, eps=1e-12)
