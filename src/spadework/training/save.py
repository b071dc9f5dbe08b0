"""What a training writes as it goes on, and what it says of itself when it begins and when it must stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from spadework.checkpoints import Checkpoint, require_same
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset
from spadework.data.stream import SampleStream
from spadework.draw import Draw
from spadework.sample import Batch
from spadework.systems.base import System
from spadework.training.average import WeightAverage
from spadework.training.beginning import STARTED, Begun
from spadework.training.best import keep_best
from spadework.training.failure import keep_failure
from spadework.training.hints import Hint
from spadework.training.processes import Processes
from spadework.training.run import Run
from spadework.training.run_page import write_page
from spadework.training.samples import finished, write_model_weights, write_samples
from spadework.training.signs import signs
from spadework.training.state import state_of

Appraise = Callable[[System], dict[str, float]]
"""Scores of a system in eval mode, by name."""
CONFIG, SKIPPED = "run", "skipped"
"""Entries of a checkpoint beside the state: config.json, sealed with it; how many pairs could not be read."""


def begin(
    run: Run, description: dict[str, Any], begun: Begun | None, dataset: PairDataset, *, resume: bool
) -> Checkpoint | None:
    """Write down what is trained; what to go on from, where there is a checkpoint.

    Raises ValueError where the run began otherwise, or where there is one already.
    """
    checkpoint = run.latest_checkpoint() if resume else None
    if checkpoint is not None:
        stored = checkpoint.state.get(CONFIG) or run.read_config()  # config.json may be damaged
        description |= {STARTED: stored[STARTED]} if STARTED in stored else {}
        require_same(stored, description)
    elif begun is not None:
        description[STARTED] = begun.to_json()
    run.create(description, dataset.ontology, overwrite=resume)
    return checkpoint


@dataclass(frozen=True)
class Save:
    """Writes to the run folder: the first process does, for which the others wait."""

    processes: Processes
    run: Run
    system: System
    optimizers: dict[str, torch.optim.Optimizer]
    average: WeightAverage | None
    stream: SampleStream
    batch_size: int
    previews: PairDataset
    description: dict[str, Any]
    total: int
    """Images that the training is to see."""
    best_by: str = ""
    """The score by which the best model is kept."""
    appraise: Appraise | None = None
    told: set[str] = field(default_factory=set)
    """Hints that were told."""

    def scores(self, images: int) -> dict[str, float]:
        """How the model does; the best one so far is kept. Nothing but in the first process."""
        found: dict[str, float] = {}

        def work() -> None:
            with finished(self.system, self.average, self.stream, self.batch_size):
                alone = self.processes.count == 1
                found.update(signs(self.system, self.stream.dataset, self.previews, discriminator=alone))
                if self.appraise is not None:
                    found.update(self.appraise(self.system))
                name = self.description["system"]
                keep_best(self.run, images, found, self.best_by, name, self.system, self.previews.ontology)

        self.processes.first_does(work)
        return found

    def __call__(
        self, images: int, *, checkpoint: bool = False, weights: bool = False, samples: bool = False, skipped: int = 0
    ) -> None:
        """The checkpoint first, then what can be made again from it; what goes wrong is raised by all processes.

        `skipped`: how many pairs could not be read so far.
        """

        def work() -> None:
            if checkpoint:
                _require_finite(self.system, self.run, images)
                state = state_of(self.system, self.optimizers, self.average)
                self.run.save_checkpoint(images, {**state, CONFIG: self.description, SKIPPED: skipped})
            if not (weights or samples):
                return
            with finished(self.system, self.average, self.stream, self.batch_size):
                if weights:
                    write_model_weights(self.run, self.system)
                if samples:
                    write_samples(self.run, images, self.system, self.previews)
            if samples:
                self._tell_hints(write_page(self.run, self.total, self.best_by))

        if checkpoint or weights or samples:
            self.processes.first_does(work)

    def _tell_hints(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            if hint.name not in self.told:
                print(f"hint: {hint}", flush=True)
        self.told.update(hint.name for hint in hints)


def not_finite(
    run: Run,
    processes: Processes,
    images: int,
    parts: Sequence[tuple[Batch, Draw]],
    error: FloatingPointError,
    ontology: Ontology,
) -> FloatingPointError:
    """What to say where a loss is no finite number: when, on which pictures, and what is left; the batch is kept."""
    names = [name for batch, _ in parts for name in batch.names]
    names = [name for some in processes.gathered(names) for name in some]
    where = keep_failure(run, processes, images, parts, error, ontology)
    return FloatingPointError(
        f"stopped after {images} images: {error}, on the batch of {', '.join(names)}; {where}, {_what_is_left(run)}. "
        "Look at these files, then resume, or start anew with a lower learning rate or precision float32"
    )


def _require_finite(system: System, run: Run, images: int) -> None:
    """A gradient may overflow where its loss did not: such weights must never take a good checkpoint's place."""
    for name, tensor in system.state_dict().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise FloatingPointError(
                f"stopped after {images} images: {name} holds numbers that are not finite; {_what_is_left(run)}. "
                "Resume, or start anew with a lower learning rate or precision float32"
            )


def _what_is_left(run: Run) -> str:
    paths = run.checkpoints()
    return f"the last checkpoint, {paths[-1]}, is good" if paths else "there is no checkpoint yet"
