"""SPADE: its networks against the published numbers, its training, its use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.draw import Draw
from spadework.layers.form import use_form
from spadework.layers.perceptual import PerceptualDistance
from spadework.layers.spectral import SpectralConv2d
from spadework.sample import Batch
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Progress, Style
from spadework.systems.spade import Spade, SpadeConfig
from spadework.training.iteration import iterate, make_optimizers
from tests import tiny
from tests.systems.weightless import weightless

START = Progress(0, 100)
DRAW = Draw(0, [0, 1])
SPADE_PRESETS = PRESETS["spade"]


def on_paper(config: SpadeConfig) -> Spade:
    """The system without memory for its weights, or time to draw them."""
    with weightless():
        return Spade(config)


def count(network: nn.Module | None) -> int:
    assert network is not None
    return sum(parameter.numel() for parameter in network.parameters())


# Sizes of the networks, as measured on the original.

GENERATORS = {
    "coco": {"": 97_480_899, "style": 112_626_883, 1: 71_676_099, 5: 149_090_499, "most": 98_515_043},
    "ade20k": {"": 96_492_483, "style": 111_942_595, 1: 71_295_939, 5: 146_885_571, "most": 97_412_579},
    "cityscapes": {"": 93_048_003, "style": 101_136_579, 1: 69_971_139, 5: 139_201_731, "most": 93_570_659},
    "facades": {"": 92_359_107, "style": 109_081_027, 1: 69_706_179, 5: 137_664_963, "most": 92_802_275},
}
DISCRIMINATORS = {
    "coco": (5_904_514, 14_293_122),
    "ade20k": (5_836_930, 14_225_538),
    "cityscapes": (5_601_410, 13_990_018),
    "facades": (5_554_306, 13_942_914),
}
WIDTHS = {
    "coco": {32: 33_969_379, 48: 61_555_155, 80: 141_746_611, 96: 194_352_291},
    "ade20k": {32: 33_133_027, 48: 60_642_771, 80: 140_682_163, 96: 193_211_811},
    "cityscapes": {32: 30_218_467, 48: 57_463_251, 80: 136_972_723, 96: 189_237_411},
}
ENCODER = 10_463_424


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_have_the_published_size(name: str) -> None:
    config, expected = SPADE_PRESETS[name].config, GENERATORS[name]
    changes: dict[Any, dict[str, Any]] = {
        "": {},
        "style": {"stem": "style"},
        1: {"kernel_size": 1},
        5: {"kernel_size": 5},
        "most": {"upsamplings": "most"},
    }
    for key, change in changes.items():
        assert count(on_paper(replace(config, **change)).generator) == expected[key], key


@pytest.mark.parametrize("name", WIDTHS)
def test_wider_and_narrower_generators(name: str) -> None:
    for width, expected in WIDTHS[name].items():
        assert count(on_paper(replace(SPADE_PRESETS[name].config, generator_width=width)).generator) == expected


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_and_encoders_have_the_published_size(name: str) -> None:
    config = replace(SPADE_PRESETS[name].config, stem="style", encoder=True)
    for layers, expected in zip((4, 5), DISCRIMINATORS[name], strict=True):
        system = on_paper(replace(config, discriminator_layers=layers))
        assert count(system.discriminator) == expected
        assert count(system.encoder) == ENCODER


def test_landscapes() -> None:
    """COCO's classes without its edge channel, which costs 18 SPADE layers 9 * 128 weights and both scales 16 * 64."""
    system = on_paper(SPADE_PRESETS["flickr-landscapes"].config)
    assert count(system.generator) == 112_626_883 - 18 * 9 * 128
    assert count(system.discriminator) == 5_904_514 - 2 * 16 * 64
    assert count(system.encoder) == ENCODER


@pytest.mark.parametrize("name", SPADE_PRESETS)
def test_every_preset_can_be_built(name: str) -> None:
    system = on_paper(SPADE_PRESETS[name].config)
    assert {"generator", "discriminator"} <= system.networks.keys()
    assert ("encoder" in system.networks) == system.config.encoder


def residual_block(before: int, after: int) -> int:
    return 9 * before * after + after + 9 * after * after + after + before * after


def spade_layer(semantic: int, channels: int) -> int:
    return 9 * 128 * semantic + 128 + 2 * (9 * 128 * channels + channels)


STEPS = [(64, 128), (128, 256), (256, 512)]
LOGITS = 512 * 16 + 1
RESIDUAL = 2 * (154 * 64 * 16 + 64 + sum(residual_block(*step) for step in STEPS) + LOGITS)
WITH_SPADE = 2 * (3 * 64 * 16 + 64 + sum(16 * b * a + a + spade_layer(151, a) for b, a in STEPS) + LOGITS)

# Variant -> parameters of generator and discriminator on ADE20K.
VARIANT_SIZES = {
    "compact": (60_642_771, 5_836_930),
    "large": (140_682_163, 5_836_930),
    "random-input": (111_942_595, 5_836_930),
    "kernel-1": (71_295_939, 5_836_930),
    "kernel-5": (146_885_571, 5_836_930),
    "batch-norm": (96_492_483, 5_836_930),
    "instance-norm": (96_492_483, 5_836_930),
    "concat": (79_081_155, 5_836_930),
    "deeper-discriminator": (96_492_483, 14_225_538),
    "residual-discriminator": (96_492_483, RESIDUAL),
    "spade-discriminator": (96_492_483, WITH_SPADE),
    "without-perceptual": (96_492_483, 5_836_930),
    "without-feature-matching": (96_492_483, 5_836_930),
}


def test_every_variant_is_known_here() -> None:
    assert VARIANT_SIZES.keys() == VARIANTS["spade"].keys()


@pytest.mark.parametrize("name", VARIANT_SIZES)
def test_variants(name: str) -> None:
    config = replace(SPADE_PRESETS["ade20k"].config, **VARIANTS["spade"][name])
    assert config != SPADE_PRESETS["ade20k"].config
    system = on_paper(config)
    assert (count(system.generator), count(system.discriminator)) == VARIANT_SIZES[name]


def test_the_registry() -> None:
    assert SYSTEMS["spade"] is Spade and PRESETS.keys() == VARIANTS.keys() == SYSTEMS.keys()


# Configuration.


@pytest.mark.parametrize(
    ("upsamplings", "width", "height", "cure"),
    [
        ("normal", 300, 256, "multiples of 32; take 288x256 or 320x256, or other upsamplings"),
        ("more", 96, 200, "multiples of 64; take 64x192 or 128x256, or"),
        ("most", 256, 64, "multiples of 128; take 256x128, or"),
        ("normal", 0, 256, "multiples of 32; take 32x256, or"),
    ],
)
def test_a_size_that_does_not_fit(upsamplings: str, width: int, height: int, cure: str) -> None:
    with pytest.raises(ValueError, match=f"training size {width}x{height}: .* {cure}"):
        Spade(tiny.config(width=width, height=height, upsamplings=upsamplings))


def test_an_encoder_needs_a_style_stem() -> None:
    with pytest.raises(ValueError, match="encoder=True needs stem='style'"):
        Spade(tiny.config(encoder=True))


def test_the_encoders_input_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two from 8 up; got 100"):
        Spade(tiny.config(stem="style", encoder=True, encoder_input=100))


# Optimisation.


def rates(epochs: int, decay_epochs: int, player: str, **changes: Any) -> list[float]:
    """The learning rate of each epoch, and of one more after the last."""
    system = on_paper(tiny.config(epochs=epochs, decay_epochs=decay_epochs, **changes))
    return [system.learning_rate(player, Progress(10 * epoch + 3, 10)) for epoch in range(epochs + decay_epochs + 1)]


def test_two_time_scales() -> None:
    assert rates(2, 0, "generator") == pytest.approx([0.0001] * 3)
    assert rates(2, 0, "discriminator") == pytest.approx([0.0004] * 3)
    for player in ("generator", "discriminator"):
        assert rates(2, 0, player, two_time_scales=False) == pytest.approx([0.0002] * 3)


def test_the_rate_falls_linearly_and_ends_above_zero() -> None:
    first = 0.0001
    expected = [first, first, first, first * 3 / 4, first * 2 / 4, first / 4, first / 4]
    assert rates(2, 4, "generator") == pytest.approx(expected)
    assert rates(100, 100, "discriminator")[199] == pytest.approx(0.0004 / 100)


def test_adam() -> None:
    system = Spade(tiny.config(stem="style", encoder=True))
    players = system.players(START)
    assert list(players) == ["generator", "discriminator"]
    assert system.encoder is not None
    assert len(players["generator"]) == len([*system.generator.parameters(), *system.encoder.parameters()])
    for player, first in (("generator", 0.0001), ("discriminator", 0.0004)):
        optimizer = system.optimizer(player, players[player])
        assert isinstance(optimizer, torch.optim.Adam)
        for name, value in {"lr": first, "betas": (0.0, 0.9), "eps": 1e-8, "weight_decay": 0}.items():
            assert optimizer.defaults[name] == value


@pytest.mark.parametrize("initialization", ["released", "paper"])
def test_how_weights_begin(initialization: str) -> None:
    torch.manual_seed(0)
    system = Spade(tiny.config(initialization=initialization))
    spectral = [module for module in system.modules() if isinstance(module, SpectralConv2d)]
    plain = [module for module in system.modules() if type(module) is nn.Conv2d]
    for module in [*spectral, *plain]:
        fan_in, fan_out = module.weight[0].numel(), module.weight[:, 0].numel()
        glorot = 0.02 * (2 / (fan_in + fan_out)) ** 0.5
        pytorchs = (3 * fan_in) ** -0.5
        expected = pytorchs if module in spectral and initialization == "released" else glorot
        assert module.weight.std().item() == pytest.approx(expected, rel=0.3)
        assert module.bias is None or not module.bias.any()


# Training.


class Watch:
    """A system with the inputs and outputs of its networks, call by call."""

    def __init__(self, **changes: Any) -> None:
        torch.manual_seed(0)
        self.system = Spade(tiny.config(**changes))
        self.calls: dict[str, list[tuple[Any, Any]]] = {name: [] for name in self.system.networks}
        for name, network in self.system.networks.items():
            calls = self.calls[name]
            network.register_forward_hook(lambda _, inputs, output, calls=calls: calls.append((inputs, output)))

    def turns(self, batch: Batch) -> Iterator[tuple[str, dict[str, Tensor]]]:
        return self.system.turns(batch, START, DRAW)


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def without_gradient(network: nn.Module) -> list[str]:
    return [name for name, parameter in network.named_parameters() if parameter.grad is None]


def test_the_order_of_play() -> None:
    watch = Watch()
    played = [(player, set(losses)) for player, losses in watch.turns(tiny.batch())]
    assert played == [("generator", {"gan", "feature_matching"}), ("discriminator", {"fake", "real"})]
    assert len(watch.calls["generator"]) == len(watch.calls["discriminator"]) == 2


def test_losses_from_what_the_discriminator_said() -> None:
    watch, batch = Watch(), tiny.batch()
    (_, generators), (_, discriminators) = watch.turns(batch)

    # The fakes come first in one batch with the reals.
    for (_, fake), ((_, photos), _) in zip(watch.calls["generator"], watch.calls["discriminator"], strict=True):
        assert torch.equal(photos, torch.cat([fake, batch.photo]))
    (_, first), (_, second) = watch.calls["discriminator"]
    assert len(first) == 2

    gan = sum(-outputs[-1][:2].mean() for outputs in first) / 2
    matching = sum((x[:2] - x[2:]).abs().mean() for outputs in first for x in outputs[:-1]) / 2
    torch.testing.assert_close(generators["gan"], gan)
    torch.testing.assert_close(generators["feature_matching"], 10 * matching)
    torch.testing.assert_close(
        discriminators["fake"], sum(F.relu(1 + outputs[-1][:2]).mean() for outputs in second) / 2
    )
    torch.testing.assert_close(
        discriminators["real"], sum(F.relu(1 - outputs[-1][2:]).mean() for outputs in second) / 2
    )


@pytest.mark.parametrize("kl_reduction", ["sum", "mean"])
def test_the_encoders_loss(kl_reduction: str) -> None:
    watch = Watch(stem="style", encoder=True, kl_reduction=kl_reduction)
    _, losses = next(watch.turns(tiny.batch()))
    ((_, (mean, log_variance)),) = watch.calls["encoder"]
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    torch.testing.assert_close(losses["kl"], 0.05 * kl / (2 if kl_reduction == "mean" else 1))


def test_the_perceptual_loss() -> None:
    watch, batch = Watch(perceptual_weight=10.0), tiny.batch()
    watch.system.perceptual = PerceptualDistance([nn.Identity()], [0.5])
    _, losses = next(watch.turns(batch))
    ((_, fake),) = watch.calls["generator"]
    assert batch.photo is not None
    torch.testing.assert_close(losses["perceptual"], 5 * (fake - batch.photo).abs().mean())
    assert "perceptual" not in watch.system.networks


def test_losses_with_weight_zero_are_left_out() -> None:
    _, losses = next(Watch(feature_matching_weight=0.0).turns(tiny.batch()))
    assert losses.keys() == {"gan"}


@pytest.mark.parametrize("changes", [{}, {"stem": "style"}, {"stem": "style", "encoder": True}, {"edges": True}])
def test_the_generators_turn_reaches_all_of_its_weights(changes: dict[str, Any]) -> None:
    watch = Watch(**changes)
    tiny.lively(watch.system)
    _, losses = next(Spade.turns(watch.system.train(), tiny.batch(), START, DRAW))
    total(losses).backward()
    for name in watch.system.inference_names:
        network = getattr(watch.system, name)
        if network is None:
            continue
        assert without_gradient(network) == []

        # A bias before a norm that takes means away has none but rounding; all others move.
        still = [key for key, parameter in network.named_parameters() if parameter.grad.abs().max() < 1e-9]
        assert [key for key in still if not key.endswith("conv_0.bias")] == []


def test_the_discriminators_turn_leaves_the_generator_alone() -> None:
    watch = Watch(stem="style", encoder=True)
    _, (_, losses) = watch.turns(tiny.batch())
    total(losses).backward()
    assert without_gradient(watch.system.discriminator) == []
    for network in (watch.system.generator, watch.system.encoder):
        assert network is not None
        assert len(without_gradient(network)) == len(list(network.parameters()))


def test_the_discriminator_meets_a_new_fake() -> None:
    """It is the generator after its step that the discriminator plays against."""
    watch = Watch()
    turns = watch.turns(tiny.batch())
    next(turns)
    with torch.no_grad():
        watch.system.generator.to_photo.weight.zero_()
        watch.system.generator.to_photo.bias.fill_(0.5)
    next(turns)
    (_, photos), _ = watch.calls["discriminator"][1]
    torch.testing.assert_close(photos[:2], torch.full_like(photos[:2], 0.5).tanh())


@pytest.mark.parametrize("encoder", [False, True])
def test_each_turn_draws_its_own_style(encoder: bool) -> None:
    watch = Watch(stem="style", encoder=encoder)
    list(watch.turns(tiny.batch()))
    for call, whose in enumerate(("generator's turn", "discriminator's turn")):
        noise = DRAW.normal(f"style, {whose}", 6)
        if encoder:
            _, (mean, log_variance) = watch.calls["encoder"][call]
            noise = mean + noise * (log_variance / 2).exp()
        (_, _, style), _ = watch.calls["generator"][call]
        torch.testing.assert_close(style, noise)
    assert not torch.equal(watch.calls["generator"][0][0][2], watch.calls["generator"][1][0][2])


@pytest.mark.parametrize("discriminator", ["patch", "residual", "spade"])
@pytest.mark.parametrize("gan_loss", ["hinge", "least_squares", "original", "wasserstein"])
def test_every_discriminator_and_loss_trains(discriminator: str, gan_loss: str) -> None:
    system = Watch(discriminator=discriminator, gan_loss=gan_loss).system
    for player, losses in system.turns(tiny.batch(), START, DRAW):
        gradients = torch.autograd.grad(total(losses), system.players(START)[player])
        assert all(gradient.isfinite().all() for gradient in gradients)


# Use.


@pytest.mark.parametrize("norm", ["batch", "sync_batch", "instance", "group", "layer"])
def test_a_picture_alone_is_what_it_is_in_a_batch(norm: str) -> None:
    system = tiny.lively(Spade(tiny.config(stem="style", norm=norm))).double()
    batch, style = tiny.batch(3), torch.randn(3, 6, dtype=torch.float64)
    together = system.synthesize(batch, Style(style))
    assert together.std() > 0.1, "the pictures should show something"
    for i in range(3):
        alone = system.synthesize(Batch(batch.label_map[i : i + 1]), Style(style[i : i + 1]))
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(64, 64), (32, 32), (96, 160), (256, 32)])
@pytest.mark.parametrize("stem", ["label_map", "style"])
def test_any_size(size: tuple[int, int], stem: str) -> None:
    system = tiny.lively(Spade(tiny.config(stem=stem)))
    style = system.random_style(DRAW)
    photo = system.synthesize(tiny.batch(2, *size), style)
    assert photo.shape == (2, 3, *size) and photo.abs().max() <= 1 and photo.isfinite().all()


@pytest.mark.parametrize(
    ("upsamplings", "height", "width"), [("normal", 32, 96), ("more", 64, 128), ("most", 128, 128), ("most", 256, 128)]
)
def test_any_trained_size_and_depth(upsamplings: str, height: int, width: int) -> None:
    system = Spade(tiny.config(upsamplings=upsamplings, height=height, width=width, stem="style")).eval()
    assert system.size_multiple == {"normal": 32, "more": 64, "most": 128}[upsamplings]
    assert system.generator.latent_size == (height // system.size_multiple, width // system.size_multiple)
    assert system.synthesize(tiny.batch(2, height, width), system.random_style(DRAW)).shape == (2, 3, height, width)
    assert system.generator.to_photo.in_channels == (2 if upsamplings == "most" else 4)


def test_a_style_stem_at_another_size_is_interpolated() -> None:
    """The linear layer's latent at the trained size, bilinear elsewhere."""
    system = tiny.lively(Spade(tiny.config(stem="style")))
    style = torch.randn(2, 6)
    seen: list[Tensor] = []
    system.generator.blocks[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    latent = system.generator.stem(style).reshape(2, 64, 2, 2)
    for height, width in ((64, 64), (96, 128)):
        system.synthesize(tiny.batch(2, height, width), Style(style))
    assert torch.equal(seen[0], latent)
    torch.testing.assert_close(seen[1], F.interpolate(latent, (3, 4), mode="bilinear", align_corners=False))


def test_a_label_map_stem_sees_the_map_from_the_start() -> None:
    system = tiny.lively(Spade(tiny.config()))
    batch = tiny.batch()
    seen: list[Tensor] = []
    system.generator.stem.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    system.synthesize(batch, None)
    one_hot = F.one_hot(batch.label_map, 5).permute(0, 3, 1, 2).float()
    assert torch.equal(seen[0], F.interpolate(one_hot, (2, 2), mode="nearest"))


def test_a_style_stem_wants_a_style() -> None:
    system = Spade(tiny.config(stem="style"))
    with pytest.raises(ValueError, match=r"give style \[B, Z\]"):
        system.synthesize(tiny.batch(), None)


def test_without_an_instance_map_the_label_maps_edges_are_drawn() -> None:
    system, batch = tiny.lively(Spade(tiny.config(edges=True))), tiny.batch()
    photo = system.synthesize(batch, None)
    assert torch.equal(photo, system.synthesize(replace(batch, instance_map=batch.label_map), None))
    assert not torch.equal(photo, system.synthesize(replace(batch, instance_map=torch.zeros(2, 64, 64).long()), None))


def test_styles() -> None:
    assert Spade(tiny.config()).random_style(DRAW) is None
    system = Spade(tiny.config(stem="style"))
    style = system.random_style(DRAW)
    assert style is not None and torch.equal(style.vector, DRAW.normal("style", 6))
    with pytest.raises(ValueError, match="this Spade model has no style encoder"):
        system.encode_style(tiny.batch())


def test_encoded_styles() -> None:
    system = tiny.lively(Spade(tiny.config(stem="style", encoder=True)))
    batch = tiny.batch(2, 48, 40)
    style = system.encode_style(batch)
    assert system.encoder is not None and style.log_variance is not None
    mean, log_variance = system.encoder(batch.photo)
    assert torch.equal(style.vector, mean) and torch.equal(style.log_variance, log_variance)

    noise = torch.randn(2, 6)
    torch.testing.assert_close(style.perturb(noise).vector, mean + noise * (log_variance / 2).exp())
    point = Style(mean)
    assert point.perturb(noise) is point
    with pytest.raises(ValueError, match="no style encoder"):
        system.encode_style(replace(batch, photo=None))


def test_training_by_windows_learns_what_training_on_every_pixel_learns() -> None:
    """Twelve iterations in float64: the same losses, the same weights."""
    losses, weights = [], []
    for form in ("dense", "windows"):
        torch.manual_seed(0)
        system = use_form(Spade(tiny.config(edges=True, norm="instance")).double(), form).train()
        assert isinstance(system, Spade)
        progress = Progress(0, 100)
        optimizers = make_optimizers(system, progress)
        curve = []
        for i in range(12):
            batch = tiny.batch(2, seed=i)
            assert batch.photo is not None
            batch.photo = batch.photo.double()
            curve.append(iterate(system, optimizers, batch, progress, Draw(0, [2 * i, 2 * i + 1])))
        losses.append(torch.stack([value for step in curve for value in step.values()]))
        weights.append({key: value for key, value in system.state_dict().items() if key.endswith("weight")})
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-6, atol=1e-6)
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-5, atol=1e-6, msg=key)
