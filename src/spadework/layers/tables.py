"""Convolutions of label maps by table: computed once per distinct window, then looked up.

What a convolution makes of a label map at a pixel depends on the window around it alone, and few windows differ. The
numbers are those of the convolution, the gradients too, but no one-hot map and no hidden map exists at full size.

Shapes: B batch, C channels, D output channels, K places of a kernel, H W height and width, N distinct windows, M those
of the layer before.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.windows import Windows

CHUNK = 1024
"""Pixels that a CPU modulates at a time: their looked-up rows stay in its cache."""


def first_table(vectors: Tensor, weight: Tensor, windows: Windows) -> Tensor:
    """[N, D]: the convolution of a map with `weight` [D, C, k, k], without bias, per distinct window.

    `vectors` [1+M, C]: zeros, and what stands for each value of the map. The convolution of a one-hot map is a sum of
    rows of its weight, one for each place of the kernel.
    """
    rows = torch.einsum("nc,dcij->nijd", vectors.to(weight.dtype), weight)                    # [1+M, k, k, D]
    return sum_over_windows(rows.flatten(0, 2), windows)


def next_table(table: Tensor, weight: Tensor, windows: Windows) -> Tensor:
    """[N, D]: the convolution of a map that `table` [M, C] describes with `weight` [D, C, k, k], without bias.

    One product per distinct window of the layer before and place of the kernel, then a sum of k * k of them. Beyond the
    border the map is zero.
    """
    table = F.pad(table, (0, 0, 1, 0))                                                        # [1+M, C]
    products = table @ weight.permute(1, 2, 3, 0).flatten(1)                                  # [1+M, k * k * D]
    return sum_over_windows(products.view(-1, weight.shape[0]), windows)


def sum_over_windows(rows: Tensor, windows: Windows) -> Tensor:
    """[N, D]: the sum of `rows` [(1+M) * K, D], one for each value and place, over each window."""
    return _SumOverWindows.apply(rows, windows)


def look_up(table: Tensor, windows: Windows) -> Tensor:
    """[B, D, H, W]: the row of `table` [N, D] for each pixel's window."""
    return _LookUp.apply(table, windows)


def modulate_by_window(x: Tensor, table: Tensor, windows: Windows) -> Tensor:
    """x * (1 + gamma) + beta, [B, C, H, W], with gamma and beta side by side in `table` [N, 2C]."""
    gamma, beta = table.to(x.dtype).chunk(2, 1)
    return scale_and_shift_by_window(x, 1 + gamma, beta, windows)


def scale_and_shift_by_window(
    x: Tensor, scale: Tensor, shift: Tensor, windows: Windows, factors: Tensor | None = None
) -> Tensor:
    """x * scale + shift, [B, C, H, W], by the rows of `scale` and `shift` [N, C] for each pixel's window.

    `factors` [2, P]: what scale and shift are multiplied by at each of the P = B * H * W pixels. Neither scale nor
    shift exists at full size, now or for the backward pass.
    """
    factors = None if factors is None else factors.to(x.dtype)
    return _ScaleAndShift.apply(x, scale.to(x.dtype), shift.to(x.dtype), factors, windows)


def scale_and_shift(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    ids: Tensor,
    *,
    factors: Tensor | None = None,
    slope: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """x * scale[ids] + shift[ids], pixel by pixel, and a leaky ReLU of that slope: one pass over memory on a CPU.

    `x` and `out` [P, C] (they may be the same), tables [N, C], `ids` [P]; `factors` [2, P] of scale and shift.
    """
    out = torch.empty_like(x) if out is None else out
    chunk = CHUNK if x.device.type == "cpu" else max(1, len(x))
    scales, shifts = x.new_empty(2, min(chunk, len(x)), x.shape[1])
    for start in range(0, len(x), chunk):
        here = ids[start : start + chunk]
        stop = start + len(here)
        torch.index_select(scale, 0, here, out=scales[: len(here)])
        torch.index_select(shift, 0, here, out=shifts[: len(here)])
        if factors is not None:
            scales[: len(here)] *= factors[0, start:stop, None]
            shifts[: len(here)] *= factors[1, start:stop, None]
        result = torch.addcmul(shifts[: len(here)], scales[: len(here)], x[start:stop], out=out[start:stop])
        if slope != 1.0:
            F.leaky_relu_(result, slope)
    return out


def as_rows(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B * H * W, C], a view of memory in the channels-last order."""
    return x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).flatten(0, 2)


def as_maps(rows: Tensor, like: Tensor) -> Tensor:
    """The inverse of `as_rows`, for maps of another's batch and size."""
    batch, _, height, width = like.shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)


class _SumOverWindows(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, windows: Windows) -> Tensor:
        context.windows = windows
        return F.embedding_bag(windows.slots, rows, mode="sum")

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.windows.users.sum(gradients[0].contiguous()), None


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, table: Tensor, windows: Windows) -> Tensor:
        context.windows = windows
        batch, height, width = windows.ids.shape
        rows = table.index_select(0, windows.ids.flatten())
        return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.windows.positions.sum(as_rows(gradients[0])), None


class _ScaleAndShift(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, x: Tensor, scale: Tensor, shift: Tensor, factors: Tensor | None, windows: Windows
    ) -> Tensor:
        rows, scale, shift = as_rows(x), scale.contiguous(), shift.contiguous()
        context.windows = windows
        context.save_for_backward(rows, scale, None if factors is None else shift, factors)
        out = torch.empty_like(x, memory_format=torch.channels_last)
        scale_and_shift(rows, scale, shift, windows.ids.flatten(), factors=factors, out=as_rows(out))
        return out

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, factors = context.saved_tensors
        ids, positions = context.windows.ids.flatten(), context.windows.positions
        gradient = as_rows(gradients[0])
        to_x = scale_and_shift(gradient, scale, torch.zeros_like(scale), ids)
        if factors is None:
            return as_maps(to_x, gradients[0]), positions.sum(gradient * x), positions.sum(gradient), None, None

        # With the factors f and g of each pixel: out = x * f * scale + g * shift.
        f, g = factors[:, :, None]                                                            # [P, 1] each
        shifted = scale_and_shift(gradient, shift, torch.zeros_like(shift), ids)
        to_factors = torch.stack([(to_x * x).sum(1), shifted.sum(1)])                         # [2, P]
        to_scale, to_shift = positions.sum(gradient * x * f), positions.sum(gradient * g)
        return as_maps(to_x * f, gradients[0]), to_scale, to_shift, to_factors, None
