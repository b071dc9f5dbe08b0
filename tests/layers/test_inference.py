"""Networks made ready for inference are the same function as in eval mode, whatever form their layers compute in."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from spadework.layers.blocks import ModulatedBlock
from spadework.layers.form import use_form
from spadework.layers.inference import FoldedBlock, FoldedSPADE, ready_for_inference
from spadework.layers.modulation import SPADE, Concat
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.layers.spectral import SpectralConv2d
from spadework.semantics import Semantics
from tests.layers.float64 import numbers, randomized
from tests.maps import code_maps, drawn_scenes, painted, real_maps

SAME = {"rtol": 1e-10, "atol": 1e-10}


def block(
    before: int = 6, after: int = 4, classes: int = 5, norm: str = "batch", kernel: int = 3
) -> tuple[nn.Module, nn.Module]:
    """A block in eval mode with running statistics of its own, and what it becomes in float64."""

    def modulation(channels: int) -> SPADE:
        return SPADE(channels, classes, norm=PARAMETER_FREE_NORMS[norm], hidden=7, kernel_size=kernel)

    trained = randomized(ModulatedBlock(before, after, modulation)).eval()
    for i, module in enumerate(trained.modules()):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(numbers(module.num_features, seed=i))
            module.running_var.copy_(numbers(module.num_features, seed=i).abs() + 0.5)
    return trained, ready_for_inference(nn.Sequential(copy.deepcopy(trained)), torch.float64)[0]


def semantics_of(codes: Tensor, classes: int) -> Semantics:
    return Semantics.from_label_map(codes, classes, dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(code_maps(classes=40), st.sampled_from((1, 3, 5)), st.sampled_from(["batch", "instance", "group", "layer"]))
@torch.no_grad()
def test_the_same_function(drawn: tuple[Tensor, int], kernel: int, norm: str) -> None:
    codes, classes = drawn
    trained, ready = block(classes=classes, norm=norm, kernel=kernel)
    x = numbers(len(codes), 6, max(2, codes.shape[1]), max(2, codes.shape[2]))
    use_form(trained, "dense")
    expected = trained(x, semantics_of(codes, classes))
    for form in ("auto", "windows", "hidden", "dense"):
        use_form(ready, form)
        torch.testing.assert_close(ready(x.clone(), semantics_of(codes, classes)), expected, **SAME)


@pytest.mark.parametrize(("before", "after"), [(6, 6), (64, 128), (130, 64)])
@torch.no_grad()
def test_any_number_of_channels(before: int, after: int) -> None:
    trained, ready = block(before, after, classes=183)
    codes = real_maps(1, 24)[0]
    x = numbers(1, before, 24, 24)
    expected = trained(x, semantics_of(codes, 183))
    torch.testing.assert_close(ready(x.clone(), semantics_of(codes, 183)), expected, **SAME)


@torch.no_grad()
def test_a_form_that_was_forced_stays_so() -> None:
    layer = SPADE(4, 5)
    layer.form = "dense"
    assert FoldedSPADE(layer, torch.float32).form == "dense"


def test_blocks_without_spade_keep_their_kind() -> None:
    network = nn.Sequential(ModulatedBlock(4, 4, lambda channels: Concat(channels, 5)))
    ready = ready_for_inference(network)
    assert isinstance(ready[0], ModulatedBlock) and not isinstance(ready[0], FoldedBlock)
    assert not any(isinstance(module, SpectralConv2d) for module in ready.modules())


# Tables.


@torch.no_grad()
def test_tables_serve_other_features_of_the_same_map() -> None:
    _, ready = block(classes=183)
    semantics = semantics_of(*real_maps(1, 32))
    ready(numbers(1, 6, 32, 32), semantics)
    scale, shift = ready.norm_0.table(semantics, (32, 32))
    ready(numbers(1, 6, 32, 32, seed=1), semantics)
    again = ready.norm_0.table(semantics, (32, 32))
    assert again[0] is scale and again[1] is shift


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=4))
@torch.no_grad()
def test_a_painted_map_gives_what_it_would_give_alone(strokes: list[int]) -> None:
    trained, ready = block(classes=183)
    use_form(ready, "windows")
    codes, before, x = drawn_scenes(1, 32), None, numbers(1, 6, 32, 32)
    for stroke in [None, *strokes]:
        codes = codes if stroke is None else painted(codes, 183, stroke)
        semantics = semantics_of(codes, 183)
        if before is not None:
            semantics.follow(before)
        expected = trained(x, semantics_of(codes, 183))
        torch.testing.assert_close(ready(x.clone(), semantics), expected, **SAME)
        before = semantics


@torch.no_grad()
def test_painting_adds_rows_and_keeps_the_others() -> None:
    _, ready = block(classes=183)
    use_form(ready, "windows")
    codes = drawn_scenes(1, 64)
    before, after = semantics_of(codes, 183), semantics_of(painted(codes, 183, 3), 183)
    after.follow(before)
    old, new = (ready.norm_0.table(semantics, (64, 64))[0] for semantics in (before, after))
    assert len(old) < len(new) < 1.5 * len(old)
    assert torch.equal(new[: len(old)], old)


def test_much_painting_begins_anew_and_no_chain_of_old_maps_is_held() -> None:
    codes = drawn_scenes(1, 64)
    semantics = first = semantics_of(codes, 183)
    for stroke in range(40):
        codes = painted(codes, 183, stroke)
        after = semantics_of(codes, 183)
        after.follow(semantics)
        assert semantics._before is None
        semantics = after
    windows = semantics.windows((64, 64), (3, 1, 1))
    assert len(windows) <= 64 * 64 and semantics is not first
    other = semantics_of((codes + 1) % 183, 183)
    other.follow(semantics)
    assert other._before is None  # everything changed


# Precision and compilation.


@torch.no_grad()
def test_bf16_is_near() -> None:
    trained, _ = block(64, 64, classes=183)
    ready = ready_for_inference(nn.Sequential(copy.deepcopy(trained).float()), torch.bfloat16)[0]
    codes, x = drawn_scenes(1, 32), numbers(1, 64, 32, 32)
    expected = trained(x, semantics_of(codes, 183))
    actual = ready(x.to(torch.bfloat16), Semantics.from_label_map(codes, 183))
    assert actual.dtype == torch.bfloat16
    assert (actual - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.slow
@torch.no_grad()
def test_compiled_is_the_same() -> None:
    trained, _ = block(64, 32, classes=183)
    ready = ready_for_inference(nn.Sequential(copy.deepcopy(trained)), torch.float64, compile=True)[0]
    use_form(ready, "windows")
    for size in (32, 48):
        codes, x = drawn_scenes(1, size), numbers(1, 64, size, size)
        expected = trained(x, semantics_of(codes, 183))
        torch.testing.assert_close(ready(x.clone(), semantics_of(codes, 183)), expected, **SAME)
