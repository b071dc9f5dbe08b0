"""SPADE (Park et al. 2019, "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR).

What is new: the label map enters through the scale and shift of every normalisation layer, as learned functions of the
map, so that normalisation cannot wash it away.

Shapes: B batch, K semantic channels, C channels, Z style size, H W the photo's size, h w the latent's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from spadework import losses
from spadework.draw import Draw
from spadework.layers.blocks import Convolution
from spadework.layers.decoder import ModulatedDecoder
from spadework.layers.initialization import initialize
from spadework.layers.modulation import SPADE, Concat, Unmodulated
from spadework.layers.normalization import CONV_NORMS, PARAMETER_FREE_NORMS, fresh_statistics
from spadework.layers.patch_discriminator import (
    MultiscaleDiscriminator,
    PatchDiscriminator,
    ResidualPatchDiscriminator,
    SpadePatchDiscriminator,
)
from spadework.layers.perceptual import PerceptualDistance
from spadework.layers.spectral import SpectralConv2d, settle_spectral_norm
from spadework.layers.style_encoder import StyleEncoder
from spadework.sample import Batch
from spadework.semantics import Semantics
from spadework.systems.base import Progress, Style, System, require_multiple


@dataclass(frozen=True)
class SpadeFamilyConfig:
    """What the systems share that exchange SPADE's modulation for another; the defaults are the released behaviour."""

    classes: int = 183
    """Channels of the one-hot map, the unlabelled one included. The data say how many."""
    edges: bool = False
    """Add a channel that marks the edges between objects (the label map's own where there is no instance map)."""
    height: int = 256
    """Height of the training pictures in pixels."""
    width: int = 256
    """Width of the training pictures in pixels."""

    stem: Literal["label_map", "style"] = "label_map"
    """What the first layer sees: the down-sampled label map, or a style vector."""
    style_size: int = 256
    """Length of the style vector z."""
    encoder: bool = False
    """Train an image encoder, so that the style can come from a photo (needs stem = style)."""
    encoder_input: int = 256
    """Photos are resized to this many pixels, squared, before they are encoded; a power of two."""

    generator_width: int = 64
    """Channels of the generator at full resolution; all others are multiples of it."""
    encoder_width: int = 64
    """Channels after the encoder's first layer."""
    upsamplings: Literal["normal", "more", "most"] = "normal"
    """5, 6 or 7 doublings between the latent and the photo; `most` has one more block."""
    norm: Literal["batch", "sync_batch", "instance", "group", "layer"] = "sync_batch"
    """The parameter-free norm inside the modulation."""
    spectral: bool = True
    """Spectral norm on the convolutions of the generator's blocks."""

    discriminator: Literal["patch", "residual", "spade"] = "patch"
    """Patch discriminator, or one of the alternatives that the authors tried."""
    discriminator_width: int = 64
    """Channels after the discriminator's first layer."""
    discriminator_layers: int = 4
    """Layers of each discriminator before the logits; 5 is the paper's deeper one."""
    discriminator_scales: int = 2
    """Discriminators, each at half the size of the one before."""
    discriminator_norm: Literal["none", "instance", "batch", "sync_batch"] = "instance"
    """Norm inside the discriminator."""
    encoder_norm: Literal["none", "instance", "batch", "sync_batch"] = "instance"
    """Norm inside the encoder."""

    gan_loss: Literal["hinge", "least_squares", "original", "wasserstein"] = "hinge"
    """The adversarial loss."""
    feature_matching_weight: float = 10.0
    """Weight of the feature-matching loss; 0 leaves it out."""
    perceptual_weight: float = 10.0
    """Weight of the perceptual loss; 0 leaves it out."""
    kl_weight: float = 0.05
    """Weight of the encoder's KL divergence."""
    kl_reduction: Literal["sum", "mean"] = "sum"
    """Sum the KL divergence over the whole batch, as released, or take its mean."""

    initialization: Literal["released", "paper"] = "released"
    """`paper`: Glorot with gain 0.02 everywhere; `released`: spectral-normed convolutions keep PyTorch's own start."""
    learning_rate: float = 0.0002
    """Adam's learning rate before the two time scales."""
    two_time_scales: bool = True
    """TTUR: half the learning rate for the generator, double for the discriminator."""
    beta1: float = 0.0
    """Adam's beta1."""
    beta2: float = 0.9
    """Adam's beta2: 0.9 as released; the paper states 0.999."""
    epochs: int = 50
    """Epochs at the full learning rate."""
    decay_epochs: int = 0
    """Epochs after those, in which the learning rate falls linearly."""


@dataclass(frozen=True)
class SpadeConfig(SpadeFamilyConfig):
    """Networks, objective and optimisation; the defaults are the released behaviour."""

    conditioning: Literal["spade", "concat"] = "spade"
    """How blocks see the map: SPADE layers, or the paper's baseline that concatenates it."""
    kernel_size: Literal[1, 3, 5] = 3
    """Kernel of SPADE's convolutions."""
    hidden: int = 128
    """Channels between SPADE's two convolutions."""


UPSAMPLINGS = {"normal": 5, "more": 6, "most": 7}
Features = list[list[Tensor]]
"""What the discriminator makes of pictures, by scale and layer; logits last."""


# The generator (section 3.1 and appendix A).


class SpadeGenerator(ModulatedDecoder):
    """Modulated residual blocks with up-sampling between them; no encoder part, because the map enters in every block.

    `modulation(channels)` makes the blocks' normalisation. `latent_size` (h, w) is what the photo's trained size comes
    down to; with `style_size` a linear layer makes the latent from the style, otherwise the down-sampled map does.
    """

    def __init__(
        self,
        semantic_channels: int,
        modulation: Callable[[int], nn.Module],
        *,
        shortcut_modulation: Callable[[int], nn.Module] | None = None,
        convolution: Convolution = SpectralConv2d,
        width: int = 64,
        upsamplings: Literal["normal", "more", "most"] = "normal",
        latent_size: tuple[int, int] = (8, 8),
        style_size: int | None = None,
    ) -> None:
        # First layer: 16 * width channels at the latent's size.
        channels = [16 * width] * 4 + [8 * width, 4 * width, 2 * width, width]
        if upsamplings == "most":
            channels.append(width // 2)
        if style_size is None:
            stem: nn.Module = nn.Conv2d(semantic_channels, channels[0], 3, padding=1)
        else:
            stem = nn.Linear(style_size, channels[0] * latent_size[0] * latent_size[1])

        # Blocks; the third has no up-sampling before it when there are only five.
        super().__init__(
            stem,
            channels,
            modulation,
            upsample_before=[False, True, upsamplings != "normal"] + [True] * (len(channels) - 4),
            shortcut_modulation=shortcut_modulation,
            convolution=convolution,
        )
        self.upsamplings = UPSAMPLINGS[upsamplings]
        self.latent_size = latent_size
        self.style_size = style_size

    def forward(self, semantics: Semantics, size: tuple[int, int], style: Tensor | None = None) -> Tensor:
        """The photo [B, 3, H, W] in [-1, 1] of `size`, a multiple of 2^upsamplings each way; `style` [B, Z]."""
        return self.decode(self._latent(semantics, size, style), semantics)     # [B, 3, H, W]

    def _latent(self, semantics: Semantics, size: tuple[int, int], style: Tensor | None) -> Tensor:
        h, w = (side // 2**self.upsamplings for side in size)
        if self.style_size is None:
            return self.stem(semantics.dense((h, w)))
        if style is None:
            raise ValueError("this generator makes its latent from a style: give style [B, Z]")

        # A linear layer knows one size; others are interpolated from it.
        x = self.stem(style).unflatten(1, (-1, *self.latent_size))
        return x if self.latent_size == (h, w) else F.interpolate(x, (h, w), mode="bilinear")


# The objective (sections 3.2 and 4, appendix A).


class Spade(System):
    """SPADE: generator, multi-scale discriminator and, for styles from photos, an image encoder."""

    config: SpadeFamilyConfig
    generator: SpadeGenerator
    config_type: ClassVar[type[SpadeFamilyConfig]] = SpadeConfig
    network_names = ("generator", "discriminator", "encoder")
    inference_names = ("generator", "encoder")

    def __init__(self, config: SpadeFamilyConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.generator = _generator(config, **self.modulation(config))
        self.discriminator = _discriminator(config)
        self.encoder = _encoder(config) if config.encoder else None
        self.perceptual: PerceptualDistance | None = None
        """The perceptual loss; set it before training (it holds a fixed network, not part of the model)."""
        initialize(self, everywhere=config.initialization == "paper")

    @staticmethod
    def modulation(config: Any) -> dict[str, Callable[[int], nn.Module]]:
        """How the generator's blocks see the map: the one thing that systems exchange which build on this one."""
        channels, norm = config.classes + config.edges, PARAMETER_FREE_NORMS[config.norm]
        if config.conditioning == "concat":
            concat = partial(Concat, semantic_channels=channels, norm=norm)
            return {"modulation": concat, "shortcut_modulation": partial(Unmodulated, norm=norm)}
        shape = {"kernel_size": config.kernel_size, "hidden": config.hidden}
        return {"modulation": partial(SPADE, semantic_channels=channels, norm=norm, **shape)}

    @property
    def size_multiple(self) -> int:
        return 2**self.generator.upsamplings

    def players(self, progress: Progress) -> dict[str, list[Parameter]]:
        encoder = list(self.encoder.parameters()) if self.encoder is not None else []
        return {
            "generator": [*self.generator.parameters(), *encoder],
            "discriminator": list(self.discriminator.parameters()),
        }

    def optimizer(self, player: str, parameters: list[Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, self._first_learning_rate(player), (self.config.beta1, self.config.beta2))

    def learning_rate(self, player: str, progress: Progress) -> float:
        """Constant, then falling in equal steps per epoch; the last epoch still has one step's worth."""
        decay = self.config.decay_epochs
        steps = min(max(progress.epoch - self.config.epochs, 0), decay - 1) if decay else 0
        return self._first_learning_rate(player) * (1 - steps / decay if decay else 1.0)

    def _first_learning_rate(self, player: str) -> float:
        factor = {"generator": 0.5, "discriminator": 2.0}[player] if self.config.two_time_scales else 1.0
        return self.config.learning_rate * factor

    def first_class(self, name: str) -> int:
        """Behind the features, where the baseline concatenates the map."""
        concatenated = name.startswith("generator.blocks.") and ".conv_" in name
        return self.get_parameter(name).shape[1] - self.config.classes - self.config.edges if concatenated else 0

    def turns(self, batch: Batch, progress: Progress, draw: Draw) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """The generator (with the encoder) plays first, then the discriminator against a new fake."""
        yield "generator", self._generators_turn(batch, draw)
        yield "discriminator", self._discriminators_turn(batch, draw)

    def _generators_turn(self, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        config, real, semantics = self.config, batch.photo, self.semantics(batch)
        assert real is not None
        style = self._training_style(batch, draw, "generator's turn")
        fake = self.generator(semantics, batch.size, None if style is None else style.vector)
        fake_features, real_features = self._judge(semantics, fake, real)
        terms = {"gan": losses.over_scales(losses.GAN_LOSSES[config.gan_loss].generator, fake_features)}
        if config.feature_matching_weight:
            matching = losses.feature_matching(fake_features, real_features)
            terms["feature_matching"] = config.feature_matching_weight * matching
        if config.perceptual_weight:
            assert self.perceptual is not None, "set system.perceptual, or train with perceptual_weight 0"
            terms["perceptual"] = config.perceptual_weight * self.perceptual(fake, real)
        if style is not None and style.mean is not None and style.log_variance is not None:
            kl = losses.kl_divergence(style.mean, style.log_variance)
            terms["kl"] = config.kl_weight * (kl * batch.parts if config.kl_reduction == "sum" else kl / len(fake))
        return terms

    def _discriminators_turn(self, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Against a new fake of the generator that has just learnt."""
        semantics = self.semantics(batch)
        assert batch.photo is not None
        with torch.no_grad():
            style = self._training_style(batch, draw, "discriminator's turn")
            fake = self.generator(semantics, batch.size, None if style is None else style.vector)
        fake_features, real_features = self._judge(semantics, fake, batch.photo)
        loss = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "fake": losses.over_scales(loss.fake, fake_features),
            "real": losses.over_scales(loss.real, real_features),
        }

    def _training_style(self, batch: Batch, draw: Draw, purpose: str) -> Style | None:
        if self.config.stem == "label_map":
            return None
        noise = draw.normal(f"style, {purpose}", self.config.style_size).to(self.generator.to_photo.weight)  # [B, Z]
        return Style(noise) if self.encoder is None else self.encode_style(batch).perturb(noise)

    def _judge(self, semantics: Semantics, fake: Tensor, real: Tensor) -> tuple[Features, Features]:
        """The discriminator's outputs for fakes and for reals, which pass it as one batch, the fakes first."""
        both = self.discriminator(semantics.repeat(2), torch.cat([fake, real]))
        count = len(fake)
        fakes = [[output[:count] for output in outputs] for outputs in both]
        reals = [[output[count:] for output in outputs] for outputs in both]
        return fakes, reals

    @torch.no_grad()
    def refresh(self, batches: Iterator[Batch]) -> None:
        """Power iterations and running statistics of the generator, for averaged weights."""
        averaged = [self.generator] if self.encoder is None else [self.generator, self.encoder]
        for network in averaged:  # The discriminator is no average: it must stay as it is.
            settle_spectral_norm(network)
        self.train()
        with fresh_statistics(self.generator):
            for batch in batches:
                style = self._training_style(batch, Draw(0, range(len(batch))), "refresh")
                self.generator(self.semantics(batch), batch.size, None if style is None else style.vector)
        self.eval()

    # Use.

    def semantics(self, batch: Batch) -> Semantics:
        """What the networks see of the batch's label maps; the same object each time."""
        if "semantics" not in batch.kept:
            semantics = Semantics.from_label_map(
                batch.label_map,
                self.config.classes,
                edges=self.config.edges,
                instance_map=batch.instance_map,
                dtype=self.generator.to_photo.weight.dtype,
            )
            if batch.before is not None and "semantics" in batch.before.kept:
                semantics.follow(batch.before.kept["semantics"])
            batch.kept["semantics"], batch.before = semantics, None
        kept: Semantics = batch.kept["semantics"]
        return kept

    def random_style(self, draw: Draw) -> Style | None:
        return None if self.config.stem == "label_map" else Style(draw.normal("style", self.config.style_size))

    def encode_style(self, batch: Batch) -> Style:
        if self.encoder is None or batch.photo is None:
            return super().encode_style(batch)
        mean, log_variance = self.encoder(batch.photo)
        return Style(mean, mean, log_variance)

    def synthesize(self, batch: Batch, style: Style | None) -> Tensor:
        return self.generator(self.semantics(batch), batch.size, None if style is None else style.vector)


def _generator(config: SpadeFamilyConfig, **modulation: Any) -> SpadeGenerator:
    times = 2 ** UPSAMPLINGS[config.upsamplings]
    return SpadeGenerator(
        config.classes + config.edges,
        **modulation,
        convolution=SpectralConv2d if config.spectral else nn.Conv2d,
        width=config.generator_width,
        upsamplings=config.upsamplings,
        latent_size=(config.height // times, config.width // times),
        style_size=config.style_size if config.stem == "style" else None,
    )


def _discriminator(config: SpadeFamilyConfig) -> MultiscaleDiscriminator:
    norm = CONV_NORMS[config.discriminator_norm]
    one_scale: dict[str, Callable[..., nn.Module]] = {
        "patch": partial(PatchDiscriminator, norm=norm),
        "residual": ResidualPatchDiscriminator,
        "spade": SpadePatchDiscriminator,
    }
    return MultiscaleDiscriminator(
        one_scale[config.discriminator](
            config.classes + config.edges,
            level=level,
            width=config.discriminator_width,
            layers=config.discriminator_layers,
        )
        for level in range(config.discriminator_scales)
    )


def _encoder(config: SpadeFamilyConfig) -> StyleEncoder:
    return StyleEncoder(
        width=config.encoder_width,
        style_size=config.style_size,
        norm=CONV_NORMS[config.encoder_norm],
        input_size=config.encoder_input,
    )


def _check(config: SpadeFamilyConfig) -> None:
    multiple = 2 ** UPSAMPLINGS[config.upsamplings]
    width, height = config.width, config.height
    require_multiple(width, height, multiple, f"upsamplings={config.upsamplings}", "other upsamplings")
    if config.encoder and config.stem != "style":
        raise ValueError("encoder=True needs stem='style': the encoded style enters through the first layer")
