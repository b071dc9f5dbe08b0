"""When memory runs out: what a training needs, and which option frees how much."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from spadework.atomic import readable_bytes
from spadework.systems.base import Preset
from spadework.training.forecast import Forecast, forecast
from spadework.training.settings import Settings

SIGNS = ("out of memory", "can't allocate memory", "Cannot allocate memory", "std::bad_alloc")
"""What libraries say when there is no more memory."""


class OutOfMemory(MemoryError):
    """The training does not fit; the message says what would."""


@dataclass(frozen=True)
class Way:
    """An option that saves memory."""

    option: str
    frees: int
    """Bytes, of those that each process needs."""
    price: str


@dataclass(frozen=True)
class Needs:
    """What a training needs in each process, and how it could do with less: counted and measured, not tried."""

    forecast: Forecast
    ways: tuple[Way, ...]

    def lines(self) -> list[str]:
        """For people."""
        parts, mode = self.forecast, ", recomputed" if self.forecast.recompute else ""
        width = max((len(way.option) for way in self.ways), default=0)
        weights, adam, kept = map(readable_bytes, (parts.weights, parts.optimizers, parts.activations))
        return [
            f"each process needs about {readable_bytes(parts.memory)}: weights {weights}, gradients and Adam {adam}, "
            f"activations {kept} ({parts.batch_size} pictures of {parts.width}x{parts.height} at a time, "
            f"{parts.precision}{mode})",
            *(f"  {way.option:{width}}  frees about {readable_bytes(way.frees)}; {way.price}" for way in self.ways),
        ]


def needs_of(system_name: str, preset: Preset, settings: Settings, processes: int, label_map: Tensor) -> Needs:
    """What a training with these settings needs, and what each option would free, most first.

    `label_map` [H, W] class indices, typical of the data; the config of `preset` is the training's own.
    """
    config, batch = preset.config, preset.recipe.batch_size
    pictures = max(batch // (processes * settings.accumulate), 1)
    of: Callable[..., Forecast] = partial(forecast, system_name, "", preset, label_map, config.classes)
    now: dict[str, Any] = {"pictures": pictures, "precision": settings.precision, "recompute": settings.recompute}
    present = of(**now)
    ways = []

    def add(option: str, price: str, other: Forecast) -> None:
        if present.memory - other.memory > present.memory // 100:
            ways.append(Way(option, present.memory - other.memory, price))

    if pictures % 2 == 0:
        halved = of(**{**now, "pictures": pictures // 2})
        add(f"--accumulate {2 * settings.accumulate}", "batch norms then see the pictures of one step only", halved)
        add(f"--devices {2 * processes}", "with so many GPUs", halved)
        add(f"--batch-size {batch // 2}", "another training", halved)
    if not settings.recompute:
        recomputed = of(**{**now, "recompute": True})
        add("--recompute", "the generator is computed once more in each backward pass", recomputed)
    if settings.precision != "bf16":
        halves = of(**{**now, "precision": "bf16"})
        add("--precision bf16", "quicker on hardware that has it, slower elsewhere", halves)
    if preset.recipe.average:
        without = replace(preset, recipe=replace(preset.recipe, average=0.0))
        add("--average 0", "another model", forecast(system_name, "", without, label_map, config.classes, **now))
    return Needs(present, tuple(sorted(ways, key=lambda way: -way.frees)))


@contextmanager
def explaining_memory(needs: Callable[[], Needs]) -> Iterator[None]:
    """What runs out of memory inside is told with what would help; raises OutOfMemory."""
    failure: str | None = None
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        failure = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__

    # Only here has everything been let go that the error held on to.
    if failure is not None:
        gc.collect()
        raise OutOfMemory("\n".join([f"memory ran out ({failure}). What was saved is whole.", *_lines(needs)]))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the machine."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in SIGNS)


def _lines(needs: Callable[[], Needs]) -> list[Any]:
    try:
        return needs().lines()
    except (MemoryError, RuntimeError):
        return ["To need less: --accumulate 2, --recompute, --precision bf16, or more --devices"]
