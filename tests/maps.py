"""Label maps for tests of windows: drawn by hypothesis, painted, real."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor


@st.composite
def code_maps(draw: st.DrawFn, *, largest: int = 20, classes: int = 200) -> tuple[Tensor, int]:
    """(Map [B, H, W], number of codes): flat, in patches or pure noise; from 1x1 pixel, from one code."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    batch, count, patch = draw(st.integers(1, 2)), draw(st.integers(1, classes)), draw(st.sampled_from((1, 2, 5)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    small = torch.randint(count, (batch, -(-height // patch), -(-width // patch)), generator=generator)
    return small.repeat_interleave(patch, 1).repeat_interleave(patch, 2)[:, :height, :width], count


def painted(label_map: Tensor, count: int, seed: int) -> Tensor:
    """The map with a rectangle of one code painted on it, somewhere."""
    generator = torch.Generator().manual_seed(seed)
    height, width = label_map.shape[-2:]
    top, left = (int(torch.randint(side, (1,), generator=generator)) for side in (height, width))
    after, code = label_map.clone(), int(torch.randint(count, (1,), generator=generator))
    after[:, top : top + height // 4 + 1, left : left + width // 4 + 1] = code
    return after


def real_maps(count: int, size: int) -> tuple[Tensor, int]:
    """(Maps [count, size, size], number of classes): COCO-Stuff's where $SPADEWORK_DATA has them, drawn ones else."""
    folder = Path(os.environ.get("SPADEWORK_DATA", "")) / "cocostuff-samples" / "val_label"
    files = sorted(folder.glob("*.png"))[:count]
    if not files:
        return drawn_scenes(count, size), 183
    maps = []
    for file in files:
        ids = Image.open(file).resize((size, size), Image.Resampling.NEAREST)
        maps.append(torch.from_numpy(np.array(ids)).long())
    return torch.stack(maps).clamp_max(182), 183


def drawn_scenes(count: int, size: int) -> Tensor:
    """[count, size, size]: bands with wavy borders and discs on them, 183 classes."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    scenes = torch.zeros(count, size, size, dtype=torch.int64)
    for scene in scenes:
        for level in torch.rand(6, generator=generator).sort().values:
            wave = size * (level + 0.05 * torch.sin(columns / size * 20 * level + 9 * level))
            scene[rows > wave] = torch.randint(183, (1,), generator=generator)
        for _ in range(8):
            y, x, radius = (torch.rand(3, generator=generator) * torch.tensor([size, size, size / 5])).tolist()
            scene[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = torch.randint(183, (1,), generator=generator)
    return scenes
