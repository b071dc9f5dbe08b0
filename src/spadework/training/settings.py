"""How long to train, how often to save, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """What does not change the result, but for `images` and `seed`, and up to rounding."""

    images: int | None = None
    """Images to train for, rounded up to whole batches; the preset's number of epochs unless given."""
    seed: int = 0
    """Everything random follows from it: first weights, order of samples, crops, flips, styles."""
    checkpoint_every: int = 10_000
    """Images between checkpoints."""
    sample_every: int = 10_000
    """Images between sample sheets."""
    evaluate_every: int = 10_000
    """Images between evaluations: cheap signs, and a judge's scores where there is one (--judge)."""
    best_by: str = "segmenter_frechet"
    """The score by which the best model is kept in `best/`: segmenter_frechet, segmenter_kernel, mean_iou or accuracy
    (with --judge), or one of the signs."""
    log_every: int = 500
    """Images between lines of the log."""
    workers: int = 2
    """Processes that load data; 0 loads in the training process."""
    on_bad_photo: Literal["skip", "stop"] = "skip"
    """A pair that can't be read in the middle of a training is named, counted, and another comes in its place; or the
    training stops."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train."""
    devices: int | None = None
    """Processes on each machine, one for each GPU (on a CPU they share its cores), which share every batch. Unless
    given: one, or as many as torchrun or SLURM started."""
    nodes: int | None = None
    """Machines. Unless given: one, or as many as torchrun or SLURM started."""
    accumulate: int = 1
    """Steps in which each process computes its share of a batch, one after the other, to save memory. Batch norms then
    take their statistics from a step's pictures."""
    recompute: bool = False
    """Compute the generator's activations again in the backward pass instead of keeping them (gradient checkpointing):
    less memory, more time."""
    compile: bool = False
    """Compile the networks by torch.compile: the first iterations take minutes."""
    precision: Literal["float32", "bf16", "float64"] = "float32"
    """Arithmetic of the networks; with bf16 losses, spectral norms and weights stay float32. float64 is slow: for
    comparisons."""

    def __post_init__(self) -> None:
        for name in ("images", "checkpoint_every", "sample_every", "evaluate_every", "log_every", "accumulate"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name.replace('_', '-')} {value}: expected 1 or more")
        if self.workers < 0:
            raise ValueError(f"workers {self.workers}: expected 0 or more")
