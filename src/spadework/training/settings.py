"""How long to train, how often to save, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """What does not change the result, but for `images` and `seed`."""

    images: int | None = None
    """Images to train for, rounded up to whole batches; the preset's number of epochs unless given."""
    seed: int = 0
    """Everything random follows from it: first weights, order of samples, crops, flips, styles."""
    checkpoint_every: int = 10_000
    """Images between checkpoints."""
    sample_every: int = 10_000
    """Images between sample sheets."""
    log_every: int = 500
    """Images between lines of the log."""
    workers: int = 2
    """Processes that load data; 0 loads in the training process."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the networks; with bf16 losses, spectral norms and weights stay float32."""
