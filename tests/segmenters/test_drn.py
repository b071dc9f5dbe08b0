"""DRN: its sizes, its upsampling, its scales."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spadework.segmenters.drn import LAYOUTS, SCALES, BilinearUpsampling, Drn, normalize
from spadework.segmenters.resizing import resize_photos
from tests.segmenters.narrow import CLASSES, drn, filled, photos

NAMES = [f"class {number}" for number in range(19)]


def test_it_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        segmenter = Drn(NAMES)
    assert segmenter.name == "drn-d-105"
    assert sum(parameter.numel() for parameter in segmenter.parameters()) == 54_302_915
    assert segmenter.up.weight.numel() == 4_864 and not segmenter.up.weight.requires_grad


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_name_counts_the_convolutions_on_the_way(layout: str) -> None:
    """And the classifier of ImageNet, in whose place `seg` stands."""
    with torch.device("meta"):
        segmenter = Drn(NAMES, layout)
    on_the_way = [
        name
        for name, module in segmenter.named_modules()
        if isinstance(module, nn.Conv2d) and "downsample" not in name
    ]
    assert len(on_the_way) == int(layout.removeprefix("d-"))
    assert segmenter.base(torch.empty(1, 3, 64, 96, device="meta")).shape == (1, 512, 8, 12)


def test_an_unknown_layout_gets_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'd-105'.*d-107"):
        Drn(CLASSES, "105")


def test_upsampling_has_the_fixed_kernel() -> None:
    line = torch.tensor([1, 3, 5, 7, 9, 11, 13, 15, 15, 13, 11, 9, 7, 5, 3, 1]) / 16
    upsampling = BilinearUpsampling(3, 8)
    assert upsampling.weight.shape == (3, 1, 16, 16)
    assert torch.equal(upsampling.weight[2, 0], torch.outer(line, line))

    # Inside it is bilinear resizing, at the edge weights are missing.
    x = torch.rand(1, 3, 6, 7)
    ours, bilinear = upsampling(x), F.interpolate(x, scale_factor=8, mode="bilinear")
    torch.testing.assert_close(ours[:, :, 4:-4, 4:-4], bilinear[:, :, 4:-4, 4:-4])
    assert (ours[:, :, 0] < bilinear[:, :, 0]).all()


def test_scores_are_log_probabilities_whatever_the_size() -> None:
    segmenter = filled(drn())
    for height, width in ((64, 96), (57, 70)):
        scores = segmenter.scores(photos(1, height, width))
        torch.testing.assert_close(scores.exp().sum(1), torch.ones(1, height, width))


def test_scales_are_added_up() -> None:
    given = photos(1, 64, 96)
    one, two = filled(drn()), filled(drn(scales=(0.5,)))
    added = two.scores(given) - one.scores(given)
    half = resize_photos(given, (32, 48), "bicubic")
    torch.testing.assert_close(added.mean((2, 3)), one.scores(half).mean((2, 3)), rtol=1e-3, atol=1e-3)
    assert len(SCALES) == 5 and 1.0 not in SCALES


def test_the_input_is_rgb_by_cityscapes_mean() -> None:
    photo = torch.tensor([10, 20, 30], dtype=torch.uint8).reshape(1, 3, 1, 1)
    expected = [(10 / 255 - 0.2901) / 0.18295, (20 / 255 - 0.32808) / 0.18657, (30 / 255 - 0.28696) / 0.18448]
    assert normalize(photo).flatten().tolist() == pytest.approx(expected, abs=1e-3)
