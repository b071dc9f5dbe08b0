"""OASIS: its networks against the published numbers, its training, its use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.draw import Draw
from spadework.layers.form import use_form
from spadework.layers.perceptual import PerceptualDistance
from spadework.sample import Batch
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Progress, Style
from spadework.systems.oasis import Oasis, OasisConfig, label_mix_mask, released_coins
from spadework.training.iteration import iterate, make_optimizers
from tests import tiny
from tests.systems.tiny_oasis import config, lively
from tests.systems.weightless import weightless

START = Progress(0, 100)
DRAW = Draw(0, [0, 1])


def on_paper(config: OasisConfig) -> Oasis:
    """The system without memory for its weights, or time to draw them."""
    with weightless():
        return Oasis(config)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# Sizes of the networks, as measured on the original: generator, without noise, discriminator.

SIZES = {
    "ade20k": (74_314_691, 72_545_219, 22_258_904),
    "ade20k-outdoor": (74_314_691, 72_545_219, 22_258_904),
    "coco": (75_199_427, 73_429_955, 22_260_984),
    "cityscapes": (71_107_523, 69_338_051, 22_251_364),
}


@pytest.mark.parametrize("name", SIZES)
def test_networks_have_the_published_size(name: str) -> None:
    preset = PRESETS["oasis"][name].config
    system, silent = on_paper(preset), on_paper(replace(preset, **VARIANTS["oasis"]["without-noise"]))
    assert (count(system.generator), count(silent.generator), count(system.discriminator)) == SIZES[name]
    assert count(silent.discriminator) == count(system.discriminator)


def test_every_preset_and_variant_can_be_built() -> None:
    assert SYSTEMS["oasis"] is Oasis and PRESETS["oasis"].keys() == {*SIZES, "tiny"}
    for preset, changes in product(PRESETS["oasis"].values(), [{}, *VARIANTS["oasis"].values()]):
        assert changes == {} or replace(preset.config, **changes) != preset.config
        system = on_paper(replace(preset.config, **changes))
        assert system.networks.keys() == {"generator", "discriminator"}


def test_parts_of_the_generator() -> None:
    generator = on_paper(PRESETS["oasis"]["ade20k"].config).generator
    assert count(generator.stem) == 1_982_464 and count(generator.to_photo) == 1_731
    expected = [24_094_720, 24_094_720, 14_249_984, 5_596_160, 2_694_656, 1_600_256]
    assert [count(block) for block in generator.blocks] == expected


# Configuration and optimisation.


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"width": 80}, "training size 80x64: with discriminator_layers=4 both sides must be multiples of 32"),
        ({"height": 96, "discriminator_layers": 6}, "64x96: .*=6 both .* multiples of 64; take 64x64 or 64x128, or"),
        ({"unlabelled": 5}, r"unlabelled=5 is no class index: there are 0\.\.4"),
    ],
)
def test_what_does_not_fit(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Oasis(config(**changes))


def test_sizes_for_training_and_for_use() -> None:
    system = on_paper(PRESETS["oasis"]["ade20k"].config)
    assert (system.size_multiple, system.training_multiple) == (32, 64)
    assert on_paper(config(discriminator_layers=4)).training_multiple == 32


def test_adam() -> None:
    system = Oasis(config())
    for player, rate in (("generator", 0.0001), ("discriminator", 0.0004)):
        parameters = system.players(START)[player]
        assert len(parameters) == len(list(system.networks[player].parameters()))
        optimizer = system.optimizer(player, parameters)
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.defaults["lr"] == system.learning_rate(player, Progress(10**9, 10)) == rate
        assert optimizer.defaults["betas"] == (0.0, 0.999) and optimizer.defaults["eps"] == 1e-8
    assert list(system.players(START)) == ["generator", "discriminator"]


def test_how_weights_begin() -> None:
    """Glorot with gain 0.02 everywhere, spectral-normed convolutions included; narrow networks may want another."""
    torch.manual_seed(0)
    for gain, changes in ((0.02, {}), (1.0, {"initialization_gain": 1.0})):
        for module in Oasis(config(generator_width=8, **changes)).modules():
            if not isinstance(module, nn.Conv2d):
                continue
            fans = module.weight[0].numel() + module.weight[:, 0].numel()
            assert module.weight.std().item() == pytest.approx(gain * (2 / fans) ** 0.5, rel=0.5)
            assert module.bias is None or not module.bias.any()


# Training.


class Watch:
    """A system with the inputs and outputs of its networks, call by call."""

    def __init__(self, **changes: Any) -> None:
        torch.manual_seed(0)
        self.system = Oasis(config(**changes))
        self.calls: dict[str, list[tuple[Any, Any]]] = {name: [] for name in self.system.networks}
        for name, network in self.system.networks.items():
            calls = self.calls[name]
            network.register_forward_hook(lambda _, inputs, output, calls=calls: calls.append((inputs, output)))

    def turns(self, batch: Batch) -> Iterator[tuple[str, dict[str, Tensor]]]:
        return self.system.turns(batch, START, DRAW)


def test_the_order_of_play() -> None:
    """The discriminator sees the fake; then, against a new one, the fake, the real photo and a mixture, one by one."""
    watch, batch = Watch(), tiny.batch()
    played = [(player, set(losses)) for player, losses in watch.turns(batch)]
    assert played == [("generator", {"segmentation"}), ("discriminator", {"fake", "real", "label_mix"})]

    (_, first), (_, second) = watch.calls["generator"]
    photos = [inputs[0] for inputs, _ in watch.calls["discriminator"]]
    assert len(photos) == 4 and not torch.equal(first, second) and batch.photo is not None
    assert torch.equal(photos[0], first) and torch.equal(photos[1], second) and torch.equal(photos[2], batch.photo)

    # The mixture follows the label map: a class is real or fake as a whole, and both occur.
    mixed, fakes, reals = photos[3], photos[1], photos[2]
    from_real = (mixed == reals).all(1)
    assert torch.equal(mixed, torch.where(from_real[:, None], reals, fakes))
    assert 0 < from_real.float().mean() < 1
    for picture, label in product(range(2), range(5)):
        assert from_real[picture][batch.label_map[picture] == label].unique().numel() == 1


def by_hand(logits: Tensor, label_map: Tensor, unlabelled: int = -1) -> Tensor:
    """The balanced cross-entropy as the average over classes of each class's mean."""
    entropy = -logits.log_softmax(1).gather(1, label_map[:, None] + 1)[:, 0]
    present = [c for c in label_map.unique().tolist() if c != unlabelled]
    return torch.stack([entropy[label_map == c].mean() for c in present]).mean()


@pytest.mark.parametrize("unlabelled", [-1, 0, 3])
def test_losses_from_what_the_discriminator_said(unlabelled: int) -> None:
    watch, batch = Watch(unlabelled=unlabelled, label_mix_weight=7.0), tiny.batch()
    (_, generators), (_, discriminators) = watch.turns(batch)
    on_first, on_fake, on_real, on_mixed = (output for _, output in watch.calls["discriminator"])
    torch.testing.assert_close(generators["segmentation"], by_hand(on_first, batch.label_map, unlabelled))
    torch.testing.assert_close(discriminators["real"], by_hand(on_real, batch.label_map, unlabelled))
    torch.testing.assert_close(discriminators["fake"], -on_fake.log_softmax(1)[:, 0].mean())
    (photos,), _ = watch.calls["discriminator"][3]
    from_real = (photos == batch.photo).all(1, keepdim=True)
    consistency = (torch.where(from_real, on_real, on_fake) - on_mixed).square().mean()
    torch.testing.assert_close(discriminators["label_mix"], 7 * consistency)


def test_without_balance_every_pixel_counts_alike() -> None:
    watch, batch = Watch(class_weights="none", unlabelled=0), tiny.batch()
    _, losses = next(watch.turns(batch))
    ((_, logits),) = watch.calls["discriminator"]
    torch.testing.assert_close(losses["segmentation"], F.cross_entropy(logits, batch.label_map + 1))


def test_what_has_weight_zero_is_left_out() -> None:
    watch = Watch(label_mix_weight=0.0)
    assert [set(losses) for _, losses in watch.turns(tiny.batch())] == [{"segmentation"}, {"fake", "real"}]
    assert len(watch.calls["discriminator"]) == 3


def test_the_perceptual_loss() -> None:
    watch, batch = Watch(perceptual_weight=10.0), tiny.batch()
    watch.system.perceptual = PerceptualDistance([nn.Identity()], [0.5])
    _, losses = next(watch.turns(batch))
    ((_, fake),) = watch.calls["generator"]
    assert batch.photo is not None
    torch.testing.assert_close(losses["perceptual"], 5 * (fake - batch.photo).abs().mean())


def test_each_turn_draws_noise_of_its_own() -> None:
    watch, batch = Watch(), tiny.batch()
    list(watch.turns(batch))
    for call, whose in enumerate(("generator's turn", "discriminator's turn")):
        (semantics, size), _ = watch.calls["generator"][call]
        noise, one_hot = semantics.dense(size).split([6, 5], 1)
        torch.testing.assert_close(noise, DRAW.normal(f"style, {whose}", 6)[..., None, None].expand_as(noise))
        assert torch.equal(one_hot.argmax(1), batch.label_map)
    first, second = (call[0][0] for call in watch.calls["generator"])
    assert second._windows is first._windows, "windows are a matter of the label map, not of the noise"


def test_the_discriminators_turn_leaves_the_generator_alone() -> None:
    watch = Watch()
    _, (_, losses) = watch.turns(tiny.batch())
    torch.stack(list(losses.values())).sum().backward()
    assert all(parameter.grad is None for parameter in watch.system.generator.parameters())
    assert all(parameter.grad is not None for parameter in watch.system.discriminator.parameters())


def test_training_by_windows_learns_what_training_on_every_pixel_learns() -> None:
    """Six iterations in float64: the same losses, the same weights."""
    losses, weights = [], []
    for form in ("dense", "windows"):
        torch.manual_seed(0)
        system = use_form(Oasis(config(norm="instance", unlabelled=2)).double(), form).train()
        assert isinstance(system, Oasis)
        optimizers, curve = make_optimizers(system, START), []
        for i in range(6):
            batch = tiny.batch(2, seed=i)
            assert batch.photo is not None
            batch.photo = batch.photo.double()
            curve.append(iterate(system, optimizers, batch, START, Draw(0, [2 * i, 2 * i + 1])))
        losses.append(torch.stack([value for step in curve for value in step.values()]))
        weights.append({key: value for key, value in system.state_dict().items() if key.endswith("weight")})
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-6, atol=1e-6)
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-5, atol=1e-6, msg=key)


# LabelMix.


def test_a_picture_draws_its_own_coins_whatever_the_batch() -> None:
    system, maps = Oasis(config()), tiny.label_maps(4)
    together = system._label_mix_mask(maps, Draw(3, range(10, 14)))
    for i in range(4):
        alone = system._label_mix_mask(maps[i : i + 1], Draw(3, [10 + i]))
        assert torch.equal(alone, together[i : i + 1])


def test_coins_are_fair() -> None:
    coins = torch.cat([Draw(0, [i]).uniform("label mix", 5) < 0.5 for i in range(4000)])
    assert (coins.float().mean(0) - 0.5).abs().max() < 0.03


def test_released_coins_write_over_the_map_class_by_class() -> None:
    """Against the original's way, step by step, for every combination of coins and present classes."""
    for present in ([0, 1, 2], [0, 2], [1, 2], [0, 1]):
        for drawn in product((0, 1), repeat=3):
            label_map = torch.tensor(present).repeat(2, 2, 1)
            coins = torch.tensor([drawn, [1, 1, 1]]) == 1
            expected = label_map.clone()
            for label in present:
                expected[expected == label] = drawn[label]
            mask = label_mix_mask(label_map, released_coins(label_map, coins))
            assert torch.equal(mask[:, 0].long(), expected), (present, drawn)


# Averaged weights.


def test_refresh_makes_statistics_of_the_present_weights() -> None:
    """Fresh ones are the mean over the batches given; released ones are the old ones, moved on."""
    for statistics in ("fresh", "released"):
        system = lively(statistics=statistics)
        norm = system.generator.blocks[0].norm_0.norm
        seen: list[Tensor] = []
        norm.register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(inputs[0].mean((0, 2, 3))))
        norm.running_mean.fill_(100.0)
        system.refresh(iter([tiny.batch(4, seed=i) for i in range(3)]))
        assert not system.training and len(seen) == 3
        expected = torch.stack(seen).mean(0)
        if statistics == "released":
            expected = torch.full_like(expected, 100.0)
            for mean in seen:
                expected = 0.9 * expected + 0.1 * mean
        torch.testing.assert_close(norm.running_mean, expected, rtol=1e-4, atol=1e-4)


# Use.


@pytest.mark.parametrize("size", [(64, 64), (32, 32), (96, 160)])
def test_any_size(size: tuple[int, int]) -> None:
    system = lively()
    photo = system.synthesize(tiny.batch(2, *size), system.random_style(DRAW))
    assert photo.shape == (2, 3, *size) and photo.abs().max() <= 1 and photo.std() > 0.1


@pytest.mark.parametrize("norm", ["batch", "sync_batch", "instance"])
def test_a_picture_alone_is_what_it_is_in_a_batch(norm: str) -> None:
    system = lively(norm=norm).double()
    batch, style = tiny.batch(3), torch.randn(3, 6, dtype=torch.float64)
    together = system.synthesize(batch, Style(style))
    for i in range(3):
        alone = system.synthesize(Batch(batch.label_map[i : i + 1]), Style(style[i : i + 1]))
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-10)


def test_styles() -> None:
    system = lively()
    style = system.random_style(DRAW)
    assert style is not None and torch.equal(style.vector, DRAW.normal("style", 6))
    batch = tiny.batch()
    photos = [system.synthesize(batch, each) for each in (style, Style(style.vector + 1))]
    assert not torch.allclose(*photos, atol=0.01)
    silent = Oasis(config(style_size=0)).eval()
    assert silent.random_style(DRAW) is None and not silent.regional_styles
    assert silent.synthesize(batch, None).shape == (2, 3, 64, 64)
    with pytest.raises(ValueError, match="no style encoder"):
        system.encode_style(batch)


# Noise by region.

REACH = 4 * 32 + 2 * (16 + 8 + 4 + 2 + 1) + 1 + 31
"""Pixels over which noise can show: four cells of the coarsest blocks, two of each finer, one of the last convolution,
and the rest of the cell that the pixel stands for."""


def in_regions(style: Style, where: Tensor, seed: int = 1) -> Style:
    return style.within(where, torch.randn(len(where), 6, generator=torch.Generator().manual_seed(seed)))


@torch.no_grad()
def test_one_vector_for_all_regions_is_one_for_the_picture() -> None:
    system, batch, vector = lively().double(), tiny.batch(), torch.randn(2, 6, dtype=torch.float64)
    regions = tiny.label_maps(2, seed=9)
    expected = system.synthesize(Batch(batch.label_map), Style(vector))
    found = system.synthesize(Batch(batch.label_map), Style(vector[:, None].repeat(1, 5, 1), regions=regions))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_noise_by_region_in_every_form(norm: str) -> None:
    """By distinct windows and on every pixel, for few regions and for more than there are pixels in common."""
    system, batch = lively(norm=norm).double(), tiny.batch()
    for count in (1, 3, 5000):
        vectors = torch.randn(2, count, 6, dtype=torch.float64)
        regions = torch.randint(count, (2, 8, 8)).repeat_interleave(8, 1).repeat_interleave(8, 2)
        style = Style(vectors, regions=regions)
        photos = []
        for form in ("dense", "hidden", "windows"):
            use_form(system, form)
            photos.append(system.synthesize(Batch(batch.label_map), style))
        for photo in photos[1:]:
            torch.testing.assert_close(photo, photos[0], rtol=0, atol=1e-10)


@torch.no_grad()
def test_how_far_a_region_reaches() -> None:
    system, maps = lively().double(), tiny.label_maps(1, 64, 768)
    everywhere = Style(torch.zeros(1, 6))
    where = torch.zeros(1, 64, 768, dtype=torch.bool)
    where[..., :32] = True
    before = system.synthesize(Batch(maps), everywhere)
    after = system.synthesize(Batch(maps), in_regions(everywhere, where))
    changed = (before != after).any(1).any(1)[0].nonzero().flatten()
    assert torch.equal(changed[:32], torch.arange(32)), "all of the region changes"
    assert 31 + 64 < changed.max() <= 31 + REACH


def test_regions_that_have_no_vector() -> None:
    system, batch = Oasis(config()).eval(), tiny.batch()
    with pytest.raises(ValueError, match=r"regions 0\.\.4 for 3 noise vectors 0\.\.2"):
        system.synthesize(batch, Style(torch.zeros(2, 3, 6), regions=tiny.label_maps(2, seed=1)))
