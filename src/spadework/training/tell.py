"""What a training tells about itself as it goes on: means of losses, speed, memory."""

from __future__ import annotations

import resource
import sys

import torch
from torch import Tensor


class Sums:
    """Means of losses since they were last taken."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        """Those of one more iteration."""
        self.count += 1
        self.sums = {name: self.sums.get(name, torch.zeros_like(loss)) + loss for name, loss in losses.items()}

    def take(self) -> dict[str, float]:
        """The means; the next ones begin anew."""
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


def peak_memory(device: torch.device) -> float:
    """MiB: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def status(images: int, total: int, rate: float, losses: dict[str, float]) -> str:
    """One line for people; `rate` in images per second."""
    minutes = (total - images) / rate / 60
    terms = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
    return f"{images}/{total} images  {rate:.1f} images/s  {minutes:.0f} min left  {terms}"
