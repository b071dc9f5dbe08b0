"""Spectral normalisation against torch's own (the older one, which the released models were trained with)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from spadework.layers.spectral import (
    SpectralConv2d,
    SpectralConvTranspose2d,
    fold_spectral_norm,
    settle_spectral_norm,
)
from tests.layers.float64 import EXACT, numbers

Pair = tuple[nn.Module, nn.Module, Tensor]


def convolution() -> Pair:
    return pair(SpectralConv2d(4, 6, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1))


def transposed() -> Pair:
    options: dict[str, Any] = {"stride": 2, "padding": 1, "output_padding": 1}
    return pair(SpectralConvTranspose2d(4, 6, 3, **options), nn.ConvTranspose2d(4, 6, 3, **options))


def pair(ours: nn.Module, plain: nn.Module) -> Pair:
    """Our layer and torch's with equal weights and vectors, and an input for both."""
    ours, theirs = ours.double(), spectral_norm(plain, eps=1e-12).double()
    with torch.no_grad():
        for name, other in (("weight", "weight_orig"), ("weight_u", "weight_u"), ("weight_v", "weight_v")):
            getattr(theirs, other).copy_(getattr(ours, name))
        theirs.bias.copy_(ours.bias)
    return ours, theirs, numbers(2, 4, 7, 6)


@pytest.mark.parametrize("make", [convolution, transposed])
def test_as_torch_does_it(make: Any) -> None:
    ours, theirs, x = make()
    for _ in range(4):
        actual, expected = ours(x), theirs(x)
        torch.testing.assert_close(actual, expected, **EXACT)
        torch.testing.assert_close(ours.weight_u, theirs.weight_u, **EXACT)
        torch.testing.assert_close(ours.weight_v, theirs.weight_v, **EXACT)
        upstream = numbers(*actual.shape, seed=1)
        torch.testing.assert_close(
            torch.autograd.grad(actual, (ours.weight, ours.bias), upstream),
            torch.autograd.grad(expected, (theirs.weight_orig, theirs.bias), upstream),
            **EXACT,
        )
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), **EXACT)


@pytest.mark.parametrize("make", [convolution, transposed])
def test_one_iteration_in_training_and_none_in_eval_mode(make: Any) -> None:
    layer, _, x = make()
    outputs = layer.weight.shape[layer.output_dimension]
    matrix = layer.weight.detach().transpose(0, layer.output_dimension).reshape(outputs, -1)
    u = layer.weight_u.clone()
    with torch.no_grad():
        layer(x)
    v = matrix.t() @ u
    v /= v.norm()
    u = matrix @ v
    u /= u.norm()
    torch.testing.assert_close(layer.weight_v, v, **EXACT)
    torch.testing.assert_close(layer.weight_u, u, **EXACT)

    layer.eval()(x)
    torch.testing.assert_close(layer.weight_u, u, **EXACT)
    torch.testing.assert_close(layer.normalized_weight(), layer.weight / (u @ matrix @ v), **EXACT)


def test_the_largest_singular_value_becomes_one() -> None:
    layer, _, _ = convolution()
    for _ in range(200):
        layer.normalized_weight()
    largest = torch.linalg.matrix_norm(layer.eval().normalized_weight().flatten(1), 2)
    assert largest.item() == pytest.approx(1, abs=1e-6)


def sigma_of(layer: nn.Module) -> tuple[float, float]:
    """The layer's estimate of its largest singular value, and the true one."""
    outputs = layer.weight.shape[layer.output_dimension]
    matrix = layer.weight.detach().transpose(0, layer.output_dimension).reshape(outputs, -1)
    return float(layer.weight_u @ matrix @ layer.weight_v), float(torch.linalg.matrix_norm(matrix, 2))


@pytest.mark.parametrize("make", [convolution, transposed])
def test_layers_start_settled_and_settle_again(make: Any) -> None:
    torch.manual_seed(0)
    layer, _, _ = make()
    estimate, true = sigma_of(layer)
    assert 0.9 * true < estimate <= true * (1 + 1e-12)

    # Another weight, as an average of weights is one: the old vectors do not fit it.
    with torch.no_grad():
        layer.weight.copy_(numbers(*layer.weight.shape, seed=3))
    stale, true = sigma_of(layer)
    assert stale < 0.9 * true
    settle_spectral_norm(nn.Sequential(nn.ReLU(), layer))
    settled, _ = sigma_of(layer)
    assert 0.9 * true < settled <= true * (1 + 1e-12)


def test_the_vectors_are_no_parameters() -> None:
    layer, _, x = convolution()
    layer(x).sum().backward()
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
    assert not layer.weight_u.requires_grad and not layer.weight_v.requires_grad
    assert layer.state_dict().keys() == {"weight", "bias", "weight_u", "weight_v"}


@pytest.mark.parametrize("make", [convolution, transposed])
def test_backward_after_a_second_forward(make: Any) -> None:
    """Two forwards of one discriminator: the second moves u and v, the first's gradient stays its own."""
    layer, _, x = make()
    start = {key: value.clone() for key, value in layer.state_dict().items()}
    (early,) = torch.autograd.grad(layer(x).square().sum(), layer.weight)

    layer.load_state_dict(start)
    first = layer(x).square().sum()
    layer(2 * x)
    assert not torch.equal(layer.weight_u, start["weight_u"])
    (late,) = torch.autograd.grad(first, layer.weight)
    torch.testing.assert_close(late, early, **EXACT)


def test_autocast_leaves_the_norm_in_float32() -> None:
    layer = SpectralConv2d(4, 6, 3).eval()
    expected = layer.normalized_weight()
    with torch.autocast("cpu", torch.bfloat16):
        weight, output = layer.normalized_weight(), layer(torch.randn(1, 4, 5, 5))
    assert weight.dtype == torch.float32 and torch.equal(weight, expected)
    assert output.dtype == torch.bfloat16

    layer.train()
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(1, 4, 5, 5))
    assert layer.weight_u.norm().item() == pytest.approx(1, abs=1e-6)


def test_a_transposed_convolution_takes_no_output_size() -> None:
    layer = SpectralConvTranspose2d(2, 2, 3, stride=2)
    with pytest.raises(ValueError, match="output_padding"):
        layer(torch.randn(1, 2, 4, 4), output_size=[9, 9])


# Folding.

FOLDED: dict[str, nn.Module] = {
    "plain": SpectralConv2d(4, 6, 3, padding=1),
    "without bias": SpectralConv2d(4, 6, 1, bias=False),
    "stride": SpectralConv2d(4, 6, 4, stride=2, padding=2),
    "reflect": SpectralConv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    "replicate, uneven": SpectralConv2d(4, 6, (3, 5), padding=(1, 2), padding_mode="replicate"),
    "padding by name": SpectralConv2d(4, 6, 3, padding="same"),
    "dilation": SpectralConv2d(4, 6, 3, padding=2, dilation=2),
    "groups": SpectralConv2d(4, 6, 3, groups=2),
    "transposed": SpectralConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
    "transposed, dilation": SpectralConvTranspose2d(4, 6, 3, dilation=2, bias=False),
    "transposed, groups": SpectralConvTranspose2d(4, 6, 3, stride=2, groups=2),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folding_keeps_the_function(name: str) -> None:
    layer, x = FOLDED[name].double(), numbers(2, 4, 9, 8)
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sequential(layer)).double()
    network(x)
    expected = network.eval()(x)
    assert fold_spectral_norm(network) is network
    torch.testing.assert_close(network(x), expected, **EXACT)
    torch.testing.assert_close(network.train()(x), expected, **EXACT)

    # What is left is plain.
    assert type(network[1][0]) in (nn.Conv2d, nn.ConvTranspose2d)
    assert not [key for key in network.state_dict() if key.endswith(("_u", "_v"))]


def test_folding_a_single_layer_returns_its_replacement() -> None:
    layer, x = SpectralConv2d(4, 6, 3).double().eval(), numbers(1, 4, 5, 5)
    folded = fold_spectral_norm(layer)
    assert type(folded) is nn.Conv2d
    torch.testing.assert_close(folded(x), layer(x), **EXACT)


@pytest.mark.parametrize("learning", [True, False])
def test_folded_weights_learn_if_they_did(learning: bool) -> None:
    folded = fold_spectral_norm(SpectralConv2d(4, 6, 3).requires_grad_(learning))
    assert all(parameter.requires_grad == learning for parameter in folded.parameters())


def test_folding_leaves_other_layers_alone() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.ReLU())
    before = list(network)
    fold_spectral_norm(network)
    assert all(a is b for a, b in zip(network, before, strict=True))
