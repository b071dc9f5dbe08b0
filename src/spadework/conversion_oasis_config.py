"""The config of a model that an OASIS checkpoint belongs to.

Keys and shapes tell most of it, but not how a generator's channels are divided between noise and classes: that comes
from a discriminator beside it, a preset, an ontology or the user.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from spadework.conversion_config import Given
from spadework.data.ontology import Ontology
from spadework.systems import PRESETS
from spadework.systems.oasis import OasisConfig
from spadework.upstream.oasis import Network, Recognised

SYSTEM = "oasis"


@dataclass(frozen=True)
class Checkpoint:
    """One network of the original as it was read."""

    path: Path
    state_dict: dict[str, Tensor]
    facts: Recognised


Checkpoints = dict[Network, Checkpoint]


def find_config(
    checkpoints: Checkpoints, preset: str | None, ontology: Ontology | None, given: Given
) -> tuple[str | None, OasisConfig]:
    """The preset, given or guessed, and the config; what keys and shapes tell goes before it."""
    if given.edges or given.upsamplings is not None:
        raise ValueError("these are OASIS's networks, which have neither edges nor a choice of upsamplings")
    of, channels = _channels(checkpoints)
    discriminator = checkpoints["D"].facts if "D" in checkpoints else None
    if preset is not None and preset not in PRESETS[SYSTEM]:
        raise ValueError(f"preset {preset!r} is unknown; there are {', '.join(PRESETS[SYSTEM])}")

    # How many of the channels are classes: told by a discriminator, an option, an ontology or a preset.
    classes = None if discriminator is None else discriminator.classes
    if classes is None and channels is not None and given.style_size is not None:
        classes = channels - given.style_size
    if classes is None and ontology is not None:
        classes = ontology.channels
    if classes is None and preset is not None:
        classes = PRESETS[SYSTEM][preset].config.classes
    if preset is None:
        preset = _guess(of, channels, classes, ontology)
        classes = PRESETS[SYSTEM][preset].config.classes if preset is not None else classes
    if classes is None:
        raise ValueError(
            f"{of}: its {channels} channels are noise and classes together: say how many are noise, --style-size (64 "
            "in the released models), or give --preset, --ontology, or its discriminator too"
        )
    config: OasisConfig = PRESETS[SYSTEM][preset or "coco"].config
    if preset is not None and config.classes != classes:
        raise ValueError(f"{of} has {classes} classes, preset {preset} has {config.classes}: give another, or none")
    if ontology is not None and ontology.channels != classes:
        raise ValueError(
            f"the ontology {ontology.name!r} has {ontology.channels} classes, unlabelled included; the model of {of} "
            f"has {classes}: give the ontology of its training"
        )
    style_size = config.style_size if channels is None else channels - classes
    if classes < 1 or style_size < 0 or given.style_size not in (None, style_size):
        raise ValueError(
            f"{of} has {channels} channels and its model {classes} classes, which leaves {style_size} for noise"
            + (f"; --style-size says {given.style_size}" if given.style_size is not None else "")
        )
    shaped: dict[str, Any] = {"height": given.height or config.height, "width": given.width or config.width}
    shaped |= _shaped(checkpoints, config)
    return preset, replace(config, classes=classes, style_size=style_size, **shaped)


def _channels(checkpoints: Checkpoints) -> tuple[str, int | None]:
    """A file that says how many semantic channels there are, and how many; a discriminator does not."""
    generators = [found for kind, found in checkpoints.items() if kind != "D"]
    if len({found.facts.semantic_channels for found in generators}) > 1:
        listed = " and ".join(f"{found.path} ({found.facts.semantic_channels} channels)" for found in generators)
        raise ValueError(f"{listed} belong to different models: give the files of one training")
    first = generators[0] if generators else checkpoints["D"]
    return str(first.path), first.facts.semantic_channels


def _guess(of: str, channels: int | None, classes: int | None, ontology: Ontology | None) -> str | None:
    """The preset whose numbers of channels these are, if nothing that was given speaks against it."""
    for name in ("coco", "ade20k", "cityscapes"):
        config = PRESETS[SYSTEM][name].config
        fits = classes in (None, config.classes) and channels in (None, config.classes + config.style_size)
        if fits and (ontology is None or ontology.channels == config.classes):
            told = " and ".join(
                f"{count} {what}" for count, what in ((channels, "channels"), (classes, "classes")) if count is not None
            )
            warnings.warn(
                f"{of}: {told}: taken as preset {name} ({config.classes} classes, {config.style_size} noise channels). "
                "If it is not, give --preset, --style-size or --ontology",
                stacklevel=4,
            )
            return name
    return None


def _shaped(checkpoints: Checkpoints, config: OasisConfig) -> dict[str, Any]:
    """What keys and shapes tell."""
    told: dict[str, Any] = {}
    for kind, checkpoint in checkpoints.items():
        facts = checkpoint.facts
        if kind == "D":
            told |= {"discriminator_width": facts.width, "discriminator_layers": facts.layers}
        else:
            norm = config.norm if facts.norm == "batch" and config.norm != "instance" else facts.norm
            told |= {"generator_width": facts.width, "norm": norm}
            told |= {"kernel_size": facts.kernel_size, "hidden": facts.hidden}
    return told
