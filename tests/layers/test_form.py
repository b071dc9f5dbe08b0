"""All forms of SPADE give the same numbers and gradients; the cheapest is chosen, and can be forced."""

from __future__ import annotations

import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spadework.layers.form import MEASURED, Form, Work, choose, use_form
from spadework.layers.modulation import SPADE
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.layers.patch_discriminator import MultiscaleDiscriminator, PatchDiscriminator
from spadework.semantics import Semantics
from tests.layers.float64 import numbers, randomized
from tests.maps import code_maps, real_maps

SAME = {"rtol": 1e-10, "atol": 1e-10}
LAYER = (3, 1, 1)


def results(layer: SPADE, form: Form, x: Tensor, codes: Tensor, classes: int, edges: bool) -> list[Tensor]:
    """What a layer makes of x, and the gradients of everything."""
    layer.form = form
    semantics = Semantics.from_label_map(codes, classes, edges=edges, dtype=torch.float64)
    y = layer(x, semantics)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], numbers(*y.shape, seed=7))]


@settings(deadline=None, max_examples=60)
@given(code_maps(), st.sampled_from((1, 3, 5)), st.booleans(), st.sampled_from(("batch", "instance")), st.data())
def test_forms_agree(drawn: tuple[Tensor, int], kernel: int, edges: bool, norm: str, data: st.DataObject) -> None:
    codes, classes = drawn
    size = data.draw(st.sampled_from([(3, 2), (9, 16), tuple(codes.shape[-2:])]))
    if size[0] * size[1] * len(codes) == 1 or (norm == "instance" and size[0] * size[1] == 1):
        size = (2, 2)  # one number has no deviation
    layer = SPADE(4, classes + edges, norm=PARAMETER_FREE_NORMS[norm], kernel_size=kernel, hidden=5)
    randomized(layer)
    x = numbers(len(codes), 4, *size).requires_grad_()
    expected = results(layer, "dense", x, codes, classes, edges)
    for form in ("windows", "hidden"):
        for actual, wanted in zip(results(layer, form, x, codes, classes, edges), expected, strict=True):
            torch.testing.assert_close(actual, wanted, **SAME)


@pytest.mark.parametrize("edges", [False, True])
def test_forms_agree_on_real_maps(edges: bool) -> None:
    codes, classes = real_maps(2, 96)
    layer = randomized(SPADE(6, classes + edges, hidden=9))
    x = numbers(2, 6, 96, 96).requires_grad_()
    expected = results(layer, "dense", x, codes, classes, edges)
    for actual, wanted in zip(results(layer, "windows", x, codes, classes, edges), expected, strict=True):
        torch.testing.assert_close(actual, wanted, **SAME)


def test_forms_agree_in_a_discriminator() -> None:
    codes, photo = real_maps(2, 32)[0], numbers(2, 3, 32, 32).requires_grad_()
    network = MultiscaleDiscriminator(PatchDiscriminator(184, level=level, width=4) for level in range(3))
    randomized(network).eval()
    found = []
    for form in ("dense", "windows"):
        use_form(network, form)
        semantics = Semantics.from_label_map(codes, 183, edges=True, dtype=torch.float64)
        outputs = [output for scale in network(semantics, photo) for output in scale]
        total = torch.stack([output.square().sum() for output in outputs]).sum()
        found.append([*outputs, *torch.autograd.grad(total, [photo, *network.parameters()])])
    for dense, looked_up in zip(*found, strict=True):
        torch.testing.assert_close(looked_up, dense, **SAME)


def test_noise_that_is_constant_over_regions_is_a_matter_of_codes() -> None:
    """A vector of its own for each picture and class, as OASIS draws its noise."""
    labels = real_maps(2, 32)[0]
    codes = labels + 183 * torch.arange(2)[:, None, None]
    noise = numbers(2 * 183, 4)
    table = torch.cat([noise, torch.eye(183).double().repeat(2, 1)], 1)
    layer = randomized(SPADE(4, 187, hidden=5))
    x = numbers(2, 4, 32, 32)
    found = []
    for form in ("dense", "windows", "hidden"):
        layer.form = form  # type: ignore[assignment]
        found.append(layer(x, Semantics(codes, table)))
    torch.testing.assert_close(found[1], found[0], **SAME)
    torch.testing.assert_close(found[2], found[0], **SAME)


def test_dense_extras_need_the_dense_form() -> None:
    layer = randomized(SPADE(4, 7, hidden=5))
    semantics = Semantics(torch.zeros(1, 8, 8).long(), torch.eye(5).double(), numbers(1, 2, 8, 8))
    x = numbers(1, 4, 8, 8)
    layer.form = "windows"
    looked_up = layer(x, semantics)
    layer.form = "dense"
    assert torch.equal(looked_up, layer(x, semantics))


# The choice.


def chosen(codes: Tensor, classes: int = 200, form: Form = "auto", channels: int = 128) -> Form:
    size = (codes.shape[-2], codes.shape[-1])
    work = Work(codes.numel(), channels, 128, 3)
    return choose(form, Semantics.from_label_map(codes, classes), size, LAYER, work, dtype=torch.float32)


def noise(size: int) -> Tensor:
    return torch.randint(200, (1, size, size), generator=torch.Generator().manual_seed(0))


def test_windows_where_they_pay() -> None:
    assert chosen(torch.zeros(1, 64, 64).long()) == "windows"
    assert chosen(noise(64)) == "hidden"
    assert chosen(noise(64), form="windows") == "windows"
    assert chosen(torch.zeros(1, 64, 64).long(), form="dense") == "dense"


def test_noise_is_given_up_before_the_windows_of_the_second_convolution_are_searched() -> None:
    semantics = Semantics.from_label_map(noise(64), 200)
    choose("auto", semantics, (64, 64), LAYER, Work(64 * 64, 128, 128, 3), dtype=torch.float32)
    assert [layers for _, layers in semantics._windows] == [(), (LAYER,)]


def test_the_choice_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "spadework"):
        chosen(torch.zeros(1, 64, 64).long())
    assert "64x64     128 channels: windows" in caplog.text
    assert "25 windows and 9 on 4096 pixels" not in caplog.text
    assert "9 windows and 25 on 4096 pixels" in caplog.text


def test_measured_costs_are_of_this_worlds_size() -> None:
    """Nothing is free but what least squares found to be lost in the rest."""
    for costs in MEASURED.values():
        assert costs.product > 0 and costs.convolution > 0 and costs.look_up > 0
