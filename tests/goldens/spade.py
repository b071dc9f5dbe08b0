"""Golden cases of SPADE: how each kind of case is run on our code."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from spadework import losses
from spadework.draw import Draw
from spadework.layers import SPADE, ModulatedBlock, PatchDiscriminator, SpectralConv2d, StyleEncoder
from spadework.layers.normalization import CONV_NORMS, PARAMETER_FREE_NORMS, Norm
from spadework.layers.patch_discriminator import MultiscaleDiscriminator
from spadework.sample import Batch
from spadework.semantics import Semantics
from spadework.systems.base import Progress, Style
from spadework.systems.pix2pixhd import GlobalGenerator
from spadework.systems.spade import UPSAMPLINGS, Spade, SpadeConfig, SpadeGenerator
from spadework.training.iteration import iterate, make_optimizers
from spadework.upstream import spade as upstream
from spadework.upstream.spade import to_ours
from tests.goldens.case import Case, Ledger, below
from tests.goldens.pipeline import run as run_pipeline

GAN_LOSS_NAMES = {"hinge": "hinge", "ls": "least_squares", "original": "original", "w": "wasserstein"}
LOSS_NAMES = {
    "GAN": "gan",
    "GAN_Feat": "feature_matching",
    "VGG": "perceptual",
    "KLD": "kl",
    "D_Fake": "fake",
    "D_real": "real",
}
NETWORKS = {"netG": ("generator", "G"), "netD": ("discriminator", "D"), "netE": ("encoder", "E")}


# Options of the originals, as strings, to ours.


def spade_options(text: str) -> dict[str, Any]:
    """`spectralspadesyncbatch3x3` -> spectral, norm, kernel_size."""
    match = re.fullmatch(r"(spectral)?spade(batch|syncbatch|instance)(\d)x\d", text)
    assert match, f"not a SPADE norm: {text}"
    norm = {"batch": "batch", "syncbatch": "sync_batch", "instance": "instance"}[match[2]]
    return {"spectral": bool(match[1]), "norm": norm, "kernel_size": int(match[3])}


def conv_norm_name(text: str) -> str:
    """`spectralinstance` -> instance."""
    assert text.startswith("spectral"), f"the originals never worked without spectral norm: {text}"
    return text.removeprefix("spectral") or "none"


def conv_norm(text: str) -> Norm | None:
    return CONV_NORMS[conv_norm_name(text)]


def channels(config: dict[str, Any]) -> tuple[int, bool]:
    """(classes with the unlabelled one, edges)."""
    return config["label_nc"] + config["contain_dontcare_label"], not config["no_instance"]


def semantics(config: dict[str, Any], tensors: dict[str, Tensor]) -> Semantics:
    classes, edges = channels(config)
    instance_map = tensors["instance"][:, 0].int() if edges else None
    return Semantics.from_label_map(tensors["label"][:, 0].long(), classes, edges=edges, instance_map=instance_map)


def load(network: nn.Module, weights: dict[str, Tensor], kind: str) -> nn.Module:
    network.load_state_dict(to_ours(weights, kind), strict=True)
    return network.eval()


def part_of_generator(weights: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    """Renames the weights of one part of a generator."""
    renamed = to_ours({f"{theirs}.{key}": value for key, value in weights.items()}, "G")
    return {key.removeprefix(f"{ours}."): value for key, value in renamed.items()}


def once_in_training(module: nn.Module, *inputs: Any) -> Tensor:
    module.train()
    with torch.no_grad():
        output = module(*inputs)
    module.eval()
    return output


# Layers and blocks.


def run_layer(case: Case) -> None:
    ledger = Ledger(case)
    for name, config in case.config.items():
        options = spade_options(config["config_text"])
        norm = PARAMETER_FREE_NORMS[options["norm"]]
        layer = SPADE(config["norm_nc"], config["label_nc"], norm=norm, kernel_size=options["kernel_size"])
        weights = below(case.weights, name)
        layer.load_state_dict(part_of_generator(weights, "head_0.norm_0", "blocks.0.norm_0"), strict=True)

        x, label_map = case.inputs[f"{name}/x"], case.inputs[f"{name}/label"][:, 0].long()
        ledger.compare(f"{name}/eval", layer.eval()(x, label_map))
        ledger.compare(f"{name}/train", once_in_training(layer, x, label_map))
        if options["norm"] != "instance":
            ledger.compare(f"{name}/running_mean_after_train", layer.norm.running_mean)
            ledger.compare(f"{name}/running_var_after_train", layer.norm.running_var)
    ledger.close()


def run_block(case: Case) -> None:
    ledger = Ledger(case)
    for name, config in case.config.items():
        options = spade_options(config["norm_G"])
        spade = partial(
            SPADE,
            semantic_channels=config["semantic_nc"],
            norm=PARAMETER_FREE_NORMS[options["norm"]],
            kernel_size=options["kernel_size"],
        )
        convolution = SpectralConv2d if options["spectral"] else nn.Conv2d
        block = ModulatedBlock(config["fin"], config["fout"], spade, convolution=convolution)
        block.load_state_dict(part_of_generator(below(case.weights, name), "head_0", "blocks.0"), strict=True)

        x = case.inputs[f"{name}/x"]
        map_ = Semantics.from_label_map(case.inputs[f"{name}/label"][:, 0].long(), config["semantic_nc"])
        ledger.compare(f"{name}/eval", block.eval()(x, map_))

        # One training-mode forward and its gradients.
        output = block.train()(x, map_)
        ledger.compare(f"{name}/train", output)
        output.square().mean().backward()
        for key in below(case.outputs, name):
            if key.startswith("grad."):
                parameter = block.get_parameter(key.removeprefix("grad.").replace("weight_orig", "weight"))
                ledger.compare(f"{name}/{key}", parameter.grad)
            elif key.startswith("after_train."):
                ledger.compare(f"{name}/{key}", block.get_buffer(key.removeprefix("after_train.")))
    ledger.close()


# Generators.


def latent_size(config: dict[str, Any]) -> tuple[int, int]:
    """(h, w) of the originals' latent: width crop // 2^n, height round(width / aspect ratio)."""
    width = config["crop_size"] // 2 ** UPSAMPLINGS[config["num_upsampling_layers"]]
    return round(width / config["aspect_ratio"]), width


def photo_size(config: dict[str, Any]) -> tuple[int, int]:
    times = 2 ** UPSAMPLINGS[config["num_upsampling_layers"]]
    return latent_size(config)[0] * times, latent_size(config)[1] * times


def run_generator(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    assert config["netG"] == "spade" and config["output_nc"] == 3
    options = spade_options(config["norm_G"])
    classes, edges = channels(config)
    spade = partial(
        SPADE,
        semantic_channels=classes + edges,
        norm=PARAMETER_FREE_NORMS[options["norm"]],
        kernel_size=options["kernel_size"],
    )
    generator = SpadeGenerator(
        classes + edges,
        spade,
        convolution=SpectralConv2d if options["spectral"] else nn.Conv2d,
        width=config["ngf"],
        upsamplings=config["num_upsampling_layers"],
        latent_size=latent_size(config),
        style_size=config["z_dim"] if config["use_vae"] else None,
    )
    load(generator, case.weights, "G")
    arguments = semantics(config, case.inputs), photo_size(config), case.inputs.get("z")
    with torch.no_grad():
        ledger.compare("image", generator(*arguments))
    if "image_train" in case.outputs:
        ledger.compare("image_train", once_in_training(generator, *arguments))
    ledger.close()


def run_pix2pixhd_generator(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    classes, edges = channels(config)
    generator = GlobalGenerator(
        classes + edges,
        width=config["ngf"],
        downsamplings=config["resnet_n_downsample"],
        blocks=config["resnet_n_blocks"],
        norm=conv_norm(config["norm_G"]),
        kernel_size=config["resnet_kernel_size"],
        first_kernel_size=config["resnet_initial_kernel_size"],
    )
    load(generator, case.weights, "G")
    map_ = semantics(config, case.inputs)
    with torch.no_grad():
        ledger.compare("image", generator(map_, map_.size))
    if "image_train" in case.outputs:
        ledger.compare("image_train", once_in_training(generator, map_, map_.size))
    ledger.close()


# Discriminator, losses, encoder.


def run_discriminator_losses(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    assert config["netD"] == "multiscale" and config["netD_subarch"] == "n_layer"
    classes, edges = channels(config)
    discriminator = MultiscaleDiscriminator(
        PatchDiscriminator(
            classes + edges,
            level=level,
            width=config["ndf"],
            layers=config["n_layers_D"],
            norm=conv_norm(config["norm_D"]),
        )
        for level in range(config["num_D"])
    )
    load(discriminator, case.weights, "D")
    fake, real = case.inputs["fake"].requires_grad_(), case.inputs["real"]
    both = semantics(config, case.inputs).repeat(2)

    def judge() -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        features = discriminator(both, torch.cat([fake, real]))
        count = len(fake)
        return [[f[:count] for f in scale] for scale in features], [[f[count:] for f in scale] for scale in features]

    # Features: the stored ones hold sample 0, but for the logits.
    fakes, reals = judge()
    for side, features in (("fake", fakes), ("real", reals)):
        for s, scale in enumerate(features):
            for j, output in enumerate(scale):
                key = f"feat/{side}/scale{s}/layer{j}"
                if config["no_ganFeat_loss"] and j < len(scale) - 1:
                    continue
                key = key if key in case.outputs else f"feat/{side}/scale{s}/layer0"
                ledger.compare(key, output[: len(case.outputs[key])])

    # Losses on them.
    for theirs, ours in GAN_LOSS_NAMES.items():
        loss = losses.GAN_LOSSES[ours]
        ledger.compare(f"loss/{theirs}/D_fake", losses.over_scales(loss.fake, fakes))
        ledger.compare(f"loss/{theirs}/D_real", losses.over_scales(loss.real, reals))
        ledger.compare(f"loss/{theirs}/G_on_fake", losses.over_scales(loss.generator, fakes))
    matching = not config["no_ganFeat_loss"]
    if matching:
        ledger.compare("loss/feature_matching", config["lambda_feat"] * losses.feature_matching(fakes, reals))

    # The hinge generator objective and its gradient in training mode.
    discriminator.train()
    fakes, reals = judge()
    objective = losses.over_scales(losses.GAN_LOSSES["hinge"].generator, fakes)
    if matching:
        objective = objective + config["lambda_feat"] * losses.feature_matching(fakes, reals)
    ledger.compare("train/g_objective", objective)
    ledger.compare("train/grad_fake", torch.autograd.grad(objective, fake)[0])
    ledger.close()


def run_encoder(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    encoder = StyleEncoder(width=config["ngf"], norm=conv_norm(config["norm_E"]))
    load(encoder, case.weights, "E")
    for name in sorted({key.split("/")[0] for key in case.inputs}):
        mean, log_variance = encoder(case.inputs[f"{name}/image"].float())
        ledger.compare(f"{name}/mu", mean)
        ledger.compare(f"{name}/logvar", log_variance)
        ledger.compare(f"{name}/z", Style(mean, mean, log_variance).perturb(case.inputs[f"{name}/eps"]).vector)
        ledger.compare(f"{name}/kld", losses.kl_divergence(mean, log_variance))
    ledger.close()


def run_encoding(case: Case) -> None:
    ledger = Ledger(case)
    map_ = semantics(case.config, case.inputs)
    ledger.compare("semantics", map_.dense(map_.size))
    ledger.close()


# Training.


class GivenNoise(Draw):
    """Hands out the noise that the original drew."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.noise = {
            "style, generator's turn": tensors.get("eps_G"),
            "style, discriminator's turn": tensors.get("eps_D"),
        }

    def normal(self, purpose: str, *shape: int) -> Tensor:
        noise = self.noise[purpose]
        assert noise is not None and noise.shape[1:] == shape
        return noise.double()


def generator_options(config: dict[str, Any]) -> dict[str, Any]:
    """A config's fields about the generator that SPADE shares with the systems that build on it."""
    classes, edges = channels(config)
    height, width = photo_size(config)
    options = spade_options(config["norm_G"])
    return {
        "classes": classes,
        "edges": edges,
        "height": height,
        "width": width,
        "stem": "style" if config["use_vae"] else "label_map",
        "style_size": config["z_dim"],
        "generator_width": config["ngf"],
        "upsamplings": config["num_upsampling_layers"],
        "norm": options["norm"],
        "spectral": options["spectral"],
    }


def train_options(config: dict[str, Any]) -> dict[str, Any]:
    """The same about everything that trains."""
    assert config["netG"] == "spade" and config["no_vgg_loss"], "the goldens have no VGG weights"
    assert config["adam_eps"] == 1e-8
    return generator_options(config) | {
        "encoder": config["use_vae"],
        "encoder_width": config["ngf"],
        "discriminator_width": config["ndf"],
        "discriminator_layers": config["n_layers_D"],
        "discriminator_scales": config["num_D"],
        "discriminator_norm": conv_norm_name(config["norm_D"]),
        "encoder_norm": conv_norm_name(config.get("norm_E", "spectralinstance")),
        "gan_loss": GAN_LOSS_NAMES[config["gan_mode"]],
        "feature_matching_weight": 0.0 if config["no_ganFeat_loss"] else config["lambda_feat"],
        "perceptual_weight": 0.0,
        "kl_weight": config["lambda_kld"],
        "learning_rate": config["lr"],
        "two_time_scales": not config["no_TTUR"],
        "beta1": config["beta1"],
        "beta2": config["beta2"],
    }


def run_train(case: Case) -> None:
    kernel_size = spade_options(case.config["norm_G"])["kernel_size"]
    trajectory(case, Spade(SpadeConfig(**train_options(case.config), kernel_size=kernel_size)), upstream)


def trajectory(
    case: Case, system: Spade, names: Any, extras: Callable[[dict[str, Tensor]], Any] = lambda _: {}
) -> None:
    """Some steps of a training; `names` is the system's rename table, `extras` makes those of a step's batch.

    In float64: Adam turns the rounding noise of gradients that are truly zero into full steps, and in float64 there
    is none. What float32 did to the originals is listed in the case, by how far it lies from their own float64 run.
    """
    config = case.config
    for theirs, (ours, kind) in NETWORKS.items():
        if (weights := below(case.weights, theirs)):
            system.networks[ours].load_state_dict(names.to_ours(weights, kind), strict=True)
    system.double().train()

    progress = Progress(0, 1)
    optimizers = make_optimizers(system, progress)
    fakes: list[Tensor] = []
    system.generator.register_forward_hook(lambda module, arguments, output: fakes.append(output.detach()))
    ledger, seen_losses = Ledger(case), []
    for step in range(1, config["steps"] + 1):
        tensors = below(case.inputs, f"step{step}")
        photo = (tensors["image_u8"].double() / 255 - 0.5) / 0.5
        instance_map = None if config["no_instance"] else tensors["instance"][:, 0].int()
        label_map = tensors["label"][:, 0].long()
        batch = Batch(label_map, photo=photo, instance_map=instance_map, extras=extras(tensors))

        fakes.clear()
        seen_losses.append(iterate(system, optimizers, batch, progress, GivenNoise(tensors)))
        if f"step{step}/fake" in case.outputs:
            ledger.compare(f"step{step}/fake", fakes[0][:1], rtol=0, atol=case.facts["tolerance"]["fake"]["atol"])
        compare_weights(case, system, names, step, ledger)

    compare_losses(case, seen_losses)
    ledger.close()


def compare_losses(case: Case, seen: list[dict[str, Tensor]]) -> None:
    expected = case.facts["losses_per_step"]
    assert len(seen) == len(expected) == case.config["steps"]
    for step, (ours, theirs) in enumerate(zip(seen, expected, strict=True), 1):
        assert {LOSS_NAMES[name] for name in theirs} == set(ours)
        for name, value in theirs.items():
            torch.testing.assert_close(
                ours[LOSS_NAMES[name]],
                torch.tensor(value, dtype=torch.float64),
                **case.facts["tolerance"]["losses"],
                msg=lambda message, step=step, name=name: f"{case.name}: {name} of step {step}\n{message}",
            )


def compare_weights(case: Case, system: Spade, names: Any, step: int, ledger: Ledger) -> None:
    """The rule of the case's `tolerance`: mean and largest deviation, wider where float32 itself is undecided."""
    for theirs, (ours, kind) in NETWORKS.items():
        expected = below(case.outputs, f"after_step{step}/{theirs}")
        if not expected:
            continue
        actual = names.to_upstream(system.networks[ours].state_dict(), kind)
        assert set(actual) == set(expected)
        for key, reference in expected.items():
            full_key = f"after_step{step}/{theirs}/{key}"
            ledger.seen.add(full_key)
            compare_weight(case, full_key, actual[key], reference, case.weights[f"{theirs}/{key}"])


def compare_weight(case: Case, key: str, actual: Tensor, reference: Tensor, initial: Tensor) -> None:
    if not reference.is_floating_point():
        # The original's synchronised norm never counted its batches; torch's does (the count changes nothing).
        uncounted = "syncbatch" in case.config["norm_G"] and key.endswith("num_batches_tracked")
        assert torch.equal(initial if uncounted else actual, reference), f"{case.name}: {key}"
        return
    deviation = (actual - reference).abs()
    mean_limit = 0.03 * (reference - initial).abs().mean() + 1e-7
    limit = 2e-6 + 1e-4 * reference.abs()
    gap = case.facts["float32_vs_float64_gap"].get(key)
    if gap is not None:
        rate = case.config["lr_D"] if "/netD/" in key else case.config["lr_G"]
        limit = torch.full_like(reference, max(3 * gap["max_gap"], 2 * rate * case.config["steps"]))
        mean_limit = torch.tensor(max(3 * gap["mean_gap"], 0.03 * gap["mean_movement"]))
    mean = deviation.mean()
    assert mean <= mean_limit, f"{case.name}: {key}: mean deviation {mean:.3g} > {mean_limit:.3g}"
    excess = (deviation - limit).max()
    assert excess <= 0, f"{case.name}: {key}: largest deviation {deviation.max():.3g}"


KINDS: dict[str, Callable[[Case], None]] = {
    "layer": run_layer,
    "block": run_block,
    "generator": run_generator,
    "pix2pixhd_generator": run_pix2pixhd_generator,
    "discriminator_losses": run_discriminator_losses,
    "encoder": run_encoder,
    "encoding": run_encoding,
    "pipeline": lambda case: run_pipeline(case.folder),
    "train": run_train,
}
