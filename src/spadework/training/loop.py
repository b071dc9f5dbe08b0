"""The training loop: one for all systems, written straight down."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import torch
from lightning_fabric import Fabric
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from spadework.atomic import write_atomic
from spadework.contact_sheet import contact_sheet
from spadework.data.folder import FolderDataset
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.model_folder import describe, write_weights
from spadework.sample import Batch
from spadework.synthesizer import Synthesizer, to_image
from spadework.systems.base import Progress, Recipe, System
from spadework.training.average import WeightAverage
from spadework.training.iteration import iterate, make_optimizers
from spadework.training.log import Log
from spadework.training.run import Run
from spadework.training.settings import Settings

PREVIEWS = 6
"""Pictures of a sample sheet."""


def train(
    make_system: Callable[[], System],
    system_name: str,
    recipe: Recipe,
    dataset: FolderDataset,
    previews: FolderDataset,
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
    console = Console(highlight=False)
    precision: Any = {"float32": "32-true", "bf16": "bf16-mixed"}[settings.precision]
    fabric = Fabric(accelerator=settings.device, devices=1, precision=precision)
    fabric.launch()

    with run.lock(), interruptions() as interrupted:
        # Start anew, or where the newest checkpoint left off.
        torch.manual_seed(settings.seed)
        system = make_system().to(fabric.device).train()
        start = Progress(0, len(dataset))
        optimizers = make_optimizers(system, start)
        average = _make_average(system, recipe)
        description = describe(
            system_name, system, recipe=asdict(recipe), seed=settings.seed, data=_fingerprint(dataset)
        )
        checkpoint = run.latest_checkpoint() if resume else None
        if checkpoint is not None:
            _require_same(run.read_config(), description)
            _restore(checkpoint.state, system, optimizers, average)
        run.create(description, dataset.ontology, overwrite=resume)
        total = -(-images // recipe.batch_size) * recipe.batch_size
        images = first = 0 if checkpoint is None else checkpoint.images
        console.print(f"{run.folder}: {len(dataset)} pairs, {images} of {total} images seen, on {fabric.device}")

        # Train.
        saved, sums, began = images, _Sums(), time.monotonic()
        stream = SampleStream(dataset, settings.seed, system.complete)
        with Log(run.folder, images) as log:
            for positions, batch in batches(stream, images, recipe.batch_size, settings.workers, stop=total):
                progress = Progress(images, len(dataset))
                with fabric.autocast():
                    draw = Draw(settings.seed, positions)
                    losses = _iterate(system, optimizers, batch.to(fabric.device), progress, draw, fabric, run)
                if average is not None:
                    average.update(_inference_networks(system))
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
                    console.print(_status(images, total, rate, means))

                # Save: the checkpoint first, then what can be made again from it.
                last = images == total or interrupted()
                if _passed(settings.checkpoint_every, before, images) or last:
                    run.save_checkpoint(images, _state(system, optimizers, average))
                    saved = images
                with _finished(system, average):
                    if saved == images:
                        write_weights(run.model_path, _inference_networks(system))
                    if _passed(settings.sample_every, before, images) or last:
                        _write_samples(run, images, system, previews)
                if interrupted() and images < total:
                    console.print(f"interrupted: everything up to image {images} is saved; go on with --resume")
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


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or a SIGTERM came: the loop then saves and stops. A second one stops at once."""
    received: list[int] = []

    def receive(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# What a checkpoint holds.


def _make_average(system: System, recipe: Recipe) -> WeightAverage | None:
    return WeightAverage(nn.ModuleDict(_inference_networks(system)), recipe.average) if recipe.average else None


def _inference_networks(system: System) -> dict[str, nn.Module]:
    return {name: network for name, network in system.networks.items() if name in system.inference_names}


def _state(
    system: System, optimizers: dict[str, torch.optim.Optimizer], average: WeightAverage | None
) -> dict[str, Any]:
    return {
        "networks": {name: network.state_dict() for name, network in system.networks.items()},
        "optimizers": {player: optimizer.state_dict() for player, optimizer in optimizers.items()},
        "average": None if average is None else average.state_dict(),
    }


def _restore(
    state: dict[str, Any],
    system: System,
    optimizers: dict[str, torch.optim.Optimizer],
    average: WeightAverage | None,
) -> None:
    for name, network in system.networks.items():
        network.load_state_dict(state["networks"][name])
    for player, optimizer in optimizers.items():
        optimizer.load_state_dict(state["optimizers"][player])
    if average is not None:
        average.load_state_dict(state["average"])


def _fingerprint(dataset: FolderDataset) -> dict[str, Any]:
    """Which samples in which order: the stream that a resumed run goes on with must be the same."""
    names = "\n".join(pair.name for pair in dataset.pairs)
    return {"pairs": len(dataset), "names_sha256": sha256(names.encode()).hexdigest()}


def _require_same(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A run goes on as it began; raises ValueError that names what differs."""
    before, now = _flat(stored), _flat(wanted)
    different = [
        f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(
            f"this run began with other settings or data: {'; '.join(different)}. "
            "Resume it as it began, or choose another --out"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


# What a person sees.


@contextmanager
def _finished(system: System, average: WeightAverage | None) -> Iterator[None]:
    """The system as it would be used: in eval mode, with averaged weights where they are kept."""
    trained = _inference_networks(system)
    if average is not None:
        for name, network in average.module.named_children():
            setattr(system, name, network)
    system.eval()
    try:
        yield
    finally:
        for name, network in trained.items():
            setattr(system, name, network)
        system.train()


def _write_samples(run: Run, images: int, system: System, previews: FolderDataset) -> None:
    """Rows of `label | real | fake`, made the way every later use makes them."""
    synthesizer = Synthesizer(system, previews.ontology, device=str(next(system.parameters()).device))
    count = min(PREVIEWS, len(previews))
    rows = []
    for index in (i * len(previews) // count for i in range(count)):
        batch = Batch.collate([previews[index]])
        fake = synthesizer.batch(batch.label_map, instance_map=batch.instance_map)[0]
        label = previews.ontology.colorize(batch.label_map[0])
        assert batch.photo is not None
        rows.append([Image.fromarray(label.numpy()), to_image(batch.photo[0]), to_image(fake)])
    sheet = contact_sheet(rows, columns=2)
    write_atomic(run.sample_path(images), lambda file: sheet.save(file, "PNG"))


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


def _status(images: int, total: int, rate: float, losses: dict[str, float]) -> str:
    minutes = (total - images) / rate / 60
    terms = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
    return f"{images}/{total} images  {rate:.1f} images/s  {minutes:.0f} min left  {terms}"
