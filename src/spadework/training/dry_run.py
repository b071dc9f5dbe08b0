"""A training tried out: a few iterations on the largest pictures, nothing written, and what the whole will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from spadework.atomic import readable_bytes
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import CROPPING
from spadework.data.stream import SampleStream
from spadework.interruptions import interruptions
from spadework.systems.base import Progress, Recipe, System
from spadework.training.beginning import Beginning, begin
from spadework.training.freezing import freeze
from spadework.training.iteration import iterate_in_parts, make_optimizers
from spadework.training.launch import NUMBERS, ending_together, launch, prepare
from spadework.training.origin import read_origin
from spadework.training.processes import Processes
from spadework.training.settings import Settings
from spadework.training.shares import Shares
from spadework.training.state import make_average
from spadework.training.tell import peak_memory

WARM_UP = 1
"""Iterations before the clock starts: the first one makes room and, with --compile, compiles."""
TIMED = 3
"""Iterations on the clock."""
LOOKED_AT = 500
"""Pictures among which the largest is sought, where they keep their sizes."""


@dataclass(frozen=True)
class DryRun:
    """What was measured."""

    networks: dict[str, int]
    """Weights of each network."""
    size: tuple[int, int]
    """Width and height of the pictures."""
    pictures: int
    """In memory at a time, in each process."""
    processes: int
    device: str
    peak_memory: float
    """MiB, of the process that needed most: of its GPU, or of all that it holds on a CPU."""
    seconds: tuple[float, ...]
    """Of each timed iteration."""
    batch_size: int
    images: int
    """That the training is to see."""

    @property
    def images_per_second(self) -> float:
        """Of all processes together."""
        return self.batch_size * len(self.seconds) / sum(self.seconds)

    def lines(self) -> list[str]:
        """For people."""
        width, height = self.size
        slowest, quickest = (self.batch_size / seconds for seconds in (max(self.seconds), min(self.seconds)))
        memory = readable_bytes(int(self.peak_memory * 2**20))
        whose = "of GPU memory" if self.device == "cuda" else "of the whole process, Python and PyTorch included"
        return [
            *(f"{name:14} {numbers:,} weights" for name, numbers in self.networks.items()),
            f"{'batch':14} {self.batch_size} pictures of {width}x{height}, {self.pictures} at a time in each of "
            f"{self.processes} process{'es' if self.processes > 1 else ''} ({self.device})",
            f"{'peak memory':14} {memory} {whose}",
            f"{'speed':14} {self.images_per_second:.2f} images/s ({slowest:.2f} to {quickest:.2f} in "
            f"{len(self.seconds)} iterations)",
            f"{'time':14} {_duration(self.images / self.images_per_second)} for {self.images:,} images, loading, "
            "evaluating and saving apart",
        ]


def dry_run(
    make_system: Callable[[], System],
    recipe: Recipe,
    dataset: PairDataset,
    settings: Settings,
    images: int,
    *,
    beginning: Beginning | None = None,
    frozen: Sequence[str] = (),
) -> DryRun | None:
    """Iterate a few times on the largest pictures of the data; None in all processes but the first.

    Raises ValueError for settings that do not fit, and what the networks raise when memory runs out.
    """
    fabric, children = launch(settings)
    processes = Processes(fabric.device)
    with ending_together(processes, children), interruptions() as interrupted:
        with processes.raised_by_all():
            shares = Shares(recipe.batch_size, processes, settings.accumulate)
            torch.manual_seed(settings.seed)
            system = make_system().to(fabric.device, NUMBERS[settings.precision]).train()
            if beginning is not None:
                begin(system, dataset.ontology, read_origin(beginning.place), beginning)
            freeze(system, frozen)
            prepare(system, settings)
            optimizers = make_optimizers(system, Progress(0, len(dataset)))
            average = make_average(system, recipe) if processes.first else None
            stream = SampleStream(dataset, settings.seed, system.complete if system.completes else None)
            start = _largest(stream)
        fetched = next(processes.agreed(shares.fetch(stream, start, start + recipe.batch_size, 0)))

        seconds = []
        for number in range(WARM_UP + TIMED):
            began = time.monotonic()
            with fabric.autocast():
                parts = shares.unpack(fetched, settings.seed, fabric.device)
                iterate_in_parts(system, optimizers, parts, Progress(0, len(dataset)), processes, fabric.backward)
            if fabric.device.type == "cuda":
                torch.cuda.synchronize(fabric.device)
            if number >= WARM_UP:
                seconds.append(time.monotonic() - began)
            if processes.any(interrupted()):
                processes.stop(KeyboardInterrupt())
        del average
        peak = processes.largest(peak_memory(fabric.device))
    if not processes.first:
        return None
    height, width = fetched[0][1].size
    weights = {name: sum(each.numel() for each in network.parameters()) for name, network in system.networks.items()}
    return DryRun(
        weights,
        (width, height),
        shares.pictures,
        processes.count,
        fabric.device.type,
        peak,
        tuple(seconds),
        recipe.batch_size,
        -(-images // recipe.batch_size) * recipe.batch_size,
    )


def _largest(stream: SampleStream) -> int:
    """The position of a batch with the largest picture, among some of the first; sizes vary in a few modes only."""
    settings = stream.dataset.settings
    if settings.mode in CROPPING or settings.mode == "fixed":
        return 0
    return max(range(min(len(stream.dataset), LOOKED_AT)), key=lambda position: stream[position].label_map.numel())


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
