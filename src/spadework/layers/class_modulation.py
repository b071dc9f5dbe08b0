"""Modulation by class alone: one scale and one shift per class, looked up at each pixel.

CLADE (Tan et al. 2021, "Efficient Semantic Image Synthesis via Class-Adaptive Normalization") keeps SPADE's place
and leaves out its convolutions: what a pixel gets depends on its own class, not on the classes around it. Its
positional encoding (CLADE-ICPE) varies both over a region, by the pixel's place in it.

Shapes: B batch, C channels, K classes, N codes that occur, H W the features' size, P = B * H * W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.normalization import Norm, batch_norm
from spadework.layers.tables import as_maps, as_rows, look_up, scale_and_shift, scale_and_shift_by_window
from spadework.semantics import Semantics, Size
from spadework.windows import Windows

POSITIONS = "positions"
"""The map of `Semantics.maps` that holds each pixel's place in its region, [B, 2, H, W] (`regions.positions`)."""


class CLADE(nn.Module):
    """Class-adaptive normalisation: norm(x) * scale[class] + shift[class].

    `channels` C of the features, `classes` K, `norm` makes the parameter-free norm. With `edges` the semantics have one
    more channel, the edges between objects: a number made of it is appended to the features as channel C + 1. With
    `positions` scale and shift are multiplied by 1 + a linear function of the pixel's position each.

    There is no "1 +" before the scale, unlike in SPADE: scales begin uniformly in [0, 1).
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        norm: Norm = batch_norm,
        edges: bool = False,
        positions: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = channels + edges
        self.norm = norm(channels)
        self.affine = ClassAffine(classes, channels)
        self.edge = nn.Conv2d(1, 1, 1) if edges else None
        self.position_scale = nn.Conv2d(2, 1, 1) if positions else None
        self.position_shift = nn.Conv2d(2, 1, 1) if positions else None

    def forward(self, x: Tensor, semantics: Semantics | Tensor) -> Tensor:
        """`x` [B, C, H, W]; `semantics` of any size, or an integer label map [B, H', W'] of class indices."""
        if isinstance(semantics, Tensor):
            weight, edges = self.affine.weight, self.edge is not None
            semantics = Semantics.from_label_map(semantics, len(weight), edges=edges, dtype=weight.dtype)

        size = (x.shape[-2], x.shape[-1])
        codes = semantics.present(size)
        classes = self.classes(semantics, codes)
        scale, shift = self.affine.weight[classes], self.affine.bias[classes]                   # [N, C] each
        modulated = scale_and_shift_by_window(self.norm(x), scale, shift, codes, self.factors(semantics, size))
        if self.edge is None:
            return modulated                                                                    # [B, C, H, W]
        return torch.cat([modulated, self.edge_map(semantics, codes).to(modulated.dtype)], 1)   # [B, C+1, H, W]

    def classes(self, semantics: Semantics, codes: Windows) -> Tensor:
        """[N]: the class of each code; that of a code without class is 0."""
        of_codes = semantics.table[:, : len(self.affine.weight)].argmax(1)
        return of_codes[codes.values[:, 0].long() - 1]

    def edge_map(self, semantics: Semantics, codes: Windows) -> Tensor:
        """[B, 1, H, W]: the channel that is made of the edges."""
        assert self.edge is not None
        edges = semantics.table[:, -1].to(self.edge.weight.dtype)[codes.values[:, 0].long() - 1]        # [N]
        return look_up(self.edge(edges[:, None, None, None]).flatten(1), codes)

    def factors(self, semantics: Semantics, size: Size) -> Tensor | None:
        """[2, P]: what each pixel's position multiplies scale and shift by."""
        if self.position_scale is None or self.position_shift is None:
            return None
        if POSITIONS not in semantics.maps:
            raise ValueError(
                "this layer wants each pixel's position: give a Semantics, with regions.positions of its label maps "
                f"[B, 2, H, W] as maps[{POSITIONS!r}]"
            )
        positions = semantics.resized_map(POSITIONS, size).to(self.position_scale.weight.dtype)         # [B, 2, H, W]
        both = torch.cat([self.position_scale(positions), self.position_shift(positions)], 1)
        return 1 + both.transpose(0, 1).flatten(1)


class ClassAffine(nn.Module):
    """The scale (`weight`) and shift (`bias`) of each class, [K, C]."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(classes, channels))
        self.bias = nn.Parameter(torch.zeros(classes, channels))


class FoldedCLADE(nn.Module):
    """CLADE and the leaky ReLU behind it, for inference: running statistics go into the table where they can."""

    scale: Tensor
    shift: Tensor

    def __init__(self, layer: CLADE, dtype: torch.dtype, apply: Callable[..., Tensor] = scale_and_shift) -> None:
        super().__init__()
        self.layer = layer
        self.apply_rows = apply

        # (x - mean) / deviation * scale + shift, as one multiplication and one addition.
        norm = cast(nn.BatchNorm2d, layer.norm)
        scale, shift = layer.affine.weight.detach(), layer.affine.bias.detach()
        self.folds_norm = layer.position_scale is None and getattr(norm, "running_mean", None) is not None
        if self.folds_norm:
            assert norm.running_mean is not None and norm.running_var is not None
            scale = scale * torch.rsqrt(norm.running_var + norm.eps)
            shift = shift - norm.running_mean * scale
        self.register_buffer("scale", scale.to(dtype))
        self.register_buffer("shift", shift.to(dtype))

    def gamma_beta(self, semantics: Semantics, size: Size) -> tuple[Tensor, Tensor]:
        """Scale and shift of each code that occurs, [N, C] each: what the paper calls gamma and beta."""
        classes = self.layer.classes(semantics, semantics.present(size))
        return self.layer.affine.weight[classes], self.layer.affine.bias[classes]

    def forward(self, x: Tensor, semantics: Semantics, *, slope: float = 1.0, overwrite: bool = False) -> Tensor:
        """`x` [B, C, H, W]; `slope` of the leaky ReLU; the result may take x's memory when `overwrite` is set."""
        size = (x.shape[-2], x.shape[-1])
        codes = semantics.present(size)
        classes = self.layer.classes(semantics, codes)
        factors = self.layer.factors(semantics, size)
        if not self.folds_norm:
            x, overwrite = self.layer.norm(x), True

        rows, ids = as_rows(x), codes.ids.flatten()                                             # [P, C], [P]
        table = self.scale[classes], self.shift[classes]
        modulated = self.apply_rows(
            rows, *table, ids, factors=factors, slope=slope, out=rows if overwrite else None
        )
        if self.layer.edge is None:
            return as_maps(modulated, x)                                                        # [B, C, H, W]
        edges = as_rows(self.layer.edge_map(semantics, codes))
        edges = F.leaky_relu(edges, slope).to(modulated.dtype)                                  # [P, 1]
        return as_maps(torch.cat([modulated, edges], 1), x)                                     # [B, C+1, H, W]
