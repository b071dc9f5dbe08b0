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

from spadework.layers.form import Form, Work, choose
from spadework.layers.normalization import Norm, batch_norm, instance_norm
from spadework.layers.tables import first_table, look_up, modulate_by_window, next_table
from spadework.semantics import Semantics, Size


class SPADE(nn.Module):
    """Spatially-adaptive normalisation: norm(x) * (1 + gamma(m)) + beta(m), Eq. 1 of the paper.

    `channels` C of the features, `semantic_channels` K of the semantics. `norm` makes the parameter-free norm,
    `kernel_size` (1, 3, 5) and `hidden` shape the two-layer network that turns the map into gamma and beta.

    The paper writes gamma * norm(x) + beta; 1 + gamma is what was trained and released, and starts as the identity.
    """

    form: Form = "auto"
    """How gamma and beta are computed; the numbers are the same."""

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
        self.layer = kernel_size, 1, padding
        self.norm = norm(channels)
        self.shared = nn.Conv2d(semantic_channels, hidden, kernel_size, padding=padding)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=padding)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=padding)

    def forward(self, x: Tensor, semantics: Semantics | Tensor) -> Tensor:
        """`x` [B, C, H, W]; `semantics` of any size, or an integer label map [B, H', W'] of class indices."""
        if isinstance(semantics, Tensor):
            weight = self.shared.weight
            semantics = Semantics.from_label_map(semantics, weight.shape[1], dtype=weight.dtype)

        size = (x.shape[-2], x.shape[-1])
        work = Work(len(x) * size[0] * size[1], self.out_channels, self.shared.out_channels, self.layer[0])
        form = choose(self.form, semantics, size, self.layer, work, dtype=x.dtype)
        if form == "windows":
            return self._by_window(x, semantics, size)

        # As the paper draws it: two convolutions over the map; the first of them may be looked up.
        if form == "dense":
            hidden = F.relu(self.shared(semantics.dense(size)))                 # [B, N, H, W]
        else:
            hidden = look_up(self._hidden_table(semantics, size), semantics.windows(size, self.layer))
        weight, bias = self.gamma_beta()
        both = F.conv2d(hidden, weight, bias, padding=self.layer[2])            # [B, 2C, H, W]
        gamma, beta = both.chunk(2, dim=1)                                      # [B, C, H, W] each
        return modulate(self.norm(x), gamma, beta)                              # [B, C, H, W]

    def _by_window(self, x: Tensor, semantics: Semantics, size: Size) -> Tensor:
        """The same numbers from one row of gamma and beta per distinct window."""
        weight, bias = self.gamma_beta()
        windows = semantics.windows(size, self.layer, self.layer)
        table = next_table(self._hidden_table(semantics, size), weight, windows) + bias        # [windows, 2C]
        return modulate_by_window(self.norm(x), table, windows)                 # [B, C, H, W]

    def _hidden_table(self, semantics: Semantics, size: Size) -> Tensor:
        """[windows of the first convolution, N]: what it makes of each."""
        assert self.shared.bias is not None
        windows = semantics.windows(size, self.layer)
        return F.relu(first_table(semantics.vectors(size), self.shared.weight, windows) + self.shared.bias)

    def gamma_beta(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of both convolutions as one, which reads the hidden map once."""
        assert self.gamma.bias is not None and self.beta.bias is not None
        weight = torch.cat([self.gamma.weight, self.beta.weight])               # [2C, N, k, k]
        return weight, torch.cat([self.gamma.bias, self.beta.bias])


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
