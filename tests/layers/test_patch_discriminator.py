"""Patch discriminators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.layers.normalization import CONV_NORMS, InstanceNorm
from spadework.layers.patch_discriminator import (
    MultiscaleDiscriminator,
    PatchDiscriminator,
    ResidualPatchDiscriminator,
    SpadePatchDiscriminator,
)
from spadework.layers.semantic_convolution import SemanticConv2d
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics, halve
from tests.layers.float64 import EXACT, label_map, numbers, randomized

KINDS: dict[str, Callable[..., nn.Module]] = {
    "patch": PatchDiscriminator,
    "residual": ResidualPatchDiscriminator,
    "spade": SpadePatchDiscriminator,
}


def inputs(size: int, batch: int = 1) -> tuple[Semantics, Tensor]:
    semantics = Semantics.from_label_map(label_map(batch, size, size), 5, dtype=torch.float64)
    return semantics, numbers(batch, 3, size, size).tanh()


def scales(make: Callable[..., nn.Module], **options: object) -> MultiscaleDiscriminator:
    return MultiscaleDiscriminator(make(5, level=level, width=4, **options) for level in range(2)).double()


def sides(outputs: list[Tensor]) -> list[int]:
    assert all(output.shape[-1] == output.shape[-2] for output in outputs)
    return [output.shape[-1] for output in outputs]


@pytest.mark.parametrize("kind", ["patch", "spade"])
def test_sizes_for_256_pixels(kind: str) -> None:
    fine, coarse = scales(KINDS[kind])(*inputs(256))
    assert sides(fine) == [129, 65, 33, 34, 35] and sides(coarse) == [65, 33, 17, 18, 19]
    assert [output.shape[1] for output in fine] == [4, 8, 16, 32, 1]


def test_the_residual_one_ends_a_pixel_smaller() -> None:
    """Its blocks keep or halve the size exactly, where a 4x4 convolution with padding 2 adds a pixel."""
    fine, coarse = scales(ResidualPatchDiscriminator)(*inputs(256))
    assert sides(fine) == [129, 65, 33, 33, 34] and sides(coarse) == [65, 33, 17, 17, 18]


def test_a_deeper_one() -> None:
    with torch.device("meta"):
        normal, deeper = PatchDiscriminator(5, layers=4), PatchDiscriminator(5, layers=5)
    assert [layer.conv.out_channels for layer in normal.layers] == [64, 128, 256, 512, 1]
    assert [layer.conv.out_channels for layer in deeper.layers] == [64, 128, 256, 512, 512, 1]
    assert sides(scales(PatchDiscriminator, layers=5)(*inputs(64))[0]) == [33, 17, 9, 5, 6, 7]


def test_where_norms_stand() -> None:
    """First layer and logits are plain convolutions with a bias; those between are spectral-normed, without one."""
    layers = PatchDiscriminator(5, width=4).layers
    assert [type(layer.conv) for layer in layers] == [SemanticConv2d, *[SpectralConv2d] * 3, nn.Conv2d]
    assert [layer.conv.bias is not None for layer in layers] == [True, False, False, False, True]
    assert [type(layer.norm) for layer in layers] == [nn.Identity, *[InstanceNorm] * 3, nn.Identity]


@pytest.mark.parametrize("norm", CONV_NORMS)
def test_other_norms(norm: str) -> None:
    network = scales(partial(PatchDiscriminator, norm=CONV_NORMS[norm]))
    assert sides(network(*inputs(64, 2))[0]) == [33, 17, 9, 10, 11]


def test_the_layers_by_hand() -> None:
    network = PatchDiscriminator(5, width=4)
    randomized(network).eval()
    semantics, photo = inputs(32, 2)
    x = torch.cat([semantics.dense((32, 32)), photo], 1)
    outputs = network(semantics, photo)
    for i, (layer, stride) in enumerate(zip(network.layers, (2, 2, 2, 1, 1), strict=True)):
        weight = layer.conv.normalized_weight() if 0 < i < 4 else layer.conv.weight
        x = F.conv2d(x, weight, layer.conv.bias, stride=stride, padding=2)
        x = F.instance_norm(x) if 0 < i < 4 else x
        x = torch.where(x > 0, x, 0.2 * x) if i < 4 else x
        torch.testing.assert_close(outputs[i], x, **EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_the_coarse_scale_sees_everything_halved(kind: str) -> None:
    """With the same weights, it judges as the fine one would judge the pooled picture and map."""
    network = scales(KINDS[kind])
    fine, coarse = network.scales
    randomized(fine)
    coarse.load_state_dict(fine.state_dict())
    semantics, photo = inputs(32)
    pooled = F.avg_pool2d(photo, 3, 2, 1, count_include_pad=False)
    halved = Semantics(torch.zeros(1, 16, 16).long(), torch.zeros(1, 0).double(), halve(semantics.dense((32, 32))))
    map_ = semantics if kind == "spade" else halved  # SPADE layers resize the map themselves
    for actual, expected in zip(network.eval()(semantics, photo)[1], fine(map_, pooled), strict=True):
        torch.testing.assert_close(actual, expected, **EXACT)


def test_scales_have_weights_of_their_own() -> None:
    fine, coarse = scales(PatchDiscriminator)(*inputs(64))
    assert not torch.equal(fine[-1][..., :11, :11].flatten()[: coarse[-1].numel()], coarse[-1].flatten())
    ours = list(scales(PatchDiscriminator).parameters())
    assert len({id(parameter) for parameter in ours}) == len(ours) == 2 * 7


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_weight_and_the_photo(kind: str) -> None:
    network, (semantics, photo) = scales(KINDS[kind]), inputs(32, 2)
    photo.requires_grad_()
    torch.stack([outputs[-1].square().mean() for outputs in network(semantics, photo)]).sum().backward()
    assert photo.grad is not None and photo.grad.any()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_map_counts(kind: str) -> None:
    network, (semantics, photo) = scales(KINDS[kind]).eval(), inputs(32)
    other = Semantics.from_label_map((semantics.codes + 1) % 5, 5, dtype=torch.float64)
    for mine, others in zip(network(semantics, photo), network(other, photo), strict=True):
        assert (mine[-1] - others[-1]).abs().max() > 1e-6
