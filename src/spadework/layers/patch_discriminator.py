"""Patch discriminators: each logit judges a patch of photo and label map together.

The multi-scale discriminator of pix2pixHD (Wang et al. 2018) as SPADE uses it, and the two alternatives that SPADE's
authors tried: residual blocks, and SPADE inside the discriminator.

Shapes: B batch, K semantic channels, H W the photo's size, H/s W/s the size at one scale, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from spadework.layers.blocks import ConvLayer, ResidualDown, leaky_relu
from spadework.layers.modulation import SPADE
from spadework.layers.normalization import Norm, instance_norm
from spadework.layers.semantic_convolution import SemanticConv2d
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics, halve


class MultiscaleDiscriminator(nn.Module):
    """Several discriminators with weights of their own; number s sees the photo halved s times."""

    def __init__(self, scales: Iterable[nn.Module]) -> None:
        super().__init__()
        self.scales = nn.ModuleList(scales)

    def forward(self, semantics: Semantics, photo: Tensor) -> list[list[Tensor]]:
        """Per scale the outputs of all layers, the logits last; `photo` [B, 3, H, W] in [-1, 1]."""
        return [scale(semantics, photo) for scale in self.scales]


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): `layers` 4x4 convolutions, all but the last with stride 2, and one for the logits.

    Spectral norm and `norm` stand on the convolutions between the first and the one for the logits. (The paper says
    spectral norm on all; this is what was released.) `level`: how often the input is halved first.
    """

    def __init__(
        self,
        semantic_channels: int,
        *,
        level: int = 0,
        width: int = 64,
        layers: int = 4,
        norm: Norm | None = instance_norm,
    ) -> None:
        super().__init__()
        self.level = level
        channels = _channels(width, layers)
        first = ConvLayer(semantic_channels + 3, width, 4, stride=2, padding=2, convolution=SemanticConv2d)
        middle = [
            ConvLayer(before, after, 4, stride=stride, padding=2, norm=norm)
            for before, after, stride in _steps(channels)
        ]
        last = ConvLayer(channels[-1], 1, 4, stride=1, padding=2, convolution=nn.Conv2d)
        self.layers = nn.ModuleList([first, *middle, last])

    def forward(self, semantics: Semantics, photo: Tensor) -> list[Tensor]:
        outputs = [leaky_relu(self.layers[0](*_halved(semantics, photo, self.level)))]      # [B, C, ...]
        for layer in self.layers[1:-1]:
            outputs.append(leaky_relu(layer(outputs[-1])))                                  # [B, C, ...]
        return [*outputs, self.layers[-1](outputs[-1])]                                     # logits [B, 1, ...]


class ResidualPatchDiscriminator(nn.Module):
    """A patch discriminator of residual blocks; the same widths and strides.

    The paper names the experiment without its details: block and widths here are ours, after Miyato et al. 2018.
    """

    def __init__(self, semantic_channels: int, *, level: int = 0, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        self.level = level
        channels = _channels(width, layers)
        first = ConvLayer(semantic_channels + 3, width, 4, stride=2, padding=2, convolution=SemanticConv2d)
        middle = [ResidualDown(before, after, stride=stride) for before, after, stride in _steps(channels)]
        last = ConvLayer(channels[-1], 1, 4, stride=1, padding=2, convolution=nn.Conv2d)
        self.layers = nn.ModuleList([first, *middle, last])

    def forward(self, semantics: Semantics, photo: Tensor) -> list[Tensor]:
        outputs = [self.layers[0](*_halved(semantics, photo, self.level))]                  # [B, C, ...]
        for layer in self.layers[1:-1]:
            outputs.append(layer(outputs[-1]))                              # [B, C, ...], not yet activated
        return [*outputs, self.layers[-1](leaky_relu(outputs[-1]))]         # logits [B, 1, ...]


class SpadePatchDiscriminator(nn.Module):
    """A patch discriminator that sees the photo alone and takes the map in through SPADE layers.

    The paper names the experiment without its details: each inner convolution's norm became a SPADE layer here.
    """

    def __init__(
        self,
        semantic_channels: int,
        *,
        level: int = 0,
        width: int = 64,
        layers: int = 4,
        norm: Norm = instance_norm,
    ) -> None:
        super().__init__()
        self.level = level
        channels = _channels(width, layers)
        self.first = nn.Conv2d(3, width, 4, stride=2, padding=2)
        self.convolutions = nn.ModuleList(
            SpectralConv2d(before, after, 4, stride=stride, padding=2) for before, after, stride in _steps(channels)
        )
        self.modulations = nn.ModuleList(SPADE(after, semantic_channels, norm=norm) for after in channels[1:])
        self.last = nn.Conv2d(channels[-1], 1, 4, padding=2)

    def forward(self, semantics: Semantics, photo: Tensor) -> list[Tensor]:
        x = leaky_relu(self.first(halve(photo, self.level)))                # [B, C, ...]
        outputs = [x]
        for convolution, modulation in zip(self.convolutions, self.modulations, strict=True):
            x = leaky_relu(modulation(convolution(x), semantics))           # [B, C, ...]
            outputs.append(x)
        return [*outputs, self.last(x)]                                     # logits [B, 1, ...]


def _channels(width: int, layers: int) -> list[int]:
    """Channels after each layer: doubling from `width`, at most 512 (64, 128, 256, 512, 512, ...)."""
    return [width] + [min(width * 2**j, 512) for j in range(1, layers)]


def _steps(channels: list[int]) -> list[tuple[int, int, int]]:
    """(channels before, channels after, stride) of the layers after the first; the last of them keeps the size."""
    strides = [2] * (len(channels) - 2) + [1]
    return list(zip(channels, channels[1:], strides, strict=False))


def _halved(semantics: Semantics, photo: Tensor, times: int) -> tuple[Semantics, Tensor]:
    size = (photo.shape[-2], photo.shape[-1])
    return semantics.pooled(size, times), halve(photo, times)
