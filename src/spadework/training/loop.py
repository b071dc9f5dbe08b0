"""The training loop: one for all systems, written straight down."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from spadework.checkpoints import require_same
from spadework.data.pair_dataset import PairDataset
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.interruptions import interruptions
from spadework.log import Log
from spadework.model_folder import describe
from spadework.sample import Batch
from spadework.systems.base import Progress, Recipe, System
from spadework.training.iteration import iterate, make_optimizers
from spadework.training.run import Run
from spadework.training.samples import finished, write_model_weights, write_samples
from spadework.training.settings import Settings
from spadework.training.state import inference_networks, make_average, restore, state_of


def train(
    make_system: Callable[[], System],
    system_name: str,
    recipe: Recipe,
    dataset: PairDataset,
    previews: PairDataset,
    run: Run,
    settings: Settings,
    images: int,
    *,
    resume: bool = False,
) -> None:
    """Train a system until it has seen `images`, in a run folder; with `resume` go on from its newest checkpoint.

    Checkpoints hold everything that later images depend on, so a resumed training goes on bit for bit (on a CPU).
    Raises ValueError for a folder or data that cannot be used, FloatingPointError for a loss that is not finite,
    DiskFullError, and KeyboardInterrupt after an interruption, when all was saved.
    """
    precision: Any = {"float32": "32-true", "bf16": "bf16-mixed"}[settings.precision]
    fabric = Fabric(accelerator=settings.device, devices=1, precision=precision)
    fabric.launch()
    torch.manual_seed(settings.seed)
    system = make_system().to(fabric.device).train()

    with run.lock(), interruptions() as interrupted:
        # Start anew, or where the newest checkpoint left off.
        start = Progress(0, len(dataset))
        optimizers = make_optimizers(system, start)
        average = make_average(system, recipe)
        description = describe(
            system_name, system, recipe=asdict(recipe), seed=settings.seed, data=dataset.fingerprint()
        )
        checkpoint = run.latest_checkpoint() if resume else None
        if checkpoint is not None:
            require_same(run.read_config(), description)
            restore(checkpoint.state, system, optimizers, average)
        run.create(description, dataset.ontology, overwrite=resume)
        stream = SampleStream(dataset, settings.seed, system.complete if system.completes else None)
        if checkpoint is not None:
            # A kill may have come between the checkpoint and what is made of it.
            with finished(system, average, stream, recipe.batch_size):
                write_model_weights(run, system)
        total = -(-images // recipe.batch_size) * recipe.batch_size
        images = first = 0 if checkpoint is None else checkpoint.images
        _tell(f"{run.folder}: {len(dataset)} pairs, {images} of {total} images seen, on {fabric.device}")

        # Train.
        sums, began = _Sums(), time.monotonic()
        with Log(run.folder, images) as log:
            for positions, batch in batches(stream, images, recipe.batch_size, settings.workers, stop=total):
                progress = Progress(images, len(dataset))
                with fabric.autocast():
                    draw = Draw(settings.seed, positions)
                    losses = _iterate(system, optimizers, batch.to(fabric.device), progress, draw, fabric, run)
                if average is not None:
                    average.update(inference_networks(system))
                before, images = images, images + len(batch)
                sums.add(losses)

                # Tell how it goes.
                if _passed(settings.log_every, before, images) or images == total:
                    rate = (images - first) / (time.monotonic() - began)
                    means = sums.take()
                    log.write(
                        images,
                        losses=means,
                        learning_rates={player: system.learning_rate(player, progress) for player in optimizers},
                        images_per_second=rate,
                        eta_seconds=(total - images) / rate,
                        peak_memory_mib=_peak_memory(fabric.device),
                    )
                    _tell(_status(images, total, rate, means))

                # Save: the checkpoint first, then what can be made again from it.
                last = images == total or interrupted()
                save = last or _passed(settings.checkpoint_every, before, images)
                show = last or _passed(settings.sample_every, before, images)
                if save:
                    run.save_checkpoint(images, state_of(system, optimizers, average))
                if save or show:
                    with finished(system, average, stream, recipe.batch_size):
                        if save:
                            write_model_weights(run, system)
                        if show:
                            write_samples(run, images, system, previews)
                if interrupted() and images < total:
                    _tell(f"interrupted: everything up to image {images} is saved; go on with --resume")
                    raise KeyboardInterrupt


def _iterate(
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    batch: Batch,
    progress: Progress,
    draw: Draw,
    fabric: Fabric,
    run: Run,
) -> dict[str, Tensor]:
    try:
        return iterate(system, optimizers, batch, progress, draw, backward=fabric.backward)
    except FloatingPointError as error:
        paths = run.checkpoints()
        kept = f"the last checkpoint, {paths[-1]}, is good" if paths else "there is no checkpoint yet"
        raise FloatingPointError(
            f"stopped after {progress.images} images: {error}, on the batch of {', '.join(batch.names)}; {kept}. "
            "Look at these files, then resume, or start anew with a lower learning rate or precision float32"
        ) from error


class _Sums:
    """Means of losses since they were last taken."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        self.count += 1
        self.sums = {name: self.sums.get(name, torch.zeros_like(loss)) + loss for name, loss in losses.items()}

    def take(self) -> dict[str, float]:
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


def _passed(every: int, before: int, images: int) -> bool:
    return images // every > before // every


def _peak_memory(device: torch.device) -> float:
    """MiB: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _tell(line: str) -> None:
    print(line, flush=True)


def _status(images: int, total: int, rate: float, losses: dict[str, float]) -> str:
    minutes = (total - images) / rate / 60
    terms = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
    return f"{images}/{total} images  {rate:.1f} images/s  {minutes:.0f} min left  {terms}"
