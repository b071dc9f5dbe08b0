"""Spectral normalisation (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks").

A spectral-normed convolution divides its weight by an estimate of its largest singular value. The layers here keep the
raw weight under `weight`, beside the two vectors `weight_u` and `weight_v` of the power iteration, so keys stay plain.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


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
            u, v = self._vectors()
            return self.weight / torch.dot(u, self._matrix() @ v)

    @torch.no_grad()
    def _vectors(self) -> tuple[Tensor, Tensor]:
        """u and v for one forward; copies, because a later forward moves them before this one's backward is over."""
        if self.training:
            self._iterate()
        return self.weight_u.clone(), self.weight_v.clone()

    def _convolve(self, x: Tensor, bias: Tensor | None, **options: Any) -> Tensor:
        """The convolution with the normalized weight, which need not exist: results are divided instead."""
        with torch.autocast(self.weight.device.type, enabled=False):
            u, v = self._vectors()
            sigma = torch.dot(u, self._matrix().detach() @ v)
        return _DividedConvolution.apply(x, self.weight, bias, sigma, u, v, options)


class SpectralConv2d(_SpectralNorm, nn.Conv2d):
    """`nn.Conv2d` with a spectral-normed weight."""

    def __init__(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]  # nn.Conv2d's own signature
        super().__init__(*args, **kwargs)
        self._start_power_iteration()

    def forward(self, x: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros" or isinstance(padding, str):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x, padding = F.pad(x, self._reversed_padding_repeated_twice, mode), (0, 0)
        options = {"stride": self.stride, "padding": padding, "dilation": self.dilation, "groups": self.groups}
        return self._convolve(x, self.bias, **options, transposed=False, output_padding=(0, 0))


class SpectralConvTranspose2d(_SpectralNorm, nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a spectral-normed weight; its output channels are the weight's second dimension."""

    output_dimension = 1

    def __init__(self, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]  # nn.ConvTranspose2d's own signature
        super().__init__(*args, **kwargs)
        self._start_power_iteration()

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size is not None:
            raise ValueError("give output_padding to the constructor instead of output_size")
        options = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        return self._convolve(x, self.bias, **options, transposed=True, output_padding=self.output_padding)


class _DividedConvolution(torch.autograd.Function):
    """conv(x, weight / sigma) + bias with sigma = u^T W v, as (conv(x, weight) + sigma * bias) / sigma.

    Results are smaller than weights where channels are many, and weight / sigma is neither computed nor kept. With G
    the gradient of the normalized weight, the gradient of the weight is G / sigma - <G, W> / sigma^2 * u v^T.
    """

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, sigma: Tensor, u: Tensor, v: Tensor, options: Any
    ) -> Tensor:
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        context.options = options
        context.input_dtype = x.dtype
        x = x.to(dtype)
        context.save_for_backward(x, weight, sigma, u, v)
        scaled_bias = None if bias is None else (bias * sigma).to(dtype)
        with torch.autocast(device, enabled=False):
            return torch.convolution(x, weight.to(dtype), scaled_bias, **options).div_(sigma)

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, sigma, u, v = context.saved_tensors
        wanted = context.needs_input_grad[:3]
        gradient = gradients[0].to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):
            to_x, to_weight, to_bias = torch.ops.aten.convolution_backward(
                *(gradient, x, weight.to(x.dtype), [u.numel()] if wanted[2] else None),
                **context.options,
                output_mask=wanted,
            )
        if to_x is not None:
            to_x = to_x.div_(sigma).to(context.input_dtype)
        if to_weight is not None:
            to_weight = to_weight.to(weight.dtype, memory_format=torch.contiguous_format)
            along = torch.dot(to_weight.flatten(), weight.flatten()) / sigma.square()
            output = 1 if context.options["transposed"] else 0
            rows = (u * along).view([-1 if dimension == output else 1 for dimension in range(weight.ndim)])
            columns = v.view([1 if dimension == output else side for dimension, side in enumerate(weight.shape)])
            to_weight = to_weight.div_(sigma).addcmul_(rows, columns, value=-1)
        return to_x, to_weight, None if to_bias is None else to_bias.to(weight.dtype), None, None, None, None


class PowerIterations:
    """Where the power iterations of a network stand, to go back there.

    Pictures that pass a network in several parts would move them more often than the same pictures in one batch.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = [module for module in network.modules() if isinstance(module, _SpectralNorm)]
        vectors = [vector for layer in layers for vector in (layer.weight_u, layer.weight_v)]
        self._before = [(vector, vector.clone()) for vector in vectors]

    @torch.no_grad()
    def go_back(self) -> None:
        """To where they stood when this object was made."""
        for vector, before in self._before:
            vector.copy_(before)


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
