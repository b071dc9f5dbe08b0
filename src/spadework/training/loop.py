"""The training loop: one for all systems, written straight down."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch

from spadework.data.pair_dataset import PairDataset
from spadework.data.stream import SampleStream
from spadework.hardware import hardware
from spadework.interruptions import interruptions
from spadework.log import Log
from spadework.model_folder import describe
from spadework.systems.base import Progress, Recipe, System
from spadework.training.beginning import Beginning, start
from spadework.training.freezing import freeze
from spadework.training.heap import give_back_freed
from spadework.training.iteration import iterate_in_parts, make_optimizers
from spadework.training.launch import NUMBERS, ending_together, launch, prepare
from spadework.training.processes import Processes
from spadework.training.run import Run
from spadework.training.save import SKIPPED, Appraise, Save, begin, not_finite
from spadework.training.settings import Settings
from spadework.training.shares import Shares
from spadework.training.skipped import Skipped
from spadework.training.state import inference_networks, make_average, restore
from spadework.training.tell import Sums, peak_memory, status


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
    about: Mapping[str, Any] | None = None,
    beginning: Beginning | None = None,
    frozen: Sequence[str] = (),
    appraise: Appraise | None = None,
) -> None:
    """Train a system until it has seen `images`, in a run folder; with `resume` go on from its newest checkpoint.

    `about` is what else config.json is to say, in JSON types; a resumed training must say the same. `beginning` gives
    trained weights to start from, `frozen` names parts that do not learn. `appraise` scores the system, in eval mode,
    every `settings.evaluate_every` images.

    Checkpoints hold everything that later images depend on, so a resumed training goes on bit for bit (on a CPU).
    Raises ValueError for a folder or data that cannot be used, FloatingPointError for a loss that is not finite,
    DiskFullError, and KeyboardInterrupt after an interruption, when all was saved.
    """
    fabric, children = launch(settings)
    processes = Processes(fabric.device)
    with (
        ending_together(processes, children),
        processes.first_holds(run.lock),
        interruptions() as interrupted,
    ):
        # Start anew, or where the newest checkpoint left off.
        with processes.raised_by_all():
            shares = Shares(recipe.batch_size, processes, settings.accumulate)
            torch.manual_seed(settings.seed)
            system = make_system().to(fabric.device, NUMBERS[settings.precision]).train()
            begun = start(system, dataset.ontology, run, beginning, resume=resume)
            freeze(system, frozen)
            prepare(system, settings)
            optimizers = make_optimizers(system, Progress(0, len(dataset)))
            average = make_average(system, recipe, begun) if processes.first else None
            about = {**(about or {}), **({"frozen": list(frozen)} if frozen else {})}
            description = describe(
                system_name, system, recipe=asdict(recipe), seed=settings.seed, data=dataset.fingerprint(), **about
            )
            checkpoint = begin(run, description, begun, dataset, resume=resume) if processes.first else None
        checkpoint = processes.from_first(checkpoint)
        if checkpoint is not None:
            restore(checkpoint.state, system, optimizers, average)
        processes.start_alike(system)
        complete = system.complete if system.completes else None
        stream = SampleStream(dataset, settings.seed, complete, stand_ins=settings.on_bad_photo == "skip")
        total = -(-images // recipe.batch_size) * recipe.batch_size
        save = Save(
            *(processes, run, system, optimizers, average, stream, recipe.batch_size, previews, description),
            *(total, settings.best_by, appraise),
        )
        skipped = Skipped(processes, 0 if checkpoint is None else checkpoint.state.get(SKIPPED, 0))
        if checkpoint is not None:
            # A kill may have come between the checkpoint and what is made of it.
            seen = checkpoint.images
            due = _passed(settings.sample_every, seen - recipe.batch_size, seen)
            save(seen, weights=True, samples=due and not run.sample_path(seen).exists())
        images = first = 0 if checkpoint is None else checkpoint.images
        del checkpoint
        where = str(fabric.device) if processes.count == 1 else f"{processes.count} processes ({fabric.device.type})"
        tell = _tell if processes.first else _silent
        tell(f"{run.folder}: {len(dataset)} pairs, {images} of {total} images seen, on {where}")
        for line in begun.lines() if begun is not None else []:
            tell(line)

        def rescue() -> None:
            if images > first:
                save(images, checkpoint=True, skipped=skipped.total())
                tell(f"everything up to image {images} is saved; once this is mended, go on with --resume")

        # Train.
        sums, began = Sums(), time.monotonic()
        with Log(run.folder, images) if processes.first else nullcontext() as log:
            for fetched in processes.agreed(shares.fetch(stream, images, total, settings.workers), rescue):
                progress = Progress(images, len(dataset))
                skipped.add(batch for _, batch in fetched)
                with fabric.autocast():
                    parts = shares.unpack(fetched, settings.seed, fabric.device)
                    try:
                        losses = iterate_in_parts(system, optimizers, parts, progress, processes, fabric.backward)
                    except FloatingPointError as error:
                        processes.stop(not_finite(run, processes, images, parts, error, dataset.ontology))
                if average is not None:
                    average.update(inference_networks(system))
                before, images = images, images + recipe.batch_size
                sums.add(losses)

                # Look how good it is, and tell.
                stop = processes.any(interrupted())
                last = images == total or stop
                look = images == total or _passed(settings.evaluate_every, before, images)
                scores = save.scores(images) if look else {}
                if look or _passed(settings.log_every, before, images):
                    rate = (images - first) / (time.monotonic() - began)
                    means, memory = sums.take(), processes.largest(peak_memory(fabric.device))
                    total_skipped = skipped.total()
                    if log is not None:
                        log.write(
                            images,
                            losses=means,
                            **({"scores": scores} if scores else {}),
                            learning_rates={player: system.learning_rate(player, progress) for player in optimizers},
                            images_per_second=rate,
                            eta_seconds=(total - images) / rate,
                            peak_memory_mib=memory,
                            skipped=total_skipped,
                            hardware=hardware(fabric.device),
                        )
                    tell(status(images, total, rate, means))
                    give_back_freed()

                # Save, and stop where any process was asked to.
                whole = last or _passed(settings.checkpoint_every, before, images)
                samples = last or _passed(settings.sample_every, before, images)
                save(images, checkpoint=whole, weights=whole, samples=samples, skipped=skipped.total() if whole else 0)
                if stop and images < total:
                    tell(f"interrupted: everything up to image {images} is saved; go on with --resume")
                    processes.stop(KeyboardInterrupt())


def _passed(every: int, before: int, images: int) -> bool:
    return images // every > before // every


def _tell(line: str) -> None:
    print(line, flush=True)


def _silent(line: str) -> None:
    """The first process tells."""
