"""How a judge is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class JudgeSettings:
    """What decides which weights come out: with the same photos, the same settings give the same ones on a CPU."""

    architecture: str = "unet"
    """The decoder, by its name in segmentation-models-pytorch: unet, fpn, deeplabv3plus, ..."""
    encoder: str = "resnet18"
    """The encoder, by its name there: resnet18, resnet50, efficientnet-b0, ..."""
    height: int = 128
    """Pixels: the height of a crop; a multiple of 32."""
    width: int = 128
    """Pixels: the width of a crop. The short side of every photo is brought to the shorter of the two."""
    images: int = 20_000
    """Images to train for, rounded up to whole batches."""
    batch_size: int = 8
    """Images per step."""
    learning_rate: float = 1e-3
    """AdamW's, after a warm-up over the first twentieth; it then falls to zero as a cosine."""
    weight_decay: float = 0.01
    """AdamW's."""
    smallest: float = 0.75
    """Photos are resized at random, from this times their size."""
    largest: float = 1.5
    """To this times their size; scales are as likely below as above."""
    flip: bool = True
    """Mirror half of the photos."""
    jitter: float = 0.4
    """How far brightness, contrast and saturation vary: factors in 1 ± this; colours get a cast of a quarter of it."""
    balance: float = 0.0
    """Weight of a class: (median share / its share of the pixels) to this power; 0 weighs all pixels alike."""
    seed: int = 0
    """Everything random follows from it: first weights, order of photos, crops, colours."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the network in training; bf16 is quicker where the processor computes in it. The loss and the
    weights stay float32, and so does judging."""

    def __post_init__(self) -> None:
        if self.images < 1 or self.batch_size < 2:
            raise ValueError(f"images {self.images} must be at least 1, batch size {self.batch_size} at least 2")
        if not 0 < self.smallest <= self.largest:
            raise ValueError(f"scales from {self.smallest} to {self.largest}: expected 0 < smallest <= largest")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter {self.jitter}: expected 0 up to below 1")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError(
                f"learning rate {self.learning_rate} must be above 0, weight decay {self.weight_decay} at least 0"
            )

    def rate_at(self, images: int, total: int) -> float:
        """The learning rate after `images` of `total`: linear over the first twentieth, and half a cosine to zero."""
        warm = min(1.0, (images + self.batch_size) / max(total / 20, 1))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * images / total))


@dataclass(frozen=True)
class Pace:
    """What does not change the result."""

    checkpoint_every: int = 2_000
    """Images between checkpoints."""
    log_every: int = 400
    """Images between lines of the log."""
    workers: int = 2
    """Processes that load photos; 0 loads in the training process."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train."""

    def __post_init__(self) -> None:
        if min(self.checkpoint_every, self.log_every) < 1 or self.workers < 0:
            raise ValueError(
                f"checkpoint every {self.checkpoint_every} and log every {self.log_every} images: expected 1 or more; "
                f"workers {self.workers}: expected 0 or more"
            )
