"""Plants as clouds of particles: leaves, needles and wood in space.

A plant is 1 high, its foot at the origin; y points up, z away from whoever looks. Shapes: P particles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spadework.terrain.dice import Dice


@dataclass(frozen=True)
class Plant:
    """One plant's particles."""

    points: Tensor
    """[P, 3]"""
    wood: Tensor
    """[P] bool: wood, else leaf."""
    aspect: float
    """Width of the picture that it fits in, in heights."""


def spruce(dice: Dice) -> Plant:
    """Whorls of drooping branches on a straight stem."""
    levels, around = int(dice.uniform("levels", 26, 40)), 11
    low, radius = dice.uniform("low", 0.02, 0.16), dice.uniform("radius", 0.13, 0.22)
    taper, droop = dice.uniform("taper", 0.75, 1.15), dice.uniform("droop", 0.2, 0.7)
    share = (torch.arange(levels)[:, None] + 1.6 * dice.many("level", levels, around) - 0.3).clamp(0, levels) / levels
    reach = radius * (1 - share) ** taper * (0.75 + 0.25 * (share * 9).clamp(max=1)) + 0.006
    reach = reach * (0.5 + 0.75 * dice.many("reach", levels, around))
    angle = 2 * math.pi * dice.many("angle", levels, around)
    start = low + (0.985 - low) * share

    # Needles along each branch: two flat fans that hang at the edges.
    needles = 70
    along = dice.many("along", levels, around, needles) ** 0.65
    out = along * reach[..., None]
    side = dice.normal("side", levels, around, needles) * 0.26 * reach[..., None] * (1.05 - along)
    hang = dice.many("hang", levels, around, needles) ** 2 * 0.05 * (1 - start[..., None])
    cosine, sine = angle.cos()[..., None], angle.sin()[..., None]
    x, z = cosine * out - sine * side, sine * out + cosine * side
    y = start[..., None] - droop * out * along - hang - 0.25 * side.abs() + 0.12 * out * (along > 0.8)
    leaves = torch.stack([x, y, z], dim=-1).reshape(-1, 3)
    stem = _line(dice, "stem", torch.zeros(3), torch.tensor([0.0, 0.97, 0.0]), 0.012, 0.002, 4000)
    return _plant([leaves], [stem], 0.5)


def pine(dice: Dice) -> Plant:
    """A bare stem under flat clumps."""
    clumps, low = 56, dice.uniform("low", 0.35, 0.55)
    share = dice.many("clump", clumps).sort().values
    y = low + (0.95 - low) * share
    reach = dice.uniform("radius", 0.14, 0.22) * torch.sin(math.pi * (0.22 + 0.75 * share)).clamp(min=0.15)
    angle = 2 * math.pi * dice.many("angle", clumps)
    radius = reach * dice.many("out", clumps) ** 0.5
    centres = torch.stack([angle.cos() * radius, y, angle.sin() * radius], dim=-1)
    cloud = dice.normal("needles", clumps, 420, 3) * torch.tensor([0.034, 0.012, 0.034])
    leaves = (centres[:, None] + cloud).reshape(-1, 3)
    top = torch.tensor([0.03 * float(dice.normal("lean", 1)), 0.93, 0.0])
    wood = [_line(dice, "stem", torch.zeros(3), top, 0.016, 0.004, 5000)]
    for i in range(0, clumps, 2):
        foot = top * (centres[i, 1] - 0.05) / 0.93
        wood.append(_line(dice, f"branch/{i}", foot, centres[i], 0.005, 0.002, 300))
    return _plant([leaves], wood, 0.5)


def broadleaf(dice: Dice) -> Plant:
    """A grown crown in full leaf."""
    ends, wood = _skeleton(dice, trunk=dice.uniform("trunk", 0.16, 0.34), levels=(7, 4, 4, 3), spread=0.62)
    size = dice.uniform("clump", 0.030, 0.046)
    per_end = 130
    cloud = dice.normal("leaves", len(ends), per_end, 3)
    cloud = cloud / cloud.norm(dim=-1, keepdim=True) * dice.many("depth", len(ends), per_end, 1) ** 0.4
    own = size * (0.7 + 0.7 * dice.many("own size", len(ends), 1, 1))
    leaves = ends[:, None] + cloud * own * 1.7 * torch.tensor([1.15, 0.8, 1.15])
    return _plant([leaves.reshape(-1, 3)], wood, 1.0)


def bare_tree(dice: Dice) -> Plant:
    """The same crown without leaves, down to its twigs."""
    _, wood = _skeleton(dice, trunk=dice.uniform("trunk", 0.16, 0.34), levels=(7, 4, 4, 3, 3), spread=0.62)
    return _plant([], wood, 1.0)


def bush(dice: Dice) -> Plant:
    """Many stems from one foot, leafy to the ground."""
    ends, wood = _skeleton(dice, trunk=0.02, levels=(14, 4, 4, 2), spread=0.9)
    inner = ends * (0.55 + 0.45 * dice.many("inner", len(ends), 1))
    cloud = dice.normal("leaves", 2, len(ends), 60, 3) * torch.tensor([0.034, 0.03, 0.034])
    leaves = torch.stack([ends, inner])[:, :, None] + cloud
    return _plant([leaves.reshape(-1, 3)], wood[:-1], 1.4)


def bare_bush(dice: Dice) -> Plant:
    """Twigs and a few dead leaves."""
    ends, wood = _skeleton(dice, trunk=0.02, levels=(14, 4, 4, 3), spread=1.0)
    leaves = ends + dice.normal("leaves", len(ends), 3) * 0.02
    return _plant([leaves[::6]], wood, 1.4)


SPECIES: dict[str, tuple[int, Callable[[Dice], Plant]]] = {
    "spruce": (9, spruce),
    "pine": (4, pine),
    "broadleaf": (10, broadleaf),
    "bare": (7, bare_tree),
    "bush": (7, bush),
    "bare bush": (4, bare_bush),
}
"""Name -> how many different ones there are, and how one grows."""


def _skeleton(dice: Dice, trunk: float, levels: tuple[int, ...], spread: float) -> tuple[Tensor, list[Tensor]]:
    """Branches that fork level by level -> the ends of the last level [E, 3], and the wood's particles."""
    starts = torch.zeros(1, 3)
    lean = 0.05 * dice.normal("lean", 2)
    tips = torch.tensor([[float(lean[0]) * trunk, trunk, float(lean[1]) * trunk]])
    wood = [_lines(dice, "trunk", starts, tips, 0.020, 0.014, 9000)] if trunk > 0.05 else []
    length, thick = 0.30, 0.011
    for level, forks in enumerate(levels):
        direction = tips - starts
        direction = direction / direction.norm(dim=-1, keepdim=True)
        count = len(tips) * forks
        turn = dice.normal(f"turn/{level}", count, 3) * (spread if level == 0 else 0.62)
        new = direction.repeat_interleave(forks, 0) + turn
        new[:, 1] += 0.22 if level < 2 else 0.02  # towards the light
        if level == 0:
            new[:, 1] = new[:, 1].abs().clamp(min=0.45)
        new = new / new.norm(dim=-1, keepdim=True)
        own = length * (0.7 + 0.5 * dice.many(f"length/{level}", count, 1))
        back = dice.many(f"fork/{level}", count, 1) * (0.45 if level else 0.35)
        foot = torch.lerp(tips.repeat_interleave(forks, 0), starts.repeat_interleave(forks, 0), back)
        starts, tips = foot, foot + new * own
        tips[:, 1] = tips[:, 1].clamp(min=0.04)
        points = max(int(3.5 * length * 512 * max(thick * 512, 1.0)), 10)
        wood.append(_lines(dice, f"wood/{level}", starts, tips, thick, thick * 0.45, points))
        length, thick = length * 0.64, thick * 0.5

    # The whole as high as 1, and no wider than its picture.
    top = torch.quantile(tips[:, 1], 0.995)
    scale = 0.94 / float(top)
    middle = tips[:, [0, 2]].mean(0)
    ends = tips * scale
    shift = torch.tensor([0.6 * float(middle[0]), 0.0, 0.6 * float(middle[1])]) * scale
    return ends - shift * ends[:, 1:2].clamp(max=1), [
        w * scale - shift * (w[:, 1:2] * scale).clamp(max=1) for w in wood
    ]


def _lines(dice: Dice, name: str, starts: Tensor, ends: Tensor, thick: float, thin: float, points: int) -> Tensor:
    """Particles of tapering rods [L, 3] -> [L, 3], `points` each."""
    share = dice.many(f"{name}/share", len(starts), points, 1)
    around = 2 * math.pi * dice.many(f"{name}/around", len(starts), points, 1)
    radius = thick + (thin - thick) * share
    ring = torch.cat([around.cos() * radius, 0 * radius, around.sin() * radius], dim=-1)
    bend = dice.normal(f"{name}/bend", len(starts), 1, 3) * 0.03 * (ends - starts).norm(dim=-1)[:, None, None]
    rod = torch.lerp(starts[:, None], ends[:, None], share) + bend * torch.sin(math.pi * share)
    return (rod + ring).reshape(-1, 3)


def _line(dice: Dice, name: str, start: Tensor, end: Tensor, thick: float, thin: float, points: int) -> Tensor:
    return _lines(dice, name, start[None], end[None], thick, thin, points)


def _plant(leaves: list[Tensor], wood: list[Tensor], aspect: float) -> Plant:
    leaf, stem = (torch.cat(parts) if parts else torch.zeros(0, 3) for parts in (leaves, wood))
    points = torch.cat([leaf, stem])
    return Plant(points, torch.cat([torch.zeros(len(leaf)), torch.ones(len(stem))]).bool(), aspect)
