"""CLADE against its formula, alone, in blocks made ready for inference, and on real maps."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from spadework.layers.blocks import ModulatedBlock
from spadework.layers.class_modulation import CLADE, POSITIONS
from spadework.layers.inference import FoldedBlock, ready_for_inference
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.regions import positions
from spadework.semantics import Semantics
from tests.layers.float64 import EXACT, label_map, numbers, randomized
from tests.layers.test_modulation import normalized_by_hand
from tests.maps import code_maps, painted, real_maps

SAME = {"rtol": 1e-9, "atol": 1e-9}
KINDS = [{}, {"edges": True}, {"positions": True}, {"edges": True, "positions": True}]


def semantics_of(codes: Tensor, classes: int, **kind: bool) -> Semantics:
    semantics = Semantics.from_label_map(codes, classes, edges=kind.get("edges", False), dtype=torch.float64)
    if kind.get("positions"):
        semantics.maps[POSITIONS] = torch.stack([positions(one, without=0) for one in codes])
    return semantics


def clade_by_hand(layer: CLADE, x: Tensor, semantics: Semantics, norm: str) -> Tensor:
    """As the paper draws it: maps of scale and shift, and what multiplies them."""
    dense = semantics.dense((x.shape[-2], x.shape[-1]))
    classes = dense[:, : len(layer.affine.weight)].argmax(1)
    tables = layer.affine.weight, layer.affine.bias
    scale, shift = (F.embedding(classes, table).permute(0, 3, 1, 2) for table in tables)
    if layer.position_scale is not None and layer.position_shift is not None:
        where = F.interpolate(semantics.maps[POSITIONS], x.shape[-2:], mode="nearest").double()
        scale, shift = scale * (1 + layer.position_scale(where)), shift * (1 + layer.position_shift(where))
    modulated = normalized_by_hand(x, norm) * scale + shift
    return modulated if layer.edge is None else torch.cat([modulated, layer.edge(dense[:, -1:])], 1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
@pytest.mark.parametrize("norm", PARAMETER_FREE_NORMS)
def test_the_formula_and_its_gradients(norm: str, kind: dict[str, bool]) -> None:
    layer = CLADE(6, 5, norm=PARAMETER_FREE_NORMS[norm], **kind)
    randomized(layer)
    semantics = semantics_of(label_map(3, 16, 14), 5, **kind)
    x = numbers(3, 6, 8, 7).requires_grad_()
    actual, expected = layer(x, semantics), clade_by_hand(layer, x, semantics, norm)
    assert actual.shape == (3, layer.out_channels, 8, 7)
    torch.testing.assert_close(actual, expected, **EXACT)

    gradient = numbers(*actual.shape, seed=1)
    wanted = [x, *layer.parameters()]
    ours, theirs = (torch.autograd.grad(output, wanted, gradient) for output in (actual, expected))
    for mine, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, right, **EXACT)


def test_gradients_by_differences() -> None:
    layer = CLADE(3, 4, edges=True, positions=True, norm=PARAMETER_FREE_NORMS["instance"])
    randomized(layer)
    semantics = semantics_of(label_map(2, 6, 5, classes=4), 4, edges=True, positions=True)

    def run(x: Tensor, *parameters: Tensor) -> Any:
        named = dict(zip((name for name, _ in layer.named_parameters()), parameters, strict=True))
        return torch.func.functional_call(layer, named, (x, semantics))

    assert torch.autograd.gradcheck(run, (numbers(2, 3, 6, 5).requires_grad_(), *layer.parameters()))


def test_a_label_map_alone() -> None:
    layer, codes, x = CLADE(6, 5, edges=True).double(), label_map(2, 16, 16), numbers(2, 6, 8, 8)
    assert torch.equal(layer(x, codes), layer(x, semantics_of(codes, 5, edges=True)))
    with pytest.raises(ValueError, match=r"class indices 0..4, this model has 0..3"):
        CLADE(6, 4)(x.float(), codes)
    with pytest.raises(ValueError, match="wants each pixel's position: give a Semantics"):
        CLADE(6, 5, positions=True)(x.float(), codes)


def test_a_pixel_without_class_counts_as_class_0() -> None:
    layer = randomized(CLADE(6, 2))
    table = torch.tensor([[0, 0], [0, 1], [1, 0]], dtype=torch.float64)
    codes, x = label_map(1, 8, 8, classes=3), numbers(1, 6, 8, 8)
    assert torch.equal(layer(x, Semantics(codes, table)), layer(x, Semantics((codes == 1).long(), table[[2, 1]])))


def test_how_it_begins() -> None:
    torch.manual_seed(0)
    layer = CLADE(64, 50)
    assert layer.affine.weight.min() >= 0 and layer.affine.weight.max() < 1
    assert layer.affine.weight.mean().item() == pytest.approx(0.5, abs=0.02)
    assert not layer.affine.bias.any()


# For inference.


def block(before: int, after: int, norm: str, **kind: Any) -> tuple[nn.Module, nn.Module]:
    """A block with running statistics of its own, and what it becomes in float64."""

    def modulation(channels: int) -> CLADE:
        return CLADE(channels, 40, norm=PARAMETER_FREE_NORMS[norm], **kind)

    trained = randomized(ModulatedBlock(before, after, modulation)).eval()
    for i, module in enumerate(trained.modules()):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(numbers(module.num_features, seed=i))
            module.running_var.copy_(numbers(module.num_features, seed=i).abs() + 0.5)
    ready = ready_for_inference(nn.Sequential(copy.deepcopy(trained)), torch.float64)[0]
    assert isinstance(ready, FoldedBlock)
    return trained, ready


@settings(deadline=None, max_examples=30)
@given(code_maps(classes=40), st.sampled_from(["batch", "instance", "layer"]), st.sampled_from(KINDS))
@torch.no_grad()
def test_the_same_function(drawn: tuple[Tensor, int], norm: str, kind: dict[str, bool]) -> None:
    codes, _ = drawn
    trained, ready = block(6, 4, norm, **kind)
    x = numbers(len(codes), 6, max(2, codes.shape[1]), max(2, codes.shape[2]))
    expected = trained(x, semantics_of(codes, 40, **kind))
    torch.testing.assert_close(ready(x.clone(), semantics_of(codes, 40, **kind)), expected, **SAME)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
@torch.no_grad()
def test_a_painted_map_gives_what_it_would_give_alone(kind: dict[str, bool]) -> None:
    trained, ready = block(6, 6, "batch", **kind)
    codes, before, x = real_maps(1, 32)[0] % 40, None, numbers(1, 6, 32, 32)
    for stroke in range(4):
        semantics = semantics_of(codes, 40, **kind)
        if before is not None:
            semantics.follow(before)
        expected = trained(x, semantics_of(codes, 40, **kind))
        torch.testing.assert_close(ready(x.clone(), semantics), expected, **SAME)
        codes, before = painted(codes, 40, stroke), semantics


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
@torch.no_grad()
def test_in_half_precision(kind: dict[str, bool]) -> None:
    trained, _ = block(8, 8, "batch", **kind)
    ready = ready_for_inference(nn.Sequential(copy.deepcopy(trained).float()), torch.bfloat16)[0]
    codes, x = real_maps(1, 32)[0] % 40, numbers(1, 8, 32, 32)
    expected = trained(x, semantics_of(codes, 40, **kind))
    actual = ready(x.float(), semantics_of(codes, 40, **kind))
    assert actual.dtype == torch.bfloat16
    assert (actual - expected).abs().mean() < 0.02 * expected.abs().mean()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
@torch.no_grad()
def test_compiled(kind: dict[str, bool]) -> None:
    trained, _ = block(6, 4, "batch", **kind)
    ready = ready_for_inference(nn.Sequential(copy.deepcopy(trained)), torch.float64, compile=True)[0]
    for size in (16, 24):
        codes, x = real_maps(1, size)[0] % 40, numbers(1, 6, size, size)
        expected = trained(x, semantics_of(codes, 40, **kind))
        torch.testing.assert_close(ready(x.clone(), semantics_of(codes, 40, **kind)), expected, **SAME)
