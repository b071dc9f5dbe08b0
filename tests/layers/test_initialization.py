"""How weights begin."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spadework.layers.initialization import initialize
from spadework.layers.spectral import SpectralConv2d, SpectralConvTranspose2d


def network() -> dict[str, nn.Module]:
    return {
        "convolution": nn.Conv2d(32, 64, 3),
        "linear": nn.Linear(200, 100),
        "spectral": SpectralConv2d(32, 64, 3),
        "transposed": SpectralConvTranspose2d(32, 64, 3),
    }


def started(everywhere: bool) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    layers = network()
    initialize(nn.ModuleList(layers.values()), everywhere=everywhere)
    return layers


def glorot(fan_in: int, fan_out: int) -> float:
    return 0.02 * math.sqrt(2 / (fan_in + fan_out))


GLOROT = {
    "convolution": glorot(32 * 9, 64 * 9),
    "linear": glorot(200, 100),
    "spectral": glorot(32 * 9, 64 * 9),
    "transposed": glorot(64 * 9, 32 * 9),
}


@pytest.mark.parametrize(
    ("everywhere", "name"), [*((True, name) for name in GLOROT), (False, "convolution"), (False, "linear")]
)
def test_glorot_with_gain_002(everywhere: bool, name: str) -> None:
    weight = started(everywhere)[name].weight
    assert weight.mean().abs() < GLOROT[name] / 10
    assert weight.std().item() == pytest.approx(GLOROT[name], rel=0.03)


@pytest.mark.parametrize(("name", "fan_in"), [("spectral", 32 * 9), ("transposed", 64 * 9)])
def test_released_models_began_with_pytorchs_own_spectral_weights(name: str, fan_in: int) -> None:
    """Kaiming uniform with a = sqrt(5): uniform in +-1/sqrt(fan in), much larger than Glorot's with gain 0.02."""
    weight, bound = started(everywhere=False)[name].weight, 1 / math.sqrt(fan_in)
    assert 0.99 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize("everywhere", [True, False])
def test_biases_begin_at_zero(everywhere: bool) -> None:
    for layer in started(everywhere).values():
        assert isinstance(layer.bias, torch.Tensor) and not layer.bias.any()


def test_scales_of_batch_norms_begin_around_one() -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList([nn.BatchNorm2d(4000), nn.SyncBatchNorm(4000), nn.BatchNorm2d(8, affine=False)])
    initialize(layers, everywhere=False)
    for layer in layers[:2]:
        assert layer.weight.mean().item() == pytest.approx(1, abs=0.002)
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert not layer.bias.any()


@pytest.mark.parametrize("everywhere", [True, False])
def test_spectral_norms_fit_the_weights_they_begin_with(everywhere: bool) -> None:
    for name, layer in started(everywhere).items():
        if name in ("spectral", "transposed"):
            matrix = layer.eval().normalized_weight().transpose(0, layer.output_dimension).flatten(1)
            assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, abs=0.1)
