"""How a model was trained, as its run tells: images, hours, hardware, and the command that trains it again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from spadework.log import read_log
from spadework.model_folder import CONFIG, read_description
from spadework.systems import PRESETS
from spadework.systems.base import Recipe

STARTED = "started_from"
"""What config.json says of a training that began with trained weights."""
FROM_DATA = ("classes", "unlabelled")
"""What a config takes from the data."""


@dataclass(frozen=True)
class Training:
    """What a run's log says."""

    images: int
    """Images seen when the last line was written."""
    hours: dict[str, float]
    """Hours of computing by hardware."""
    losses: dict[str, float]
    """Means of the last line."""


@dataclass(frozen=True)
class Stage:
    """One of the trainings that a model went through."""

    name: str
    """Of the run's folder."""
    description: Mapping[str, Any]
    """Its config.json."""
    training: Training | None


def read_stages(run: Path) -> list[Stage]:
    """The trainings that a model went through, oldest first; the run itself is the last.

    A run that began with the weights of another one names it; it goes back as far as those runs are where they were.
    """
    stages: list[Stage] = []
    folder, images, seen = run.resolve(), None, set[Path]()
    while (folder / CONFIG).is_file() and folder not in seen:
        seen.add(folder)
        description = public_description(folder)
        stages.insert(0, Stage(folder.name, description, read_training(folder, images)))
        started = read_description(folder).get(STARTED)
        if not started or started["images"] is None:
            break
        folder, images = Path(started["from"]).resolve(), started["images"]
    return stages


def read_training(run: Path, images: int | None = None) -> Training | None:
    """From the log of a run, up to where it had seen so many images; None where there is no line."""
    lines = [line for line in read_log(run) if images is None or line["images"] <= images]
    if not lines:
        return None
    hours: dict[str, float] = {}
    before: dict[str, Any] = {"images": 0, "time": None}
    for line in lines:
        name = line.get("hardware", "hardware not recorded")
        hours[name] = hours.get(name, 0.0) + _seconds(before, line) / 3600
        before = line
    return Training(lines[-1]["images"], hours, lines[-1].get("losses", {}))


def _seconds(before: Mapping[str, Any], line: Mapping[str, Any]) -> float:
    """How long the images between two lines took; where the training stood still meanwhile, by their rate."""
    by_rate = (line["images"] - before["images"]) / line["images_per_second"]
    if before["time"] is None:
        return by_rate
    passed = (datetime.fromisoformat(line["time"]) - datetime.fromisoformat(before["time"])).total_seconds()
    return passed if passed <= 2 * by_rate else by_rate


def public_description(folder: Path) -> dict[str, Any]:
    """A model's config.json without the places of this machine: where its training began is named, not located."""
    description = read_description(folder)
    started = description.get(STARTED)
    if started:
        description[STARTED] = {**started, "from": Path(started["from"]).name}
    return description


def command_again(description: Mapping[str, Any], images: int | None, out: str = "RUN") -> str:
    """The `spadework train` that trains such a model, from a run's config.json: the nearest preset and what differs."""
    system = description["system"]
    wanted = {**description.get("recipe", {}), **description["config"]}
    options = {
        name: _changes(dataclasses.asdict(preset.config), preset.recipe, wanted)
        for name, preset in PRESETS[system].items()
    }
    preset = min(options, key=lambda name: len(options[name]))
    parts = ["spadework train", system, "--preset", preset, *options[preset]]
    if images is not None:
        parts += ["--images", str(images)]
    if started := description.get(STARTED):
        parts += ["--start-from", started["from"], *_beginning(started)]
    if frozen := description.get("frozen"):
        parts += ["--freeze", *frozen]
    if description.get("seed"):
        parts += ["--seed", str(description["seed"])]
    if (description.get("perceptual") or {}).get("network") == "segmenter":
        parts += ["--perceptual SEGMENTER"]
    return " ".join([*parts, f"--data DATA --out {out}"])


def _beginning(started: Mapping[str, Any]) -> list[str]:
    """The options that say what is taken from where a training began; classes of equal names need none."""
    like = [f"{new}={old}" for new, old in (started.get("classes") or {}).items() if old and old != new]
    fresh = started.get("fresh") or []
    return [*(["--like", *map(quote, like)] if like else []), *(["--fresh", *fresh] if fresh else [])]


def _changes(config: dict[str, Any], recipe: Recipe, wanted: Mapping[str, Any]) -> list[str]:
    """The options that turn a preset into what is wanted."""
    start = {**dataclasses.asdict(recipe), **config}
    return [
        _option(name, value)
        for name, value in wanted.items()
        if name in start and name not in FROM_DATA and value != start[name]
    ]


def _option(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {value}"
