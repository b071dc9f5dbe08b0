"""Semantics: what the networks see of a label map.

A label map is piecewise constant, so what a network sees at a pixel is one of a few vectors. `Semantics` keeps it that
way: `codes` say which vector stands at each pixel, `table` holds the vectors. Layers take a `Semantics` and ask for the
form they need: `dense` is what the papers draw, `windows` are the distinct neighbourhoods that there are.

Shapes: B batch, N codes, K channels, E dense extra channels, H W the label map's size, h w the size asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.windows import Layer, Windows, changed_box, find_windows, grow, update_windows

Size = tuple[int, int]
Kept = TypeVar("Kept")


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
        self.maps: dict[str, Tensor] = {}
        """Dense maps [B, E, H, W], by name, for those layers alone that ask for one (`resized_map`)."""
        self._resized_maps: dict[tuple[str, Size], Tensor] = {}
        self._dense: dict[Size, Tensor] = {}
        self._pooled: dict[tuple[Size, int], Semantics] = {}
        self._repeated: dict[int, Semantics] = {}
        self._kept: dict[Hashable, Any] = {}
        self._once: tuple[Semantics, int] | None = None
        self._before: Semantics | None = None
        self._continued: set[tuple[Size, tuple[Layer, ...]]] = set()
        self._repainted = 0
        self._windows: dict[tuple[Size, tuple[Layer, ...]], Windows] = {}

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
    def size(self) -> Size:
        """Height and width of the label map in pixels."""
        return self.codes.shape[-2], self.codes.shape[-1]

    def dense(self, size: Size) -> Tensor:
        """[B, K+E, h, w]: the codes resized by nearest neighbour and looked up; what the papers draw."""
        size = (int(size[0]), int(size[1]))
        if size not in self._dense:
            vectors = self.table[resize_nearest(self.codes, size)].permute(0, 3, 1, 2)                    # [B, K, h, w]
            if self.extras is not None:
                vectors = torch.cat([vectors, resize_nearest(self.extras, size)], 1)
            self._dense[size] = vectors.contiguous()
        return self._dense[size]

    def resized_map(self, name: str, size: Size) -> Tensor:
        """[B, E, h, w]: one of `maps`, resized by nearest neighbour."""
        if (name, size) not in self._resized_maps:
            self._resized_maps[name, size] = resize_nearest(self.maps[name], size)
        return self._resized_maps[name, size]

    def present(self, size: Size) -> Windows:
        """The codes that occur at `size`, as windows of one pixel: `values` [N, 1] are the codes plus one."""
        return self._find(size, ())

    def windows(self, size: Size, *layers: Layer) -> Windows:
        """What a stack of convolutions sees at each position of the map resized to `size`.

        `layers`: (kernel, stride, padding) of each. The windows of the last layer; their values number, from 1, the
        windows of the layer before it, and those of the first layer the codes in `present`.
        """
        return self._find((int(size[0]), int(size[1])), layers)

    def _find(self, size: Size, layers: tuple[Layer, ...]) -> Windows:
        key = size, layers
        if key not in self._windows:
            self._windows[key] = self._search(size, layers)
        return self._windows[key]

    def _search(self, size: Size, layers: tuple[Layer, ...]) -> Windows:
        if self._once is not None:
            once, times = self._once
            return once._find(size, layers).repeat(times)

        # The map whose windows are searched: the codes, or the windows of the layer before.
        if layers:
            below = self._find(size, layers[:-1])
            values, count, (kernel, stride, padding) = below.ids + 1, len(below), layers[-1]
        else:
            values, count, (kernel, stride, padding) = resize_nearest(self.codes, size) + 1, len(self.table), (1, 1, 0)

        # Only where it changed, if the map before has been searched (another thread may cut the link meanwhile).
        before = self._before
        old = None if before is None else before._windows.get((size, layers))
        same_size = all(step == 1 and 2 * border == side - 1 for side, step, border in layers)
        if before is None or old is None or not same_size or (layers and not self.continues(size, *layers[:-1])):
            return find_windows(values, count, kernel, stride=stride, padding=padding)
        self._continued.add((size, layers))
        box = changed_box(resize_nearest(before.codes, size), resize_nearest(self.codes, size))
        if box is None:
            return old
        return update_windows(old, values, count, kernel, grow(box, sum(k // 2 for k, _, _ in layers[:-1]), size))

    def continues(self, size: Size, *layers: Layer) -> bool:
        """Whether these windows have the numbers that they had in the map before, and new ones behind them."""
        self._find(size, layers)
        return (size, layers) in self._continued

    def with_table(self, table: Tensor) -> Semantics:
        """The same codes with other vectors: windows, which are a matter of codes alone, are not searched anew."""
        if torch.equal(table, self.table):
            return self
        assert len(table) == len(self.table), "codes and table belong together"
        other = Semantics(self.codes, table, self.extras)
        other.maps, other._windows, other._repainted = self.maps, self._windows, self._repainted
        return other

    def follow(self, before: Semantics) -> None:
        """Take over what is the same in `before`, the semantics of the same map before something was painted on it.

        Windows are searched only where the map changed, and layers keep their tables (`keep`). Vectors may have been
        added behind those of the table.
        """
        old = len(before.table)
        same_kind = before.codes.shape == self.codes.shape and before.extras is self.extras is None
        if not same_kind or not torch.equal(before.table, self.table[:old]):
            return
        before._before = None  # a link, not a chain

        # Windows that no longer occur pile up: begin anew when as much was painted as there is.
        box = changed_box(before.codes, self.codes)
        painted = 0 if box is None else (box[2] - box[0]) * (box[3] - box[1])
        self._repainted = before._repainted + painted
        if 2 * painted <= self.codes[0].numel() and self._repainted <= self.codes[0].numel():
            self._before = before
        else:
            self._repainted = 0

    def pooled(self, size: Size, times: int) -> Semantics:
        """The map resized to `size` and halved `times` as `halve` does it, as coarse discriminators see it.

        A mean of a 3x3 window is one of a few vectors, too: the codes are the distinct windows, the table their means.
        """
        if times == 0 and size == self.size:
            return self
        if (size, times) not in self._pooled:
            self._pooled[size, times] = self._pool(size, times)
        return self._pooled[size, times]

    def _pool(self, size: Size, times: int) -> Semantics:
        if self._once is not None:
            once, count = self._once
            return once.pooled(size, times).repeat(count)
        if times == 0:
            extras = None if self.extras is None else resize_nearest(self.extras, size)
            return Semantics(resize_nearest(self.codes, size), self.table, extras)

        # Means of windows of the map halved once less; pixels beyond the border don't count.
        finer = self.pooled(size, times - 1)
        windows = finer.windows(finer.size, (3, 2, 1))
        rows = finer.vectors(finer.size)
        inside = (windows.values > 0).sum(1, keepdim=True)                                 # [N, 1]
        means = F.embedding_bag(windows.values, rows, mode="sum") / inside                                # [N, K]
        extras = None if finer.extras is None else halve(finer.extras)
        return Semantics(windows.ids.long(), means, extras)

    def vectors(self, size: Size) -> Tensor:
        """[1+N, K]: zeros for what lies beyond the border, then the vectors of the codes in `present`."""
        vectors = self.table[self.present(size).values[:, 0].long() - 1]
        return F.pad(vectors, (0, 0, 1, 0))

    def keep(
        self, key: Hashable, compute: Callable[[], Kept], extend: Callable[[Kept], Kept] | None = None
    ) -> Kept:
        """What `compute` gives, computed once and kept as long as this map is: layers keep their tables here.

        Where the map before (`follow`) has kept something under this key, `extend` makes what is wanted from that.
        """
        if key not in self._kept:
            before = self._before
            old = None if before is None else before._kept.get(key)
            self._kept[key] = compute() if old is None or extend is None else extend(old)
        return self._kept[key]

    def repeat(self, times: int) -> Semantics:
        """The batch `times` over: [B, ...] becomes [times * B, ...]; what was found out once is not found anew."""
        if times not in self._repeated:
            extras = None if self.extras is None else self.extras.repeat(times, 1, 1, 1)
            repeated = Semantics(self.codes.repeat(times, 1, 1), self.table, extras)
            repeated._once = self, times
            repeated.maps = {name: dense.repeat(times, 1, 1, 1) for name, dense in self.maps.items()}
            self._repeated[times] = repeated
        return self._repeated[times]


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


def resize_nearest(maps: Tensor, size: Size) -> Tensor:
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
