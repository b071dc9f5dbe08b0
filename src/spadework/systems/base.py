"""The contract that every system keeps: what the training loop, the synthesizer and the studio may rely on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from spadework.draw import Draw
from spadework.sample import Batch, Sample


@dataclass(frozen=True)
class Progress:
    """How far a training has come."""

    images: int
    """Images seen before this iteration."""
    epoch_images: int
    """Images of the training set: one epoch."""

    @property
    def epoch(self) -> int:
        """The current epoch, from 0."""
        return self.images // self.epoch_images


@dataclass(frozen=True)
class Style:
    """What sets the look of a photo: a point, and for a style encoded from a photo the normal distribution it is of."""

    vector: Tensor
    """[B, Z] the latent that the generator takes."""
    mean: Tensor | None = None
    """[B, Z] for an encoded style."""
    log_variance: Tensor | None = None
    """[B, Z] for an encoded style."""

    def perturb(self, noise: Tensor) -> Style:
        """Another point of the same distribution: mean + noise * exp(log_variance / 2).

        `noise` [B, Z] is standard normal; a style without a distribution stays as it is.
        """
        if self.mean is None or self.log_variance is None:
            return self
        vector = self.mean + noise.to(self.mean) * torch.exp(self.log_variance / 2)
        return Style(vector, self.mean, self.log_variance)


@dataclass(frozen=True)
class Recipe:
    """How the paper trains, apart from networks and objective."""

    batch_size: int = 32
    """Pictures per iteration, over all processes."""
    preprocess: str = "resize_and_crop"
    """How pictures come to the training size: resize_and_crop, crop, scale_width, scale_width_and_crop,
    scale_shortside, scale_shortside_and_crop, fixed or none."""
    load_size: int = 286
    """Pixels that pictures are resized to before they are cropped."""
    flip: bool = True
    """Mirror half of the pictures."""
    average: float = 0.0
    """Decay of the moving average of weights per iteration; 0: no average."""


@dataclass(frozen=True)
class Preset:
    """One setting of a paper."""

    config: Any
    recipe: Recipe


class System(nn.Module):
    """One paper: its networks, its objective, its recipe.

    Subclasses are built from a frozen dataclass alone, `Spade(config)`, hold their networks as plain submodules and
    know nothing of devices, processes or precision.
    """

    config: Any
    """The frozen dataclass the system was built from; JSON types only, so that it can be saved beside the weights."""

    config_type: ClassVar[type]
    """The class of `config`."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What a sample must hold besides label_map and photo."""

    network_names: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    """The submodules that learn."""

    inference_names: ClassVar[tuple[str, ...]] = ("generator",)
    """Those that a finished model needs, and `model.safetensors` holds."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that learn, by name; those that this configuration does without are left out."""
        return {name: getattr(self, name) for name in self.network_names if getattr(self, name) is not None}

    def players(self, progress: Progress) -> dict[str, list[Parameter]]:
        """Who learns what, in the order of play; a player whose parameters change gets a fresh optimiser."""
        raise NotImplementedError

    def optimizer(self, player: str, parameters: list[Parameter]) -> torch.optim.Optimizer:
        """The paper's optimiser for one player, at its first learning rate."""
        raise NotImplementedError

    def learning_rate(self, player: str, progress: Progress) -> float:
        """The paper's schedule."""
        raise NotImplementedError

    def complete(self, sample: Sample, draw: Draw) -> Sample:
        """Add derived inputs to the extras of a sample; runs in the data loader and in the synthesizer alike."""
        return sample

    @property
    def completes(self) -> bool:
        """Whether this system derives anything from a sample; loaders save the time where it does not."""
        return type(self).complete is not System.complete

    def turns(self, batch: Batch, progress: Progress, draw: Draw) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """One training iteration as the paper's algorithm: yields (player, named losses to be added up).

        Around each yield the loop clears the player's gradients, freezes the other players, runs backward and steps the
        optimiser; when the generator goes on, the player has learnt.
        """
        raise NotImplementedError

    def random_style(self, draw: Draw) -> Style | None:
        """A style from the prior, or None when this system turns a label map into one photo only."""
        return None

    def encode_style(self, batch: Batch) -> Style:
        """The style of the batch's photos; raises ValueError for a system without an encoder."""
        name = type(self).__name__
        raise ValueError(f"this {name} model has no style encoder: it cannot take its style from a photo")

    def synthesize(self, batch: Batch, style: Style | None) -> Tensor:
        """[B, 3, H, W] in [-1, 1], of the batch's size; the paper's protocol at test time."""
        raise NotImplementedError

    @property
    def size_multiple(self) -> int:
        """Height and width of a batch must be multiples of this; the synthesizer pads others and crops the result."""
        raise NotImplementedError

    def refresh(self, batches: Iterator[Batch]) -> None:
        """Make whatever follows from the weights fit them again, after they were averaged; leaves eval mode on."""
