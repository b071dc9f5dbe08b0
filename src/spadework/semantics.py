"""Semantics: what the networks see of a label map.

A label map is piecewise constant, so what a network sees at a pixel is one of a few vectors. `Semantics` keeps it that
way: `codes` say which vector stands at each pixel, `table` holds the vectors. Layers take a `Semantics` and ask for the
form they need (`dense`, `pooled`), so that a layer may just as well work on the codes.

Shapes: B batch, N codes, K channels, E dense extra channels, H W the label map's size, h w the size asked for.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class Semantics:
    """Codes and their vectors; every size of it is computed once.

    `codes` [B, H, W] int64 in 0..N-1; `table` [N, K] float; `extras` [B, E, H, W] float for systems with truly dense
    inputs, appended after the table's channels.
    """

    def __init__(self, codes: Tensor, table: Tensor, extras: Tensor | None = None) -> None:
        if codes.ndim != 3 or codes.is_floating_point():
            raise ValueError(f"codes must be integers [B, H, W]; got {codes.dtype} {list(codes.shape)}")
        self.codes = codes
        self.table = table
        self.extras = extras
        self._dense: dict[tuple[int, int], Tensor] = {}
        self._pooled: dict[tuple[tuple[int, int], int], Tensor] = {}

    @classmethod
    def from_label_map(
        cls,
        label_map: Tensor,
        classes: int,
        *,
        edges: bool = False,
        instance_map: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Semantics:
        """One-hot semantics, with one more channel for the edges between objects when `edges` is set.

        `label_map` [B, H, W] holds class indices in 0..classes-1. Edges are those of `instance_map` [B, H, W]; without
        one they are the label map's own. The edge channel comes last.
        """
        _check_indices(label_map, classes)
        label_map = label_map.long()
        one_hot = torch.eye(classes, dtype=dtype, device=label_map.device)                                 # [K, K]
        if not edges:
            return cls(label_map, one_hot)

        # Codes 0..classes-1 lie inside an object, codes classes..2*classes-1 on its edge.
        edge = instance_edges(label_map if instance_map is None else instance_map)                         # [B, H, W]
        channel = one_hot.new_zeros(classes, 1)
        table = torch.cat([torch.cat([one_hot, channel], 1), torch.cat([one_hot, channel + 1], 1)])        # [2K, K+1]
        return cls(label_map + classes * edge.long(), table)

    @property
    def channels(self) -> int:
        """Channels of the dense form."""
        return self.table.shape[1] + (0 if self.extras is None else self.extras.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the label map in pixels."""
        return self.codes.shape[-2], self.codes.shape[-1]

    def dense(self, size: tuple[int, int]) -> Tensor:
        """[B, K+E, h, w]: the codes resized by nearest neighbour and looked up; what the papers draw."""
        size = (int(size[0]), int(size[1]))
        if size not in self._dense:
            vectors = self.table[resize_nearest(self.codes, size)].permute(0, 3, 1, 2)                    # [B, K, h, w]
            if self.extras is not None:
                vectors = torch.cat([vectors, resize_nearest(self.extras, size)], 1)
            self._dense[size] = vectors.contiguous()
        return self._dense[size]

    def pooled(self, size: tuple[int, int], times: int) -> Tensor:
        """[B, K+E, h/2^times, w/2^times]: the dense form halved by average pooling, as coarse discriminators see it."""
        if times == 0:
            return self.dense(size)
        key = (int(size[0]), int(size[1])), times
        if key not in self._pooled:
            self._pooled[key] = halve(self.pooled(size, times - 1))
        return self._pooled[key]

    def repeat(self, times: int) -> Semantics:
        """The batch `times` over: [B, ...] becomes [times * B, ...]."""
        extras = None if self.extras is None else self.extras.repeat(times, 1, 1, 1)
        return Semantics(self.codes.repeat(times, 1, 1), self.table, extras)


def instance_edges(instance_map: Tensor) -> Tensor:
    """[B, H, W] bool: pixels whose object id differs from one of their four neighbours'.

    Both sides of a boundary are marked, so a line is two pixels thick; the picture's border is no edge.
    """
    edges = torch.zeros_like(instance_map, dtype=torch.bool)
    beside = instance_map[:, :, 1:] != instance_map[:, :, :-1]                                             # [B, H, W-1]
    above = instance_map[:, 1:, :] != instance_map[:, :-1, :]                                              # [B, H-1, W]
    edges[:, :, 1:] |= beside
    edges[:, :, :-1] |= beside
    edges[:, 1:, :] |= above
    edges[:, :-1, :] |= above
    return edges


def resize_nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """[..., H, W] -> [..., h, w] by taking row floor(i * H/h) and column floor(j * W/w).

    An explicit gather, for any dtype; the same pixels as `torch.nn.functional.interpolate(mode="nearest")`.
    """
    rows = _nearest_indices(maps.shape[-2], size[0], maps.device)
    columns = _nearest_indices(maps.shape[-1], size[1], maps.device)
    return maps[..., rows[:, None], columns]


def halve(x: Tensor, times: int = 1) -> Tensor:
    """[B, C, H, W] -> [B, C, ceil(H/2), ceil(W/2)]: 3x3 mean with stride 2 that leaves out pixels beyond the border."""
    for _ in range(times):
        x = F.avg_pool2d(x, kernel_size=3, stride=2, padding=1, count_include_pad=False)
    return x


def _nearest_indices(source: int, target: int, device: torch.device) -> Tensor:
    if source == target:
        return torch.arange(target, device=device)
    # The ratio and the product are rounded to float32, as torch does it: other precisions differ at some sizes.
    ratio = torch.tensor(source, dtype=torch.float32) / target
    positions = torch.arange(target, dtype=torch.float32) * ratio
    return positions.floor().long().clamp_max(source - 1).to(device)


def _check_indices(label_map: Tensor, classes: int) -> None:
    if label_map.ndim != 3 or label_map.is_floating_point():
        raise ValueError(f"a label map must be integers [B, H, W]; got {label_map.dtype} {list(label_map.shape)}")
    low, high = (int(value) for value in label_map.aminmax()) if label_map.numel() else (0, 0)
    if low < 0 or high >= classes:
        raise ValueError(
            f"the label map holds class indices {low}..{high}, this model has 0..{classes - 1}: "
            "read label maps with the model's ontology (read_label_map), which maps unlabelled ids for you"
        )
