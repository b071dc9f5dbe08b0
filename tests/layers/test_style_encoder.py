"""The image encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spadework.layers.style_encoder import StyleEncoder
from tests.layers.float64 import EXACT, numbers, randomized


def test_the_papers_encoder() -> None:
    with torch.device("meta"):
        encoder = StyleEncoder()
    assert [layer.conv.out_channels for layer in encoder.layers] == [64, 128, 256, 512, 512, 512]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 10_463_424


@pytest.mark.parametrize(("input_size", "layers"), [(8, 1), (16, 2), (64, 4), (256, 6)])
def test_any_power_of_two(input_size: int, layers: int) -> None:
    encoder = StyleEncoder(width=2, style_size=5, input_size=input_size)
    assert len(encoder.layers) == layers
    mean, log_variance = encoder(torch.rand(2, 3, input_size, input_size))
    assert mean.shape == log_variance.shape == (2, 5)


@pytest.mark.parametrize("input_size", [4, 7, 100, 255, 0])
def test_other_sizes_are_refused(input_size: int) -> None:
    with pytest.raises(ValueError, match=f"power of two from 8 up; got {input_size}"):
        StyleEncoder(input_size=input_size)


def test_by_hand() -> None:
    encoder = StyleEncoder(width=3, style_size=5, input_size=16)
    randomized(encoder).eval()
    photo = numbers(2, 3, 16, 16)
    x = photo
    for layer in encoder.layers:
        x = F.instance_norm(F.conv2d(x, layer.conv.normalized_weight(), stride=2, padding=1))
        x = torch.where(x > 0, x, 0.2 * x)
    mean, log_variance = encoder(photo)
    torch.testing.assert_close(mean, x.flatten(1) @ encoder.mean.weight.t() + encoder.mean.bias, **EXACT)
    expected = x.flatten(1) @ encoder.log_variance.weight.t() + encoder.log_variance.bias
    torch.testing.assert_close(log_variance, expected, **EXACT)


@pytest.mark.parametrize("size", [(20, 16), (16, 40), (9, 31)])
def test_photos_of_any_size(size: tuple[int, int]) -> None:
    encoder = StyleEncoder(width=2, style_size=5, input_size=16).eval()
    photo = torch.rand(2, 3, *size)
    resized = F.interpolate(photo, size=(16, 16), mode="bilinear", align_corners=False)
    torch.testing.assert_close(encoder(photo), encoder(resized), rtol=0, atol=0)


def test_without_a_norm_there_is_a_bias() -> None:
    encoder = StyleEncoder(width=2, input_size=16, norm=None)
    assert all(layer.conv.bias is not None and isinstance(layer.norm, nn.Identity) for layer in encoder.layers)
