"""Golden cases of OASIS: how each kind of case is run on our code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from spadework import losses
from spadework.draw import Draw
from spadework.layers import SPADE
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.layers.regional_noise import semantics_with_noise
from spadework.layers.unet_discriminator import UNetDiscriminator
from spadework.sample import Batch
from spadework.semantics import Semantics
from spadework.systems.base import Progress, Style
from spadework.systems.oasis import Oasis, OasisConfig, OasisGenerator, label_mix_mask, released_coins
from spadework.training.average import WeightAverage
from spadework.training.iteration import iterate, make_optimizers
from spadework.upstream.oasis import to_ours, to_upstream
from tests.goldens.case import Case, Ledger, below

LOSS_NAMES = {
    "loss_G": "segmentation",
    "loss_D_fake": "fake",
    "loss_D_real": "real",
    "loss_D_labelmix": "label_mix",
}
NORMS = {"syncbatch": "sync_batch", "batch": "batch", "instance": "instance"}


# Options of the original to ours.


def photo_size(config: dict[str, Any]) -> tuple[int, int]:
    """(H, W): the latent is crop // 32 wide, and that by the aspect ratio high, rounded."""
    assert config["num_res_blocks"] == 6, "the original works with six blocks only"
    width = config["crop_size"] // 32
    return round(width / config["aspect_ratio"]) * 32, width * 32


def oasis_config(config: dict[str, Any], **changes: Any) -> OasisConfig:
    """What a case says, with the original's behaviour wherever ours is another by default."""
    assert not config["no_spectral_norm"], "the original crashes without spectral norm"
    height, width = photo_size(config)
    return OasisConfig(
        **{
            "classes": config["semantic_nc"],
            "height": height,
            "width": width,
            "style_size": 0 if config["no_3dnoise"] else config["z_dim"],
            "generator_width": config["channels_G"],
            "norm": NORMS[config["param_free_norm"]],
            "kernel_size": config["spade_ks"],
            "hidden": config["nhidden"],
            "discriminator_width": 4,  # a case brings its discriminator's widths along
            "discriminator_layers": 5,
            "class_weights": "process",
            "label_mix": "released",
            "statistics": "released",
            **changes,
        }
    )


def class_weights(config: dict[str, Any]) -> dict[str, Any]:
    return {"class_weights": "none"} if config.get("no_balancing_inloss") else {}


def unlabelled(config: dict[str, Any]) -> int:
    return 0 if config["contain_dontcare_label"] else -1


def build_generator(config: dict[str, Any], weights: dict[str, Tensor]) -> OasisGenerator:
    ours = oasis_config(config)
    channels = ours.style_size + ours.classes
    spade = partial(
        SPADE,
        semantic_channels=channels,
        norm=PARAMETER_FREE_NORMS[ours.norm],
        kernel_size=ours.kernel_size,
        hidden=ours.hidden,
    )
    generator = OasisGenerator(channels, spade, width=ours.generator_width)
    generator.load_state_dict(to_ours(weights, "G"), strict=True)
    return generator.eval()


def build_discriminator(config: dict[str, Any]) -> UNetDiscriminator:
    first, *channels = config["discriminator_channels"]
    assert first == 3
    return UNetDiscriminator(config["semantic_nc"] + 1, channels=channels, last=config["discriminator_last_width"])


def generator_state(config: dict[str, Any], generator: OasisGenerator, before: dict[str, Tensor]) -> dict[str, Tensor]:
    """Under the original's keys. Its synchronised norm never counts its batches, torch's does (which changes nothing):
    those counts are as they were `before`.
    """
    state = to_upstream(generator.state_dict(), "G")
    if config["param_free_norm"] != "syncbatch":
        return state
    return {key: before[key] if key.endswith("num_batches_tracked") else value for key, value in state.items()}


def map_with_noise(label: Tensor, classes: int, noise: Tensor | None) -> Semantics:
    label = label.reshape(-1, *label.shape[-2:]).long()
    noise = torch.zeros(len(label), 0) if noise is None else noise
    return semantics_with_noise(label, classes, noise[:, None])


# Generator.


def run_generator(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    generator = build_generator(config, below(case.weights, "netG"))
    size = photo_size(config)
    for key in case.outputs:
        if not key.startswith("img_") or key.endswith("_train"):
            continue
        label, noise = key.split("_")[1:]                                # img_la_zb: label_a with z_b
        map_ = map_with_noise(
            case.inputs[f"label_{label[1]}"], config["semantic_nc"], case.inputs.get(f"z_{noise[1]}")
        )
        with torch.no_grad():
            ledger.compare(key, generator(map_, size))

    # One forward in training mode: batch statistics, one power iteration.
    if "img_la_za_train" in case.outputs:
        map_ = map_with_noise(case.inputs["label_a"], config["semantic_nc"], case.inputs.get("z_a"))
        with torch.no_grad():
            ledger.compare("img_la_za_train", generator.train()(map_, size))
        compare_below(ledger, "after", generator_state(config, generator, below(case.weights, "netG")))
    ledger.close()


def run_local_noise(case: Case) -> None:
    """Regions as styles of the whole system: a class, a box, every pixel for itself."""
    ledger, config, inputs = Ledger(case), case.config, case.inputs
    system = Oasis(oasis_config(config)).eval()
    system.generator = build_generator(config, below(case.weights, "netG"))
    label_map = inputs["label"][:, 0].long()
    height, width = label_map.shape[1:]
    assert (height, width) == photo_size(config)

    everywhere = Style(inputs["z2"])
    region = everywhere.within(label_map == inputs["class_id"].long()[..., None], inputs["z1"])
    pixels = torch.arange(height * width).view(1, height, width).expand_as(label_map)
    styles = {
        "img_global_z1": Style(inputs["z1"]),
        "img_region": region,
        "img_region_and_box": region.within(inputs["box"][:, 0], inputs["z3"]),
        "img_per_pixel": Style(inputs["noise_per_pixel"].flatten(2).transpose(1, 2), regions=pixels),
    }
    with torch.no_grad():
        for key, style in styles.items():
            ledger.compare(key, system.synthesize(Batch(label_map), style))
    ledger.close()


# Discriminator and losses.


def run_discriminator_losses(case: Case) -> None:
    ledger, config, inputs = Ledger(case), case.config, case.inputs
    discriminator = build_discriminator(config)
    discriminator.load_state_dict(to_ours(below(case.weights, "netD"), "D"), strict=True)
    discriminator.eval()
    label_map, real, fake = inputs["label"][:, 0].long(), inputs["real"], inputs["fake"].requires_grad_()
    classes = config["semantic_nc"]
    if config["no_balancing_inloss"]:
        weights = torch.ones(classes)
    else:
        weights = losses.class_weights(label_map, classes, unlabelled=unlabelled(config), over_processes=False)
    ledger.compare("weight_map", weights[label_map][:, None])
    ledger.compare("target_real", label_map + 1)
    ledger.compare("target_fake", torch.zeros_like(label_map))

    # Single losses, in eval mode.
    mask = label_mix_mask(label_map, released_coins(label_map, coins_of(label_map, inputs["labelmix_draws"], classes)))
    mixed = torch.where(mask, real, fake.detach())
    on_real, on_fake, on_mixed = discriminator(real), discriminator(fake), discriminator(mixed)
    consistency = losses.label_mix_consistency(on_mixed, on_real, on_fake, mask)
    loss_g = losses.class_cross_entropy(on_fake, label_map, weights)
    found = {
        "logits_real_eval": on_real,
        "logits_fake_eval": on_fake,
        "logits_mixed_eval": on_mixed,
        "mask": mask,
        "mixed": mixed,
        "loss_D_fake": losses.fake_cross_entropy(on_fake),
        "loss_D_real": losses.class_cross_entropy(on_real, label_map, weights),
        "labelmix_mse": consistency,
        "labelmix_weighted": config["lambda_labelmix"] * consistency,
        "loss_G": loss_g,
        "dloss_G_dfake": torch.autograd.grad(loss_g, fake, retain_graph=True)[0],
    }
    for key, value in found.items():
        if key in case.outputs:
            ledger.compare(key, value)

    # All of the discriminator's losses in training mode, with their gradients.
    if "loss_D_total_train" in case.outputs:
        discriminator.train()
        on_fake, on_real, on_mixed = discriminator(fake.detach()), discriminator(real), discriminator(mixed)
        total = losses.fake_cross_entropy(on_fake) + losses.class_cross_entropy(on_real, label_map, weights)
        total = total + config["lambda_labelmix"] * losses.label_mix_consistency(on_mixed, on_real, on_fake, mask)
        ledger.compare("loss_D_total_train", total)
        total.backward()
        gradients = {key: parameter.grad for key, parameter in discriminator.named_parameters()}
        compare_below(ledger, "grad", to_upstream(with_buffers(discriminator, gradients), "D"))
        compare_below(ledger, "after", to_upstream(discriminator.state_dict(), "D"))
    ledger.close()


def coins_of(label_map: Tensor, draws: Tensor, classes: int) -> Tensor:
    """[1, N] bool from the original's draws, one for each class present, ascending."""
    coins = torch.zeros(1, classes, dtype=torch.bool)
    present = label_map.unique()
    coins[0, present] = draws[: len(present)] == 1
    return coins


def with_buffers(network: nn.Module, tensors: dict[str, Tensor | None]) -> dict[str, Tensor]:
    """Gradients among buffers, by which the table knows spectral convolutions."""
    found = {key: value for key, value in tensors.items() if value is not None}
    return {key: found.get(key, value) for key, value in network.state_dict().items()}


def compare_below(ledger: Ledger, prefix: str, actual: dict[str, Tensor], **tolerance: float) -> None:
    for key in below(ledger.case.outputs, prefix):
        ledger.compare(f"{prefix}/{key}", actual[key], **tolerance)


# Training.


def run_average(case: Case) -> None:
    """The average after each update, and after its statistics were computed anew."""
    ledger, config, weights = Ledger(case), case.config, case.weights
    system = Oasis(oasis_config(config))
    system.generator = build_generator(config, below(weights, "netG_0"))
    average = WeightAverage(system.generator, config["EMA_decay"], warm_up=False, average_counts=True)
    step = 0
    while f"netG_{step + 1}/conv_img.weight" in weights:
        step += 1
        average.update(build_generator(config, below(weights, f"netG_{step}")))
        compare_below(ledger, f"netEMA_{step}", to_upstream(average.module.state_dict(), "G"))

    # One more update with the same weights, then the refresh.
    average.update(build_generator(config, below(weights, f"netG_{step}")))
    step += 1
    compare_below(ledger, f"netEMA_{step}", to_upstream(average.module.state_dict(), "G"))
    averaged = {key: value.clone() for key, value in to_upstream(average.module.state_dict(), "G").items()}
    system.generator = average.module
    noises = iter(case.inputs["z"])
    system._fake = lambda batch, draw, purpose: system.synthesize(batch, Style(next(noises)))  # type: ignore[method-assign]
    system.refresh(Batch(label[:, 0].long()) for label in case.inputs["labels"])
    compare_below(ledger, f"netEMA_{step}_refreshed", generator_state(config, system.generator, averaged))
    if "img_ema_eval" in case.outputs:
        with torch.no_grad():
            batch = Batch(case.inputs["labels"][0][:, 0].long())
            ledger.compare("img_ema_eval", system.synthesize(batch, Style(case.inputs["z"][0])))
    ledger.close()


class GivenDraws(Draw):
    """Hands out the noise and the coins that the original drew."""

    def __init__(self, noise: Tensor, draws: Tensor, label_map: Tensor, classes: int) -> None:
        self.noise = {"style, generator's turn": noise[0], "style, discriminator's turn": noise[1]}
        self.coins = coins_of(label_map, draws, classes)

    def normal(self, purpose: str, *shape: int) -> Tensor:
        noise = self.noise[purpose]
        assert noise.shape[1:] == shape
        return noise.double()

    def uniform(self, purpose: str, *shape: int) -> Tensor:
        assert purpose == "label mix" and self.coins.shape[1:] == shape
        return torch.where(self.coins, 0.25, 0.75)


def run_train(case: Case) -> None:
    """In float64: what float32 did to the originals is within the tolerances that the case states."""
    config, inputs = case.config, case.inputs
    system = Oasis(
        oasis_config(
            config,
            unlabelled=unlabelled(config),
            label_mix_weight=0.0 if config["no_labelmix"] else config["lambda_labelmix"],
            learning_rate=config["lr_g"],
            discriminator_learning_rate=config["lr_d"],
            beta1=config["beta1"],
            beta2=config["beta2"],
            **class_weights(config),
        )
    )
    assert config["adam_eps"] == 1e-8
    first = below(case.weights, "netG")
    system.generator = build_generator(config, first)
    system.discriminator = build_discriminator(config)
    system.discriminator.load_state_dict(to_ours(below(case.weights, "netD"), "D"), strict=True)
    system.double().train()
    progress = Progress(0, 1)
    optimizers = make_optimizers(system, progress)
    average = WeightAverage(system.generator, config["EMA_decay"], warm_up=False, average_counts=True)

    ledger = Ledger(case)
    for step in range(1, config["steps"] + 1):
        label_map = inputs["labels"][step - 1][:, 0].long()
        batch = Batch(label_map, photo=inputs["images"][step - 1].double())
        draws = inputs["labelmix_draws"][step - 1]
        draw = GivenDraws(inputs["z"][step - 1], draws, label_map, config["semantic_nc"])
        seen = iterate(system, optimizers, batch, progress, draw)
        average.update(system.generator)
        compare_losses(ledger, step, seen)
        compare_state(ledger, f"step{step}/netG", generator_state(config, system.generator, first))
        compare_state(ledger, f"step{step}/netEMA", generator_state(config, average.module, first))
        compare_state(ledger, f"step{step}/netD", to_upstream(system.discriminator.state_dict(), "D"))
    ledger.close()


def compare_losses(ledger: Ledger, step: int, seen: dict[str, Tensor]) -> None:
    values = {theirs: seen[ours] for theirs, ours in LOSS_NAMES.items() if ours in seen}
    values["loss_D"] = sum(value for name, value in values.items() if name != "loss_G")
    for name, value in values.items():
        if f"step{step}/{name}" in ledger.case.outputs:
            ledger.compare(f"step{step}/{name}", value)


def compare_state(ledger: Ledger, prefix: str, actual: dict[str, Tensor]) -> None:
    """By the case's rule: nearly all entries of a parameter close, none far; other limits where nothing is decided."""
    tolerance = ledger.case.facts["tolerance"]
    undecided = set(ledger.case.config["zero_gradient_generator_biases"])
    entries, outliers = 0, 0
    for key, expected in below(ledger.case.outputs, prefix).items():
        ledger.seen.add(f"{prefix}/{key}")
        name = f"{ledger.case.name}: {prefix}/{key}"
        if not expected.is_floating_point():
            assert torch.equal(actual[key], expected), name
            continue
        deviation = (actual[key] - expected).abs()
        if "running_" in key:
            assert deviation.max() <= tolerance["running_stats_atol"], f"{name}: {deviation.max():.3g}"
        elif key in undecided and "netD" not in prefix:
            assert deviation.max() <= tolerance["zero_gradient_biases_atol"], f"{name}: {deviation.max():.3g}"
        else:
            assert deviation.max() <= tolerance["parameters_outlier_atol"], f"{name}: {deviation.max():.3g}"
            entries += deviation.numel()
            outliers += int((deviation > tolerance["parameters_atol"]).sum())
    assert outliers <= tolerance["parameters_outlier_fraction"] * entries, f"{prefix}: {outliers} of {entries} off"


KINDS: dict[str, Callable[[Case], None]] = {
    "generator": run_generator,
    "generator_local": run_local_noise,
    "discriminator_losses": run_discriminator_losses,
    "ema": run_average,
    "train": run_train,
}
