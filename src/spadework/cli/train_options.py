"""The options of `spadework train`: they start from a preset, and from a variant of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro
from tyro.conf import Positional, arg

from spadework.choose import choose
from spadework.data.shards.dataset import default_cache
from spadework.evaluation.on_the_way import SCORES
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Recipe
from spadework.training.settings import Settings
from spadework.training.signs import SIGNS

Config = TypeVar("Config")


@dataclass(frozen=True)
class Train(Generic[Config]):
    """Train a system on photos and label maps."""

    system: Positional[str]
    """Which system: see `spadework systems`."""
    preset: str
    """Which setting of its paper the options below start from: see `spadework systems`."""
    data: list[str]
    """Data folders (photos, labels, ontology.json), the JSON file of an ontology that merges several, or the folder or
    URL (s3://BUCKET/NAME) of a set of shards."""
    out: Path
    """The run folder."""
    config: Annotated[Config, arg(name="")]
    recipe: Annotated[Recipe, arg(name="")]
    settings: Annotated[Settings, arg(name="")]
    variant: str | None = None
    """A variant of the paper's ablations, on top of the preset: see `spadework systems`."""
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one such as coco-stuff. Without it: what the data folder says, else
    those of the preset's data set."""
    cache: Path = field(default_factory=default_cache)
    """Where shards from a URL are kept."""
    cache_size: float = 50
    """GiB of shards to keep there at most."""
    vgg: Path | None = None
    """VGG-19's ImageNet weights (vgg19-dcbb9e9d.pth), for the perceptual loss."""
    perceptual: Path | None = None
    """A segmenter's folder (see `spadework train-segmenter --fold loss`), for the perceptual loss instead of VGG-19."""
    judge: Path | None = None
    """A segmenter's folder (see `spadework train-segmenter`) that scores the model on its way."""
    judge_pictures: int = 200
    """Pictures that it looks at each time."""
    start_from: str | None = None
    """Begin with the weights of a run (its newest checkpoint), of a model folder or of a model by name; classes may be
    others, and are matched by name."""
    like: tuple[str, ...] = ()
    """NEW=OLD, such as lake=sea meadow=grass: a class of the data begins with the weights of one of the model."""
    fresh: tuple[str, ...] = ()
    """Parts that begin anew nevertheless: networks such as discriminator, or beginnings of weights' names."""
    freeze: tuple[str, ...] = ()
    """Parts that do not learn: networks such as encoder, or beginnings of weights' names such as generator.blocks.0."""
    resume: bool = False
    """Go on from the newest checkpoint; from the beginning where there is none."""
    dry_run: bool = False
    """Only try a few iterations on the largest pictures, write nothing, and tell memory, speed and time."""


def read_options(arguments: Sequence[str]) -> Train[Any]:
    """System and preset come first: they say which options there are, and where these start."""
    system = arguments[0] if arguments and not arguments[0].startswith("-") else "spade"
    choose(SYSTEMS, system, "system")
    preset = choose(PRESETS[system], _given(arguments, "--preset") or "tiny", "preset")
    variant = _given(arguments, "--variant")
    changes = {} if variant is None else choose(VARIANTS[system], variant, "variant")
    for option in ("--classes", "--unlabelled"):
        if _given(arguments, option) is not None:
            raise ValueError(f"{option}: the data say this; leave it out, or say with --ontology what their ids mean")
    missing: Any = tyro.MISSING
    start = Train(system, missing, missing, missing, replace(preset.config, **changes), preset.recipe, Settings())
    config_type: Any = SYSTEMS[system].config_type
    options = tyro.cli(Train[config_type], prog="spadework train", args=list(arguments), default=start)
    if options.system != system:
        raise ValueError(f"name the system before its options: spadework train {options.system} --preset ...")
    _check_best_by(options)
    return options


def _given(arguments: Sequence[str], option: str) -> str | None:
    """What an option of the command line says; None without it."""
    given = [after for before, after in pairwise(arguments) if before == option]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith(f"{option}=")]
    return given[-1] if given else None


def _check_best_by(options: Train[Any]) -> None:
    """Raise ValueError for a score that will never be there."""
    score = choose({name: name for name in (*SCORES, *SIGNS)}, options.settings.best_by, "score")
    if score in SCORES and score != Settings.best_by and options.judge is None:
        raise ValueError(f"--best-by {score}: a judge gives this score; add --judge SEGMENTER")
