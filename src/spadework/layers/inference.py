"""What layers become when their weights are fixed: the same function, made ready once instead of at every call.

Spectral norm goes into the weights, running statistics into the table of scale and shift. The table is kept as long as
the label map is, so other styles and seeds use it again; where something is painted on the map, it grows.

Shapes: B batch, C channels, N distinct windows, M those of the first convolution, K places of a kernel, H W the size of
the features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.blocks import SLOPE, ModulatedBlock
from spadework.layers.class_modulation import CLADE, FoldedCLADE
from spadework.layers.form import Form, Work, choose
from spadework.layers.modulation import SPADE, modulate
from spadework.layers.spectral import fold_spectral_norm
from spadework.layers.tables import as_maps, as_rows, first_table, look_up, scale_and_shift
from spadework.semantics import Semantics, Size
from spadework.windows import Windows, excerpt

CHANNELS = 64
"""Channels whose gamma and beta are computed at a time, so that the products stay in the processor's cache."""

Table = tuple[Tensor, Tensor]
"""Scale and shift, [N, C] each."""


def ready_for_inference(network: nn.Module, dtype: torch.dtype = torch.float32, *, compile: bool = False) -> nn.Module:
    """Replace, in place, what training needs by what generating needs; returns the network or its replacement.

    Blocks of SPADE or CLADE layers compute in `dtype` then. `compile` lets torch.compile fuse look-up, scaling and
    activation.
    """
    network = fold_spectral_norm(network).eval()
    return _ready(network, dtype, torch.compile(_at_once, dynamic=True) if compile else scale_and_shift)


def _ready(network: nn.Module, dtype: torch.dtype, apply: Callable[..., Tensor]) -> nn.Module:
    if isinstance(network, ModulatedBlock) and type(network.norm_0) in FOLDED:
        return FoldedBlock(network, dtype, apply)
    for name, child in network.named_children():
        setattr(network, name, _ready(child, dtype, apply))
    return network


class FoldedBlock(nn.Module):
    """A residual block of SPADE or CLADE layers, for inference. It may overwrite its input."""

    def __init__(
        self, block: ModulatedBlock, dtype: torch.dtype, apply: Callable[..., Tensor] = scale_and_shift
    ) -> None:
        super().__init__()
        def modulation(layer: nn.Module) -> nn.Module:
            return FOLDED[type(layer)](layer, dtype, apply)

        def convolution(layer: nn.Module) -> nn.Module:
            return layer.to(dtype).to(memory_format=torch.channels_last)

        self.dtype = dtype
        self.norm_0, self.norm_1 = modulation(block.norm_0), modulation(block.norm_1)
        self.conv_0, self.conv_1 = convolution(block.conv_0), convolution(block.conv_1)
        self.learned_shortcut = block.learned_shortcut
        if self.learned_shortcut:
            self.norm_s, self.conv_s = modulation(block.norm_s), convolution(block.conv_s)

    def forward(self, x: Tensor, semantics: Semantics) -> Tensor:
        x = x.to(self.dtype)
        h = self.conv_0(self.norm_0(x, semantics, slope=SLOPE))                                 # [B, middle, H, W]
        h = self.conv_1(self.norm_1(h, semantics, slope=SLOPE, overwrite=True))                 # [B, out, H, W]
        shortcut = self.conv_s(self.norm_s(x, semantics, overwrite=True)) if self.learned_shortcut else x
        return h.add_(shortcut)


class FoldedSPADE(nn.Module):
    """SPADE and the leaky ReLU behind it, for inference."""

    weight: Tensor
    bias: Tensor
    form: Form = "auto"

    def __init__(self, layer: SPADE, dtype: torch.dtype, apply: Callable[..., Tensor] = scale_and_shift) -> None:
        super().__init__()
        self.dtype = dtype
        self.form = layer.form
        self.channels = layer.out_channels
        self.layer = layer.layer
        self.shared = layer.shared
        self.norm = layer.norm
        self.apply_rows = apply
        self._convolution: Tensor | None = None

        # Weights by block of channels, gamma beside beta: [blocks, hidden, K * 2 * channels].
        weight, bias = layer.gamma_beta()
        self.step = CHANNELS if self.channels % CHANNELS == 0 else self.channels
        blocks = weight.view(2, -1, self.step, *weight.shape[1:]).permute(1, 3, 4, 5, 0, 2).flatten(2)
        self.register_buffer("weight", blocks.to(dtype, memory_format=torch.contiguous_format))
        self.register_buffer("bias", bias.view(2, -1))

    def forward(self, x: Tensor, semantics: Semantics, *, slope: float = 1.0, overwrite: bool = False) -> Tensor:
        """`x` [B, C, H, W]; `slope` of the leaky ReLU; the result may take x's memory when `overwrite` is set."""
        size = (x.shape[-2], x.shape[-1])
        work = Work(len(x) * size[0] * size[1], self.channels, self.shared.out_channels, self.layer[0])
        form = choose(self.form, semantics, size, self.layer, work, dtype=self.dtype)
        if form != "windows":
            return self._by_convolution(x, semantics, size, form, slope)

        # One row of scale and shift per distinct window.
        scale, shift = self.table(semantics, size)
        if not self._folds_norm:
            x, overwrite = self.norm(x), True
        rows = as_rows(x)                                                                       # [B*H*W, C]
        ids = semantics.windows(size, self.layer, self.layer).ids.flatten()
        return as_maps(self.apply_rows(rows, scale, shift, ids, slope=slope, out=rows if overwrite else None), x)

    def table(self, semantics: Semantics, size: Size) -> Table:
        """x * scale + shift is SPADE's result at a pixel with this window, running statistics included."""
        first, second = semantics.windows(size, self.layer), semantics.windows(size, self.layer, self.layer)

        def extended(old: Table) -> Table:
            if len(old[0]) == len(second):
                return old
            new = self._rows(semantics.vectors(size), *excerpt(first, second, len(old[0])))
            return torch.cat([old[0], new[0]]), torch.cat([old[1], new[1]])

        extend = extended if semantics.continues(size, self.layer, self.layer) else None
        return semantics.keep((self, size), lambda: self._rows(semantics.vectors(size), first, second), extend)

    def gamma_beta(self, semantics: Semantics, size: Size) -> Table:
        """gamma and beta of each distinct window, [N, C] each: what SPADE does there, statistics aside."""
        scale, shift = self.table(semantics, size)
        if not self._folds_norm:
            return scale - 1, shift
        norm = cast(nn.BatchNorm2d, self.norm)
        assert norm.running_mean is not None and norm.running_var is not None
        return scale * torch.sqrt(norm.running_var + norm.eps) - 1, shift + norm.running_mean * scale

    def _rows(self, vectors: Tensor, first: Windows, second: Windows) -> Table:
        hidden = F.pad(self._hidden(vectors, first), (0, 0, 1, 0))                              # [1+M, hidden]

        # One product per window of the first convolution and place in the second, then sums of K of them.
        scale, shift = (hidden.new_empty(len(second), self.channels) for _ in range(2))
        products = hidden.new_empty(len(hidden), self.weight.shape[2])
        for weight, start in zip(self.weight, range(0, self.channels, self.step), strict=True):
            torch.mm(hidden, weight, out=products)
            sums = F.embedding_bag(second.slots, products.view(-1, 2 * self.step), mode="sum")
            here = slice(start, start + self.step)
            gamma, beta = sums.to(self.bias.dtype).chunk(2, 1)
            scale[:, here], shift[:, here] = self._folded(gamma, beta, here)
        return scale, shift

    def _hidden(self, vectors: Tensor, windows: Windows) -> Tensor:
        assert self.shared.bias is not None
        return F.relu(first_table(vectors, self.shared.weight, windows) + self.shared.bias).to(self.dtype)

    def _folded(self, gamma: Tensor, beta: Tensor, channels: slice) -> Table:
        """(x - mean) / deviation * (1 + gamma) + beta, as one multiplication and one addition."""
        scale = gamma + (1 + self.bias[0, channels])
        shift = beta + self.bias[1, channels]
        if self._folds_norm:
            norm = cast(nn.BatchNorm2d, self.norm)
            assert norm.running_mean is not None and norm.running_var is not None
            scale *= torch.rsqrt(norm.running_var[channels] + norm.eps)
            shift -= norm.running_mean[channels] * scale
        return scale, shift

    @property
    def _folds_norm(self) -> bool:
        """Whether the norm's statistics are fixed; those of instance, group and layer norm are each picture's own."""
        return getattr(self.norm, "running_mean", None) is not None

    def _by_convolution(self, x: Tensor, semantics: Semantics, size: Size, form: Form, slope: float) -> Tensor:
        """With the second convolution dense, and the first where `form` says so."""
        if form == "dense":
            hidden = F.relu(self.shared(semantics.dense(size))).to(self.dtype)                  # [B, hidden, H, W]
        else:
            windows = semantics.windows(size, self.layer)
            hidden = look_up(self._hidden(semantics.vectors(size), windows), windows)
        if self._convolution is None or self._convolution.device != x.device:
            places = self.layer[0], self.layer[0]
            weight = self.weight.unflatten(2, (*places, 2, -1)).permute(4, 0, 5, 1, 2, 3).flatten(0, 2)
            self._convolution = weight.contiguous(memory_format=torch.channels_last)            # [2C, hidden, k, k]
        gamma_beta = F.conv2d(hidden, self._convolution, self.bias.flatten().to(self.dtype), padding=self.layer[2])
        modulated = modulate(self.norm(x), *gamma_beta.chunk(2, 1))
        return modulated if slope == 1.0 else F.leaky_relu_(modulated, slope)


FOLDED: dict[type[nn.Module], Callable[..., nn.Module]] = {SPADE: FoldedSPADE, CLADE: FoldedCLADE}
"""What each kind of modulation becomes."""


def _at_once(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    ids: Tensor,
    *,
    factors: Tensor | None = None,
    slope: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """`scale_and_shift` without chunks, for torch.compile to make one loop of it."""
    scales, shifts = scale[ids], shift[ids]
    if factors is not None:
        scales, shifts = scales * factors[0, :, None].to(x.dtype), shifts * factors[1, :, None].to(x.dtype)
    result = x * scales + shifts
    return result if slope == 1.0 else F.leaky_relu(result, slope)
