"""Modulation: normalise the features, then scale and shift them by what is wanted there.

SPADE (Park et al. 2019, "Semantic Image Synthesis with Spatially-Adaptive Normalization", section 3) learns scale and
shift as functions of the label map. Conditional batch norm and AdaIN are its special cases with one scale and shift per
picture.

Shapes: B batch, C channels, K semantic channels, N hidden channels, H W the features' size, Z style size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.normalization import Norm, batch_norm, instance_norm
from spadework.semantics import Semantics


class SPADE(nn.Module):
    """Spatially-adaptive normalisation: norm(x) * (1 + gamma(m)) + beta(m), Eq. 1 of the paper.

    `channels` C of the features, `semantic_channels` K of the semantics. `norm` makes the parameter-free norm,
    `kernel_size` (1, 3, 5) and `hidden` shape the two-layer network that turns the map into gamma and beta.

    The paper writes gamma * norm(x) + beta; 1 + gamma is what was trained and released, and starts as the identity.
    """

    def __init__(
        self,
        channels: int,
        semantic_channels: int,
        *,
        norm: Norm = batch_norm,
        kernel_size: int = 3,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"SPADE's kernel size must be odd (1, 3 or 5); got {kernel_size}")
        padding = kernel_size // 2
        self.out_channels = channels
        self.norm = norm(channels)
        self.shared = nn.Conv2d(semantic_channels, hidden, kernel_size, padding=padding)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=padding)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=padding)

    def forward(self, x: Tensor, semantics: Semantics | Tensor) -> Tensor:
        """`x` [B, C, H, W]; `semantics` of any size, or an integer label map [B, H', W'] of class indices."""
        if isinstance(semantics, Tensor):
            weight = self.shared.weight
            semantics = Semantics.from_label_map(semantics, weight.shape[1], dtype=weight.dtype)

        m = semantics.dense((x.shape[-2], x.shape[-1]))                         # [B, K, H, W]
        hidden = F.relu(self.shared(m))                                         # [B, N, H, W]
        gamma, beta = self._gamma_beta(hidden)                                  # [B, C, H, W] each
        return modulate(self.norm(x), gamma, beta)                              # [B, C, H, W]

    def _gamma_beta(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """Both convolutions as one, which reads the hidden map once."""
        assert self.gamma.bias is not None and self.beta.bias is not None
        weight = torch.cat([self.gamma.weight, self.beta.weight])
        bias = torch.cat([self.gamma.bias, self.beta.bias])
        return F.conv2d(hidden, weight, bias, padding=self.gamma.padding).chunk(2, dim=1)


class Concat(nn.Module):
    """The paper's baseline "w/ Concat" (Table 3): the map is appended to the normalised features instead."""

    def __init__(self, channels: int, semantic_channels: int, *, norm: Norm = batch_norm) -> None:
        super().__init__()
        self.out_channels = channels + semantic_channels
        self.norm = norm(channels)

    def forward(self, x: Tensor, semantics: Semantics) -> Tensor:
        return torch.cat([self.norm(x), semantics.dense((x.shape[-2], x.shape[-1]))], 1)      # [B, C+K, H, W]


class Unmodulated(nn.Module):
    """A parameter-free norm that looks at no map; takes one so that it can stand where modulation stands."""

    def __init__(self, channels: int, *, norm: Norm = batch_norm) -> None:
        super().__init__()
        self.out_channels = channels
        self.norm = norm(channels)

    def forward(self, x: Tensor, semantics: Semantics) -> Tensor:
        return self.norm(x)                                                     # [B, C, H, W]


class ConditionalBatchNorm(nn.Module):
    """Batch norm with one scale and shift per class of picture (Dumoulin et al. 2016, de Vries et al. 2017).

    The special case of SPADE whose map is the picture's class everywhere (section 3 of the paper).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = batch_norm(channels)
        self.gamma = nn.Embedding(classes, channels)
        self.beta = nn.Embedding(classes, channels)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """`x` [B, C, H, W]; `label` [B]: the class of each picture."""
        return modulate(self.norm(x), _everywhere(self.gamma(label)), _everywhere(self.beta(label)))


class AdaIN(nn.Module):
    """Adaptive instance norm: one scale and shift per picture, from its style (Huang & Belongie 2017).

    The special case of SPADE with instance norm whose map is the style vector everywhere (section 3 of the paper).
    """

    def __init__(self, channels: int, style_size: int, *, hidden: int = 128) -> None:
        super().__init__()
        self.norm = instance_norm(channels)
        self.shared = nn.Linear(style_size, hidden)
        self.gamma = nn.Linear(hidden, channels)
        self.beta = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`x` [B, C, H, W]; `style` [B, Z]."""
        hidden = F.relu(self.shared(style))                                     # [B, N]
        return modulate(self.norm(x), _everywhere(self.gamma(hidden)), _everywhere(self.beta(hidden)))


def modulate(normalized: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """normalized * (1 + gamma) + beta, all [B, C, H, W] or broadcast to it."""
    return normalized * (1 + gamma) + beta


def _everywhere(vector: Tensor) -> Tensor:
    return vector[:, :, None, None]                                             # [B, C] -> [B, C, 1, 1]
