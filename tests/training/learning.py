"""A few iterations of tiny systems, however the batch is divided: what tests in one and in several processes run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.data.stream import SampleStream
from spadework.layers.recompute import recompute_in_backward
from spadework.systems import SYSTEMS
from spadework.systems.base import Progress, for_classes
from spadework.training.iteration import iterate_in_parts, make_optimizers
from spadework.training.processes import Processes
from spadework.training.shares import Shares

BATCH = 4
SMALL = {"height": 64, "width": 64, "generator_width": 1, "hidden": 4, "perceptual_weight": 0.0}
SMALL |= {"discriminator_width": 4, "discriminator_layers": 3}

# Small steps for small networks. With steps of 4e-4, a hundredth of these weights, training is chaotic: within one
# process, other values of the biases below, which have no effect but on rounding, change weights by 1e-16 after 5
# iterations and by 3e-4 after 20; with steps of 4e-5 by less than 1e-10.
SMALL |= {"learning_rate": 2e-5}

# Biases that have no effect. Their gradients are rounding noise, of which Adam makes steps: they are left out of
# comparisons, and so are running means, which follow them.
WITHOUT_EFFECT = [
    # Before a norm. What a block returns reaches norms only, but for the last block.
    r"generator\.stem\.bias",
    r"generator\.blocks\.\d+\.conv_0\.bias",
    r"generator\.blocks\.(?!{last})\d+\.(conv_1|norm_s\.beta)\.bias",
    # As long as |logit| < 1 everywhere, the hinge loss pushes those of fakes and reals apart, and never both one way.
    r"discriminator\.scales\.\d+\.layers\.3\.conv\.bias",
]


@dataclass(frozen=True)
class Case:
    """A system, and how long it learns."""

    system: str
    options: dict[str, Any]
    iterations: int = 20
    dtype: torch.dtype = torch.float64
    steps: int = 1
    recompute: bool = False
    channels_last: bool = False
    more: dict[str, Any] = field(default_factory=dict)


def make_system(case: Case, dataset: FolderDataset) -> Any:
    known = SYSTEMS[case.system].config_type.__dataclass_fields__  # type: ignore[attr-defined]
    options = {name: value for name, value in {**SMALL, **case.options}.items() if name in known}
    config = for_classes(
        SYSTEMS[case.system].config_type(**options), dataset.ontology.channels, dataset.ontology.unlabelled_index
    )
    torch.manual_seed(0)
    make: Any = SYSTEMS[case.system]
    return make(config)


@contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def learn(case: Case, data: Path, processes: Processes) -> dict[str, Any]:
    """All that the case learnt, the losses of each iteration, and the samples seen here, by iteration and step."""
    dataset = FolderDataset(data, settings=Preprocess("resize_and_crop", 72, 64))
    system = make_system(case, dataset).to(case.dtype).train()
    if case.recompute:
        recompute_in_backward(system)
    if case.channels_last:
        system.to(memory_format=torch.channels_last)
    optimizers = make_optimizers(system, Progress(0, len(dataset)))
    shares = Shares(BATCH, processes, case.steps)
    stream = SampleStream(dataset, 0, system.complete if system.completes else None)
    losses, seen, gradients = [], [], {}
    with default_type(case.dtype):
        for fetched in processes.agreed(shares.fetch(stream, 0, case.iterations * BATCH, 0)):
            seen.append([positions for positions, _ in fetched])
            parts = shares.unpack(fetched, 0, torch.device("cpu"))
            progress = Progress(len(losses) * BATCH, len(dataset))
            losses.append(iterate_in_parts(system, optimizers, parts, progress, processes))
            gradients = gradients or {
                name: parameter.grad.abs().max() for name, parameter in system.named_parameters()
            }
    return {"state": system.state_dict(), "losses": losses, "seen": seen, "gradients": gradients}


def without_effect(state: dict[str, Tensor]) -> set[str]:
    """The biases whose true gradient is zero, by name."""
    last = max(int(name.split(".")[2]) for name in state if name.startswith("generator.blocks."))
    patterns = [pattern.replace("{last}", str(last)) for pattern in WITHOUT_EFFECT]
    found = {name for name in state if any(re.fullmatch(pattern, name) for pattern in patterns)}
    linear = state["generator.stem.weight"].ndim == 2  # its bias differs from place to place
    return found - {"generator.stem.bias"} if linear else found


def comparable(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What must be equal however a batch is divided."""
    left_out = without_effect(state)
    return {name: value for name, value in state.items() if name not in left_out and "running_mean" not in name}
