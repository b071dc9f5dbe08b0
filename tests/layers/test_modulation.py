"""SPADE against its formula, and against conditional batch norm and AdaIN, its special cases."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.layers.modulation import SPADE, AdaIN, Concat, ConditionalBatchNorm, Unmodulated, modulate
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.semantics import Semantics
from tests.layers.float64 import EXACT, label_map, numbers, randomized

# The pixels and channels [B, G, C/G, H, W] that share a mean and a variance; 6 channels make gcd(32, 6) = 2 groups.
GROUPS_AND_AXES = {
    "batch": (6, (0, 2, 3, 4)),
    "sync_batch": (6, (0, 2, 3, 4)),
    "instance": (6, (2, 3, 4)),
    "group": (2, (2, 3, 4)),
    "layer": (1, (2, 3, 4)),
}


def normalized_by_hand(x: Tensor, norm: str) -> Tensor:
    groups, axes = GROUPS_AND_AXES[norm]
    grouped = x.unflatten(1, (groups, -1))
    mean = grouped.mean(axes, keepdim=True)
    variance = (grouped - mean).square().mean(axes, keepdim=True)
    return ((grouped - mean) / (variance + 1e-5).sqrt()).flatten(1, 2)


def spade_by_hand(layer: SPADE, x: Tensor, dense: Tensor, norm: str, kernel_size: int) -> Tensor:
    padding = kernel_size // 2
    hidden = F.conv2d(dense, layer.shared.weight, layer.shared.bias, padding=padding).clamp_min(0)
    gamma = F.conv2d(hidden, layer.gamma.weight, layer.gamma.bias, padding=padding)
    beta = F.conv2d(hidden, layer.beta.weight, layer.beta.bias, padding=padding)
    return normalized_by_hand(x, norm) * (1 + gamma) + beta


def spade(channels: int = 6, semantic_channels: int = 5, norm: str = "batch", kernel_size: int = 3) -> SPADE:
    layer = SPADE(
        channels, semantic_channels, norm=PARAMETER_FREE_NORMS[norm], kernel_size=kernel_size, hidden=7
    )
    randomized(layer)
    return layer


@pytest.mark.parametrize(("norm", "kernel_size"), [*itertools.product(PARAMETER_FREE_NORMS, (1, 3, 5))])
def test_the_formula(norm: str, kernel_size: int) -> None:
    layer, labels = spade(norm=norm, kernel_size=kernel_size), label_map(3, 16, 14)
    x = numbers(3, 6, 8, 7).requires_grad_()
    dense = F.interpolate(F.one_hot(labels, 5).permute(0, 3, 1, 2).double(), size=(8, 7), mode="nearest")
    expected = spade_by_hand(layer, x, dense, norm, kernel_size)
    actual = layer(x, Semantics.from_label_map(labels, 5, dtype=torch.float64))
    torch.testing.assert_close(actual, expected, **EXACT)

    # The same gradients, too.
    upstream = numbers(3, 6, 8, 7, seed=1)
    inputs = [x, *layer.parameters()]
    assert len(inputs) == 7
    torch.testing.assert_close(
        torch.autograd.grad(actual, inputs, upstream), torch.autograd.grad(expected, inputs, upstream), **EXACT
    )


@pytest.mark.parametrize("norm", ["batch", "sync_batch"])
def test_running_statistics_in_eval_mode(norm: str) -> None:
    layer, labels = spade(norm=norm), label_map(2, 8, 8)
    first, second = 3 + 2 * numbers(2, 6, 8, 8), numbers(2, 6, 8, 8, seed=1)
    layer(first, labels)
    mean, variance = 0.1 * first.mean((0, 2, 3)), 0.9 + 0.1 * first.transpose(0, 1).flatten(1).var(1)
    torch.testing.assert_close(layer.norm.running_mean, mean, **EXACT)
    torch.testing.assert_close(layer.norm.running_var, variance, **EXACT)

    layer.eval()
    dense = F.one_hot(labels, 5).permute(0, 3, 1, 2).double()
    hidden = F.relu(layer.shared(dense))
    normalized = (second - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    expected = normalized * (1 + layer.gamma(hidden)) + layer.beta(hidden)
    torch.testing.assert_close(layer(second, labels), expected, **EXACT)


def test_an_integer_label_map_will_do() -> None:
    layer, labels, x = spade(norm="instance"), label_map(2, 8, 8), numbers(2, 6, 4, 4)
    expected = layer(x, Semantics.from_label_map(labels, 5, dtype=torch.float64))
    assert torch.equal(layer(x, labels), expected) and torch.equal(layer(x, labels.byte()), expected)
    with pytest.raises(ValueError, match=r"class indices 0\.\.5, this model has 0\.\.4"):
        layer(x, labels.clamp_min(0) + (labels == 4))


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_an_even_kernel_is_refused(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"must be odd .*; got {kernel_size}"):
        SPADE(4, 5, kernel_size=kernel_size)


def test_without_gamma_and_beta_the_norm_is_left() -> None:
    layer = spade(norm="instance")
    for parameter in (layer.gamma.weight, layer.gamma.bias, layer.beta.weight, layer.beta.bias):
        torch.nn.init.zeros_(parameter)
    x = numbers(2, 6, 8, 8)
    torch.testing.assert_close(layer(x, label_map(2, 8, 8)), normalized_by_hand(x, "instance"), **EXACT)


# Section 3 of the paper: what SPADE generalises.


@torch.no_grad()
def class_norm_of(layer: SPADE) -> ConditionalBatchNorm:
    """Conditional batch norm with the gamma and beta that a SPADE layer has far inside a region of each class."""
    hidden = F.relu(layer.shared.weight.sum((2, 3)).t() + layer.shared.bias)                    # [K, N]
    special = ConditionalBatchNorm(layer.out_channels, len(hidden)).double()
    special.gamma.weight.copy_(hidden @ layer.gamma.weight.sum((2, 3)).t() + layer.gamma.bias)
    special.beta.weight.copy_(hidden @ layer.beta.weight.sum((2, 3)).t() + layer.beta.bias)
    return special


def constant_maps(classes: Tensor, height: int, width: int) -> Tensor:
    return classes[:, None, None].expand(-1, height, width)


@pytest.mark.parametrize(("kernel_size", "margin"), [(1, 0), (3, 2)])
def test_conditional_batch_norm_is_a_special_case(kernel_size: int, margin: int) -> None:
    layer, classes = spade(kernel_size=kernel_size), torch.tensor([3, 0, 3])
    special = class_norm_of(layer)
    x = numbers(3, 6, 9, 8).requires_grad_()
    inside = (..., slice(margin, 9 - margin), slice(margin, 8 - margin))
    general = layer(x, constant_maps(classes, 9, 8))[inside]
    expected = special(x, classes)[inside]
    torch.testing.assert_close(general, expected, **EXACT)
    torch.testing.assert_close(special.norm.running_var, layer.norm.running_var, **EXACT)

    upstream = numbers(*general.shape, seed=1)
    torch.testing.assert_close(
        torch.autograd.grad(general, x, upstream), torch.autograd.grad(expected, x, upstream), **EXACT
    )


def test_the_special_case_ends_where_the_map_does() -> None:
    layer, classes, x = spade(), torch.tensor([1, 2]), numbers(2, 6, 9, 8)
    differs = (layer(x, constant_maps(classes, 9, 8)) - class_norm_of(layer)(x, classes)).abs().amax((0, 1)) > 1e-6
    inside = torch.zeros_like(differs)
    inside[2:-2, 2:-2] = True
    assert torch.equal(differs, ~inside)


def test_conditional_batch_norm_everywhere_when_the_map_goes_on() -> None:
    """In eval mode a pixel's norm does not depend on its surroundings: features and map may go on past the border."""
    layer, classes = spade(), torch.tensor([3, 0])
    layer(2 + numbers(4, 6, 5, 5), label_map(4, 5, 5))
    special = class_norm_of(layer).eval()
    special.norm.load_state_dict(layer.norm.state_dict())
    x = numbers(2, 6, 9, 8).requires_grad_()
    general = layer.eval()(F.pad(x, (2, 2, 2, 2)), constant_maps(classes, 13, 12))[..., 2:-2, 2:-2]
    expected = special(x, classes)
    torch.testing.assert_close(general, expected, **EXACT)

    upstream = numbers(2, 6, 9, 8, seed=1)
    torch.testing.assert_close(
        torch.autograd.grad(general, x, upstream), torch.autograd.grad(expected, x, upstream), **EXACT
    )


@torch.no_grad()
def spade_of(special: AdaIN, kernel_size: int) -> SPADE:
    """The SPADE layer whose kernels do what AdaIN's linear layers do, at their centre, and nothing beside it."""
    layer = SPADE(6, 4, norm=PARAMETER_FREE_NORMS["instance"], kernel_size=kernel_size, hidden=7).double()
    for name in ("shared", "gamma", "beta"):
        convolution, linear = getattr(layer, name), getattr(special, name)
        convolution.weight.zero_()
        convolution.weight[:, :, kernel_size // 2, kernel_size // 2] = linear.weight
        convolution.bias.copy_(linear.bias)
    return layer


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_adain_is_a_special_case(kernel_size: int) -> None:
    special = AdaIN(6, 4, hidden=7)
    randomized(special)
    layer = spade_of(special, kernel_size)
    x, style = numbers(3, 6, 9, 8).requires_grad_(), numbers(3, 4, seed=2).requires_grad_()
    general = layer(x, Semantics(constant_maps(torch.arange(3), 5, 5), style))
    expected = special(x, style)
    torch.testing.assert_close(general, expected, **EXACT)

    upstream = numbers(3, 6, 9, 8, seed=1)
    torch.testing.assert_close(
        torch.autograd.grad(general, (x, style), upstream), torch.autograd.grad(expected, (x, style), upstream), **EXACT
    )


# What stands in SPADE's place.


def test_concat_appends_the_map_to_the_normalised_features() -> None:
    layer, x, labels = Concat(6, 5), numbers(2, 6, 4, 4), label_map(2, 8, 8)
    semantics = Semantics.from_label_map(labels, 5, dtype=torch.float64)
    expected = torch.cat([normalized_by_hand(x, "batch"), semantics.dense((4, 4))], 1)
    torch.testing.assert_close(layer.double()(x, semantics), expected, **EXACT)
    assert layer.out_channels == 11


def test_unmodulated_looks_at_no_map() -> None:
    layer, x = Unmodulated(6).double(), numbers(2, 6, 4, 4)
    for seed in (0, 1):
        semantics = Semantics.from_label_map(label_map(2, 8, 8, seed=seed), 5)
        torch.testing.assert_close(layer(x, semantics), normalized_by_hand(x, "batch"), **EXACT)
    assert layer.out_channels == 6 and not list(layer.parameters())


def test_modulate() -> None:
    x, gamma, beta = numbers(2, 3, 4, 4), numbers(2, 3, 1, 1, seed=1), numbers(2, 3, 4, 4, seed=2)
    torch.testing.assert_close(modulate(x, gamma, beta), x + x * gamma + beta, **EXACT)
