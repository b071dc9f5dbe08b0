"""`spadework convert`: released checkpoints into models, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from spadework import conversion
from spadework.choose import choose
from spadework.conversion_config import Given
from spadework.data.shipped import find_ontology
from spadework.systems import SYSTEMS


@dataclass(frozen=True)
class Convert:
    """Turn released checkpoints into a model folder, or (--to-upstream) a model folder into such checkpoints."""

    checkpoint: Positional[list[Path]]
    """latest_net_G.pth, latest_net_E.pth, latest_net_D.pth or the folder that holds them; or our model folder."""
    out: Path
    """The folder to write."""
    given: Annotated[Given, arg(name="")]
    system: str | None = None
    """Whose checkpoints these are, where there is no generator among them to tell: see `spadework systems`."""
    preset: str | None = None
    """Which preset they were trained with, where their shapes do not tell."""
    ontology: Path | None = None
    """The classes of the model: a file, or the name of a shipped one such as coco-stuff. Without it: those of the
    preset's data set, else numbered ones."""
    to_upstream: bool = False
    """Write checkpoints in the original's form."""


def convert(arguments: Sequence[str]) -> None:
    """Write the converted files, and print their paths."""
    options = tyro.cli(Convert, prog="spadework convert", args=list(arguments))
    if options.system is not None:
        choose(SYSTEMS, options.system, "system")
    if options.to_upstream:
        _refuse_unused(options)
        written = conversion.to_upstream(options.checkpoint, options.out)
    else:
        ontology = None if options.ontology is None else find_ontology(options.ontology)
        written = conversion.from_upstream(
            options.checkpoint, options.out, options.preset, ontology, options.given, options.system
        )
    for path in written:
        print(path)


def _refuse_unused(options: Convert) -> None:
    """Raise ValueError for options that tell what a model folder tells itself."""
    told = {"system": options.system, "preset": options.preset, "ontology": options.ontology, **vars(options.given)}
    given = [f"--{name.replace('_', '-')}" for name, value in told.items() if value is not None]
    if given:
        raise ValueError(f"{', '.join(given)}: with --to-upstream the model folder says it; leave this out")
