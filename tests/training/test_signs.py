"""Cheap signs: sharpness, patterns of up-sampling, variety of styles, what a discriminator knows by heart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.systems.spade import Spade
from spadework.training.signs import sharpness, signs, spectral_peak
from tests.tiny import config, lively


def soft_noise(count: int = 4, height: int = 64, width: int = 64) -> Tensor:
    """[count, 3, height, width]: blobs, as in photos, in [-1, 1]."""
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn(count, 3, height, width, generator=generator)
    coarse = F.interpolate(torch.randn(count, 3, 9, 9, generator=generator), (height, width), mode="bicubic")
    return (coarse + 0.1 * fine).clamp(-2, 2) / 2


@pytest.mark.parametrize("size", [(64, 64), (96, 128), (62, 66)])
def test_photos_have_no_peak_and_a_chequerboard_has(size: tuple[int, int]) -> None:
    photos = soft_noise(4, *size)
    assert spectral_peak(photos) < 3
    rows, columns = torch.arange(size[0])[:, None], torch.arange(size[1])
    for pattern in ((-1.0) ** (rows + columns), (-1.0) ** rows + 0 * columns, (-1.0) ** columns + 0 * rows):
        assert spectral_peak(photos + 0.05 * pattern) > 6
    if size[1] % 4 == 0:
        assert spectral_peak(photos + 0.05 * torch.cos(torch.pi / 2 * columns)) > 6
    assert spectral_peak(photos[..., :16, :16]) == 1.0


def test_a_transposed_convolution_leaves_its_pattern() -> None:
    """Kernel 3, stride 2: some pixels get one product, others two or four."""
    coarse = soft_noise(4, 32, 32).mean(1, keepdim=True) + 1
    spread = F.conv_transpose2d(coarse, torch.ones(1, 1, 3, 3) / 3, stride=2)[..., :64, :64].repeat(1, 3, 1, 1)
    assert spectral_peak(spread) > 6
    assert spectral_peak(F.interpolate(soft_noise(4, 32, 32), scale_factor=2, mode="bilinear")) < 6


def test_blurring_takes_sharpness() -> None:
    photos = soft_noise()
    blurred = F.avg_pool2d(F.pad(photos, (2, 2, 2, 2), mode="replicate"), 5, 1)
    assert sharpness(blurred) < 0.5 * sharpness(photos)
    assert sharpness(torch.zeros(1, 3, 32, 32)) == 0


def test_signs_of_a_system(make_folder: Callable[..., Path]) -> None:
    settings = Preprocess("fixed", 64, 64)
    seen = FolderDataset(make_folder("seen", 4), settings=settings)
    other = FolderDataset(make_folder("other", 3), settings=settings, training=False)
    plain, styled = lively(Spade(config())), lively(Spade(config(stem="style")))
    before = {key: value.clone() for key, value in styled.state_dict().items()}

    assert signs(plain, seen, seen).keys() == {"sharpness", "spectral_peak"}
    found = signs(styled, seen, other)
    assert found.keys() == {"sharpness", "spectral_peak", "style_diversity", "real_seen", "real_held_out"}
    assert found["style_diversity"] > 0.01 and found["sharpness"] > 0
    assert found == signs(styled, seen, other)
    assert signs(styled, seen, other, discriminator=False).keys() == {"sharpness", "spectral_peak", "style_diversity"}
    after: Any = styled.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items()) and not styled.training
