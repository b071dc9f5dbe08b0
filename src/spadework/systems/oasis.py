"""OASIS (Sushko et al. 2021, "You Only Need Adversarial Supervision for Semantic Image Synthesis", ICLR).

What is new: the discriminator is a segmenter that tells each pixel's class, or that it is fake, so that the generator
needs no other supervision; and noise that is spread over the label map makes one map many photos, as a whole or region
by region.

Shapes: B batch, N classes, Z noise channels, R regions, H W the photo's size, h w the latent's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from spadework import losses
from spadework.draw import Draw
from spadework.layers.decoder import ModulatedDecoder
from spadework.layers.initialization import initialize
from spadework.layers.modulation import SPADE
from spadework.layers.normalization import PARAMETER_FREE_NORMS, fresh_statistics
from spadework.layers.perceptual import PerceptualDistance
from spadework.layers.regional_noise import semantics_with_noise
from spadework.layers.spectral import settle_spectral_norm
from spadework.layers.unet_discriminator import UNetDiscriminator
from spadework.sample import Batch
from spadework.semantics import Semantics
from spadework.systems.base import Progress, Style, System, require_multiple


@dataclass(frozen=True)
class OasisConfig:
    """Networks, objective and optimisation."""

    classes: int = 183
    """Channels of the one-hot map, the unlabelled one included. The data say how many."""
    unlabelled: int = -1
    """Class index of unlabelled pixels, which cost nothing but where they are fake; -1: none. The data say which."""
    height: int = 256
    """Height of the training pictures in pixels."""
    width: int = 256
    """Width of the training pictures in pixels."""

    style_size: int = 64
    """Noise channels beside the one-hot map; 0: one photo for each label map."""
    generator_width: int = 64
    """Channels of the generator at full resolution; all others are multiples of it."""
    norm: Literal["batch", "sync_batch", "instance"] = "sync_batch"
    """The parameter-free norm inside SPADE."""
    kernel_size: Literal[1, 3, 5] = 3
    """Kernel of SPADE's convolutions."""
    hidden: int = 128
    """Channels between SPADE's two convolutions."""
    discriminator_width: int = 128
    """Channels of the discriminator at half the resolution: the deeper ones have up to four times as many."""
    discriminator_layers: Literal[3, 4, 5, 6] = 6
    """How often the discriminator halves the size."""

    class_weights: Literal["batch", "process", "none"] = "batch"
    """Rare classes count as much as frequent ones: over the whole batch, over the part of it that each process has (as
    released), or not at all."""
    label_mix: Literal["picture", "released"] = "picture"
    """LabelMix draws for each picture which classes are real, or once for all pictures of a process, with a fault that
    makes class 0 follow class 1 (as released)."""
    label_mix_weight: float = 10.0
    """Weight of LabelMix's consistency loss; 0 leaves it out."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual loss; 0 leaves it out."""

    initialization_gain: float = 0.02
    """Glorot's gain for the first weights. Spectral norm divides by them, so the smaller they are, the larger are the
    first steps; narrow networks want 1."""
    learning_rate: float = 0.0001
    """Adam's learning rate for the generator."""
    discriminator_learning_rate: float = 0.0004
    """Adam's learning rate for the discriminator."""
    beta1: float = 0.0
    """Adam's beta1."""
    beta2: float = 0.999
    """Adam's beta2."""
    epochs: int = 200
    """Epochs of a training."""
    decay_epochs: ClassVar[int] = 0
    statistics: Literal["fresh", "released"] = "fresh"
    """Norm statistics of averaged weights: plain means over some training pictures, or, as released, the averaged ones
    moved on by momentum."""


DOUBLINGS = 5
"""Between the generator's latent and the photo."""


# The discriminator (section 3.1) lies in layers/unet_discriminator.py, its losses (3.2) in losses.py. LabelMix (3.2):


def label_mix_mask(label_map: Tensor, coins: Tensor) -> Tensor:
    """[B, 1, H, W] bool: the real part of a mixed photo, which follows the borders of the label map.

    `coins` [B, N] (or [1, N] for all pictures alike) bool: which classes are real.
    """
    return coins.expand(len(label_map), -1).gather(1, label_map.flatten(1)).view_as(label_map)[:, None]


def released_coins(label_map: Tensor, coins: Tensor) -> Tensor:
    """[1, N]: the coins [B, N] as the released code uses them: the first picture's for all.

    It writes them into the label map class by class, so that pixels of class 0 that became 1 are taken for class 1
    where there is one (golden disc_losses_labelmix).
    """
    coins = coins[:1].clone()
    if (label_map == 1).any():
        coins[0, 0] &= coins[0, 1]
    return coins


# The generator (section 3.3).


class OasisGenerator(ModulatedDecoder):
    """SPADE's residual blocks, six of them, from a down-sampled map of noise and labels; no other input.

    `modulation(channels)` makes the blocks' normalisation.
    """

    def __init__(
        self, semantic_channels: int, modulation: Callable[[int], nn.Module], *, width: int = 64
    ) -> None:
        channels = [width * times for times in (16, 16, 16, 8, 4, 2, 1)]
        stem = nn.Conv2d(semantic_channels, channels[0], 3, padding=1)
        super().__init__(stem, channels, modulation, upsample_before=[False] + [True] * DOUBLINGS)

    def forward(self, semantics: Semantics, size: tuple[int, int]) -> Tensor:
        """The photo [B, 3, H, W] in [-1, 1] of `size`, a multiple of 32 each way, for noise and classes [Z+N]."""
        h, w = (side // 2**DOUBLINGS for side in size)
        x = self.stem(semantics.dense((h, w)))                                  # [B, 16C, h, w]
        return self.decode(x, semantics)                                        # [B, 3, H, W]


# Training (sections 3 and 4).


class Oasis(System):
    """OASIS: a generator of labels and noise against a segmenting discriminator."""

    config: OasisConfig
    generator: OasisGenerator
    config_type = OasisConfig

    def __init__(self, config: OasisConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.regional_styles = config.style_size > 0
        self.generator = _generator(config)
        self.discriminator = _discriminator(config)
        self.perceptual: PerceptualDistance | None = None
        """The perceptual loss; set it before training (it holds a fixed network, not part of the model)."""
        initialize(self, everywhere=True, gain=config.initialization_gain)

    @property
    def size_multiple(self) -> int:
        return 2**DOUBLINGS

    @property
    def training_multiple(self) -> int:
        return _training_multiple(self.config)

    def players(self, progress: Progress) -> dict[str, list[Parameter]]:
        return {name: list(network.parameters()) for name, network in self.networks.items()}

    def optimizer(self, player: str, parameters: list[Parameter]) -> torch.optim.Optimizer:
        rate = self.learning_rate(player, Progress(0, 1))
        return torch.optim.Adam(parameters, rate, (self.config.beta1, self.config.beta2))

    def learning_rate(self, player: str, progress: Progress) -> float:
        config = self.config
        return {"generator": config.learning_rate, "discriminator": config.discriminator_learning_rate}[player]

    def first_class(self, name: str) -> int:
        """Behind the noise in the generator, behind `fake` in the discriminator."""
        return self.config.style_size if name.startswith("generator.") else 1

    def turns(self, batch: Batch, progress: Progress, draw: Draw) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """The generator plays first, then the discriminator against a new fake with new noise."""
        weights = self._class_weights(batch)
        yield "generator", self._generators_turn(batch, draw, weights)
        yield "discriminator", self._discriminators_turn(batch, draw, weights)

    def _generators_turn(self, batch: Batch, draw: Draw, weights: Tensor) -> dict[str, Tensor]:
        """Every pixel should look like its class."""
        assert batch.photo is not None
        fake = self._fake(batch, draw, "generator's turn")
        on_fake = self.discriminator(fake)                                      # [B, 1+N, H, W]
        terms = {"segmentation": losses.class_cross_entropy(on_fake, batch.label_map, weights)}
        if self.config.perceptual_weight:
            assert self.perceptual is not None, "set system.perceptual, or train with perceptual_weight 0"
            terms["perceptual"] = self.config.perceptual_weight * self.perceptual(fake, batch.photo)
        return terms

    def _discriminators_turn(self, batch: Batch, draw: Draw, weights: Tensor) -> dict[str, Tensor]:
        """Classes of the real photo, the fake as fake, and the same for parts of both."""
        real, label_map = batch.photo, batch.label_map
        assert real is not None
        with torch.no_grad():
            fake = self._fake(batch, draw, "discriminator's turn")
        on_fake, on_real = self.discriminator(fake), self.discriminator(real)   # [B, 1+N, H, W] each
        terms = {
            "fake": losses.fake_cross_entropy(on_fake),
            "real": losses.class_cross_entropy(on_real, label_map, weights),
        }
        if self.config.label_mix_weight:
            mask = self._label_mix_mask(label_map, draw)                        # [B, 1, H, W]
            on_mixed = self.discriminator(torch.where(mask, real, fake))
            consistency = losses.label_mix_consistency(on_mixed, on_real, on_fake, mask)
            terms["label_mix"] = self.config.label_mix_weight * consistency
        return terms

    def _fake(self, batch: Batch, draw: Draw, purpose: str) -> Tensor:
        size = self.config.style_size
        style = Style(draw.normal(f"style, {purpose}", size)) if size else None                     # [B, Z]
        return self.synthesize(batch, style)

    def _class_weights(self, batch: Batch) -> Tensor:
        config, label_map = self.config, batch.label_map
        if config.class_weights == "none":
            return torch.ones(config.classes, device=label_map.device)
        whole = config.class_weights == "batch"
        if whole and batch.beside:
            label_map = torch.cat(batch.beside)
        return losses.class_weights(
            label_map, config.classes, unlabelled=config.unlabelled, over_processes=whole
        )

    def _label_mix_mask(self, label_map: Tensor, draw: Draw) -> Tensor:
        coins = (draw.uniform("label mix", self.config.classes) < 0.5).to(label_map.device)         # [B, N]
        if self.config.label_mix == "released":
            coins = released_coins(label_map, coins)
        return label_mix_mask(label_map, coins)

    @torch.no_grad()
    def refresh(self, batches: Iterator[Batch]) -> None:
        """Power iterations and running statistics of the generator, for averaged weights."""
        released = self.config.statistics == "released"
        if not released:
            settle_spectral_norm(self.generator)
        self.train()
        with nullcontext() if released else fresh_statistics(self.generator):
            for batch in batches:
                self._fake(batch, Draw(0, range(len(batch))), "refresh")
        self.eval()

    # Use.

    def semantics(self, batch: Batch, style: Style | None) -> Semantics:
        """Noise and classes of the batch's label maps. What other noise leaves as it is, is not worked out again."""
        weight = self.generator.to_photo.weight
        vectors = weight.new_zeros(len(batch), 1, 0) if style is None else style.vector.to(weight)
        vectors = vectors if vectors.ndim == 3 else vectors[:, None]            # [B, R, Z]
        regions = None if style is None else style.regions
        semantics = semantics_with_noise(batch.label_map, self.config.classes, vectors, regions)

        last: Semantics | None = batch.kept.get("semantics")
        before: Semantics | None = None if batch.before is None else batch.before.kept.get("semantics")
        same_codes = last is not None and torch.equal(last.codes, semantics.codes)
        if last is not None and same_codes and len(last.table) == len(semantics.table):
            semantics = last.with_table(semantics.table)
        elif (old := last or before) is not None:
            semantics.follow(old)
        batch.kept["semantics"], batch.before = semantics, None
        return semantics

    def random_style(self, draw: Draw) -> Style | None:
        return Style(draw.normal("style", self.config.style_size)) if self.config.style_size else None

    def synthesize(self, batch: Batch, style: Style | None) -> Tensor:
        return self.generator(self.semantics(batch, style), batch.size)


def _generator(config: OasisConfig) -> OasisGenerator:
    channels = config.style_size + config.classes
    spade = partial(
        SPADE,
        semantic_channels=channels,
        norm=PARAMETER_FREE_NORMS[config.norm],
        kernel_size=config.kernel_size,
        hidden=config.hidden,
    )
    return OasisGenerator(channels, spade, width=config.generator_width)


def _discriminator(config: OasisConfig) -> UNetDiscriminator:
    width = config.discriminator_width
    channels = [width * times for times in (1, 1, 2, 2, 4, 4)][: config.discriminator_layers]
    return UNetDiscriminator(1 + config.classes, channels=channels, last=width // 2)


def _training_multiple(config: OasisConfig) -> int:
    return 2 ** max(DOUBLINGS, config.discriminator_layers)


def _check(config: OasisConfig) -> None:
    because = f"discriminator_layers={config.discriminator_layers}"
    multiple = _training_multiple(config)
    require_multiple(config.width, config.height, multiple, because, "fewer discriminator_layers (5 want 32)")
    if config.unlabelled >= config.classes:
        raise ValueError(f"unlabelled={config.unlabelled} is no class index: there are 0..{config.classes - 1}")
