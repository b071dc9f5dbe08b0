"""The distinct windows of an integer map, found exactly.

A label map is piecewise constant, so few of its windows differ: whatever depends on the window around a pixel alone
needs to be computed once per distinct window. Windows are told apart by numbering pairs: two numbers packed into one
key, equal keys get equal numbers; first across, then down. No hash that could collide.

Shapes: B batch, H W the map's size, h w the number of window positions, N distinct windows, K pixels in a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

Layer = tuple[int, int, int]
"""Kernel, stride and padding of a convolution."""

Box = tuple[int, int, int, int]
"""A rectangle of pixels: top, left, bottom, right; the last two are the first outside."""

PIECE = 256
"""Longest run that `Segments` adds up in one go."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Which windows a map has, and which of them lies at each position."""

    ids: Tensor
    """[B, h, w] int32: the number of the window at each position."""
    values: Tensor
    """[N, K] int32: the map's values in each window, row by row; 0 beyond the picture's border."""
    count: int
    """The map's values are 1..count."""

    def __len__(self) -> int:
        """The number of distinct windows."""
        return len(self.values)

    @cached_property
    def numbers(self) -> dict[bytes, int]:
        """Each window's number, by its values."""
        return {row.tobytes(): number for number, row in enumerate(self.values.cpu().numpy())}

    def repeat(self, times: int) -> Windows:
        """The windows of a batch `times` over."""
        return Windows(self.ids.repeat(times, 1, 1), self.values, self.count)

    @cached_property
    def positions(self) -> Segments:
        """The positions (of `ids`, flattened) at which each window lies."""
        return Segments.of(self.ids.flatten(), len(self))

    @cached_property
    def slots(self) -> Tensor:
        """[N, K]: value * K + place in the window, which names a row of weights per value and place."""
        places = self.values.shape[1]
        return self.values * places + torch.arange(places, dtype=self.values.dtype, device=self.values.device)

    @cached_property
    def users(self) -> Segments:
        """The windows that use each slot."""
        places = self.values.shape[1]
        return Segments.of(self.slots.flatten(), (self.count + 1) * places).divided(places)


@dataclass(frozen=True, eq=False)
class Segments:
    """Sorted segments: for each group the indices of its members, for sums that are fast and always the same.

    A long segment is added up in pieces, so that no thread has all the work and rounding errors stay small.
    """

    members: Tensor
    """Indices, group by group."""
    pieces: Tensor
    """Where each piece starts in `members`."""
    groups: Tensor
    """Where each group's pieces start in `pieces`."""

    @classmethod
    def of(cls, group: Tensor, count: int) -> Segments:
        """Element i belongs to `group[i]` in 0..count-1."""
        members = group.argsort(stable=True)
        sizes = torch.bincount(group, minlength=count)
        starts = sizes.cumsum(0) - sizes
        pieces_of = (sizes + PIECE - 1) // PIECE
        groups = pieces_of.cumsum(0) - pieces_of

        # Piece p of a group starts PIECE * p behind the group's start.
        owner = torch.repeat_interleave(pieces_of)
        rank = torch.arange(len(owner), device=group.device) - groups[owner]
        return cls(members, starts[owner] + PIECE * rank, groups)

    def divided(self, by: int) -> Segments:
        """The same segments with members that are counted `by` at a time."""
        return Segments(torch.div(self.members, by, rounding_mode="floor"), self.pieces, self.groups)

    def sum(self, values: Tensor) -> Tensor:
        """[groups, C]: the sum of each group's rows of `values` [elements, C]."""
        partial = F.embedding_bag(self.members, values, self.pieces, mode="sum")
        return F.embedding_bag(torch.arange(len(partial), device=values.device), partial, self.groups, mode="sum")


def find_windows(values: Tensor, count: int, kernel: int, *, stride: int = 1, padding: int = 0) -> Windows:
    """The distinct `kernel` x `kernel` windows of `values` [B, H, W], integers in 1..count.

    `stride` and `padding` as in a convolution (kernel 1 goes with stride 1): beyond the border lies 0, and so it may in
    `values` themselves.
    """
    assert kernel > 1 or stride == 1
    padded = F.pad(values.int(), (padding,) * 4)                                 # [B, H+2p, W+2p]
    height, width = ((side - kernel) // stride + 1 for side in padded.shape[-2:])
    if height < 1 or width < 1:
        raise ValueError(f"a map of {list(values.shape[-2:])} with padding {padding} has no window of {kernel}")

    # Number runs of pixels across, one more pixel each time.
    rows = (width - 1) * stride + 1
    ids, known = _number(padded[:, :, 0:rows:stride], count + 1)
    for j in range(1, kernel):
        ids, known = _number_pairs(ids, known, padded[:, :, j : j + rows : stride], count + 1)  # [B, H+2p, w]

    # Number stacks of such runs down.
    columns = (height - 1) * stride + 1
    runs, runs_known = ids, known
    ids = runs[:, 0:columns:stride]
    for i in range(1, kernel):
        ids, known = _number_pairs(ids, known, runs[:, i : i + columns : stride], runs_known)   # [B, h, w]
    return Windows(ids.contiguous(), _contents(padded, ids, known, kernel, stride), count)


def update_windows(old: Windows, values: Tensor, count: int, kernel: int, box: Box) -> Windows:
    """The windows of `values`, which differ from the map that `old` was found in only inside `box`.

    Windows that were there keep their numbers, whether they still occur or not; new ones get the next. Stride is 1, and
    padding keeps the map's size.
    """
    # Only windows that reach into the box can have changed.
    reach = kernel // 2
    top, left, bottom, right = grow(box, reach, values.shape)
    seen = values[:, max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach]
    here = find_windows(F.pad(seen, _beyond((top, left, bottom, right), reach, values.shape)), count, kernel)

    # The old number where there is one.
    rows = here.values.cpu().numpy()
    numbers = dict(old.numbers)
    first_new = len(numbers)
    renumbered = torch.tensor([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], dtype=torch.int32)
    new = here.values[(renumbered >= first_new).to(values.device)]
    ids = old.ids.clone()
    ids[:, top:bottom, left:right] = renumbered.to(values.device)[here.ids.long()]
    updated = Windows(ids, torch.cat([old.values, new]), count)
    updated.__dict__["numbers"] = numbers
    return updated


def changed_box(old: Tensor, new: Tensor) -> Box | None:
    """The smallest rectangle that holds every difference between two maps [B, H, W]; None when there is none."""
    different = (old != new).any(0)
    rows, columns = different.any(1).nonzero().flatten().tolist(), different.any(0).nonzero().flatten().tolist()
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if rows else None


def grow(box: Box, by: int, shape: Sequence[int]) -> Box:
    """The box with `by` pixels more on each side, as far as the map [..., H, W] goes."""
    top, left, bottom, right = box
    return max(0, top - by), max(0, left - by), min(shape[-2], bottom + by), min(shape[-1], right + by)


def excerpt(first: Windows, second: Windows, start: int) -> tuple[Windows, Windows]:
    """The windows of `second` from number `start` on, and those of `first` that they are made of: values only."""
    nowhere = second.ids[:0]
    values, place = torch.unique(second.values[start:], return_inverse=True)
    used = values[values > 0]
    place = place + (1 if len(used) == len(values) else 0)  # 0 stays what lies beyond the border
    return Windows(nowhere, first.values[used.long() - 1], first.count), Windows(nowhere, place.int(), len(used))


def _beyond(box: Box, reach: int, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """How many of the `reach` pixels around a box lie beyond the border: left, right, above, below."""
    top, left, bottom, right = box
    below, beside = bottom + reach - shape[-2], right + reach - shape[-1]
    return max(0, reach - left), max(0, beside), max(0, reach - top), max(0, below)


def _number_pairs(a: Tensor, a_count: int, b: Tensor, b_count: int) -> tuple[Tensor, int]:
    keys = a_count * b_count
    wide = torch.int64 if keys >= 2**31 else torch.int32
    return _number(a.to(wide) * b_count + b, keys)


def _number(keys: Tensor, limit: int) -> tuple[Tensor, int]:
    """Consecutive numbers for the keys that occur, in the keys' order, and how many there are; keys < `limit`."""
    if limit > 4 * keys.numel():
        distinct, ids = torch.unique(keys, return_inverse=True)
        return ids.int(), len(distinct)

    # Few possible keys: mark those that occur, without sorting.
    flat = keys.flatten().long()
    occurs = torch.zeros(limit, dtype=torch.bool, device=keys.device)
    occurs[flat] = True
    distinct = occurs.nonzero().flatten()
    number = torch.empty(limit, dtype=torch.int32, device=keys.device)
    number[distinct] = torch.arange(len(distinct), dtype=torch.int32, device=keys.device)
    return number.index_select(0, flat).view(keys.shape), len(distinct)


def _contents(padded: Tensor, ids: Tensor, count: int, kernel: int, stride: int) -> Tensor:
    """[N, K]: the pixels of one window of each number; any of them will do, since they are equal."""
    flat = ids.flatten().long()
    position = torch.empty(count, dtype=torch.int64, device=ids.device)
    position[flat] = torch.arange(len(flat), device=ids.device)
    height, width = ids.shape[-2:]
    picture, rest = position // (height * width), position % (height * width)
    row, column = rest // width * stride, rest % width * stride

    # The window's pixels lie at fixed distances from its first.
    corner = (picture * padded.shape[-2] + row) * padded.shape[-1] + column                  # [N]
    steps = torch.arange(kernel, device=ids.device)
    distances = (steps[:, None] * padded.shape[-1] + steps).flatten()                         # [K]
    return padded.flatten()[corner[:, None] + distances]
