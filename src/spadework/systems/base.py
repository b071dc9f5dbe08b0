"""The contract that every system keeps: what the training loop, the synthesizer and the studio may rely on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

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
    """What sets the look of a photo: a point, and for a style encoded from a photo the normal distribution it is of.

    Where a system takes styles by region (`System.regional_styles`), there may be several points, one for each region.
    """

    vector: Tensor
    """[B, Z] the latent that the generator takes; [B, R, Z], one for each region, beside `regions`."""
    regions: Tensor | None = field(default=None, kw_only=True)
    """[B, H, W] which of the R vectors sets the look of each pixel of the label map; None: one vector for all."""
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

    def within(self, where: Tensor, vector: Tensor) -> Style:
        """This style with another `vector` [B, Z] at the pixels that `where` [B, H, W] marks: a class, a thing, a box.

        Elsewhere every pixel keeps its own, so that looks can be exchanged one region after the other.
        """
        vectors = self.vector if self.regions is not None else self.vector[:, None]                    # [B, R, Z]
        regions = torch.zeros_like(where, dtype=torch.long) if self.regions is None else self.regions
        return Style(
            torch.cat([vectors, vector.to(vectors)[:, None]], 1),
            regions=torch.where(where.bool(), vectors.shape[1], regions),
        )


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
    hand_drawn: float = 0.0
    """Share of the samples whose label maps look as if drawn by hand, so that crude maps give good photos, too."""
    average: float = 0.0
    """Decay of the moving average of weights per iteration; 0: no average."""
    average_warm_up: bool = True
    """Begin with a smaller decay, (1 + n) / (10 + n) at iteration n, so that the random start is soon forgotten."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch size {self.batch_size}: expected 1 or more")
        if not 0 <= self.average < 1:
            raise ValueError(f"average {self.average}: expected 0 up to below 1")


@dataclass(frozen=True)
class Preset:
    """One setting of a paper."""

    config: Any
    recipe: Recipe


def for_classes(config: Any, classes: int, unlabelled: int | None) -> Any:
    """A system's config for data with so many classes, and the index of the unlabelled one where there is one.

    Every config has `classes`; one whose objective leaves unlabelled pixels out has `unlabelled`, -1 meaning none.
    """
    known = {"classes": classes, "unlabelled": -1 if unlabelled is None else unlabelled}
    return replace(config, **{entry.name: known[entry.name] for entry in fields(config) if entry.name in known})


def require_multiple(width: int, height: int, multiple: int, because: str, instead: str) -> None:
    """Raise ValueError, with the nearest sizes that will do, unless both sides are multiples of `multiple`."""
    if width % multiple or height % multiple or min(width, height) < multiple:
        smaller = f"{max(width // multiple, 1) * multiple}x{max(height // multiple, 1) * multiple}"
        larger = f"{max(-(-width // multiple), 1) * multiple}x{max(-(-height // multiple), 1) * multiple}"
        raise ValueError(
            f"training size {width}x{height}: with {because} both sides must be multiples of {multiple}; "
            f"take {' or '.join(dict.fromkeys([smaller, larger]))}, or {instead}"
        )


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

    regional_styles: bool = False
    """Whether a style may differ from region to region (`Style.regions`)."""

    frozen: tuple[str, ...] = ()
    """Parts that stay as they are, by name: networks, or modules and weights in them."""

    def train(self, mode: bool = True) -> Self:
        """Set training or eval mode; what is frozen stays in eval mode."""
        super().train(mode)
        for name, module in self.named_modules():
            if name in self.frozen:
                module.eval()
        return self

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

    def first_class(self, name: str) -> int:
        """Where the classes begin in the weight `network.parameter`, which has a place for each, side by side."""
        return 0

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

    @property
    def training_multiple(self) -> int:
        """The same for the pictures that it trains on, where other networks than those for generating are at work."""
        return self.size_multiple

    def refresh(self, batches: Iterator[Batch]) -> None:
        """Make whatever follows from the weights fit them again, after they were averaged; leaves eval mode on."""
