"""OASIS's checkpoints into model folders, and back.

The original has unknown pixels in channel 0, whatever the data set; ours has them where the ontology says. Channels are
moved accordingly, and moved back on the way out.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from spadework.atomic import write_json_atomic
from spadework.conversion_config import Given, numbered_ontology
from spadework.conversion_files import (
    DISCRIMINATOR,
    GENERATOR,
    Held,
    newest_networks,
    read_networks,
    refuse_occupied,
    require_equal,
    write_torch_files,
    write_whole,
)
from spadework.conversion_oasis_config import SYSTEM, Checkpoint, Checkpoints, find_config
from spadework.data.ontology import Ontology
from spadework.data.shipped import ontology_of_preset
from spadework.model_folder import CONFIG, ONTOLOGY, WEIGHTS, describe, write_weights
from spadework.systems.oasis import Oasis, OasisConfig
from spadework.upstream import oasis as upstream
from spadework.upstream.oasis import NAMES, Network, recognise

FILES: dict[Network, str] = {"EMA": "latest_EMA.pth", "G": "latest_G.pth", "D": "latest_D.pth"}


# Checkpoints -> model folder.


def from_upstream(
    held: list[Held], out: Path, preset: str | None, ontology: Ontology | None, given: Given
) -> list[Path]:
    """Turn checkpoints of one training into a model folder; returns the files written.

    `model.safetensors` gets the averaged generator, or the generator where there is no average; a generator beside its
    average, and a discriminator, get files of their own. Raises ValueError, and writes nothing, for files that do not
    fit each other, the preset, the ontology or what is given.
    """
    checkpoints = _recognise_all(held)
    preset, config = find_config(checkpoints, preset, ontology, given)
    classes = ontology or ontology_of_preset(preset) or numbered_ontology(config.classes)
    unlabelled = classes.unlabelled_index
    config = replace(config, unlabelled=-1 if unlabelled is None else unlabelled)
    if config.unlabelled > 0:
        warnings.warn(
            f"channel 0, unknown pixels in the original, becomes class index {config.unlabelled}, where the ontology "
            f"{classes.name!r} has them",
            stacklevel=3,
        )
    systems = {kind: _filled_system(checkpoint, kind, config) for kind, checkpoint in checkpoints.items()}
    return write_whole(out, partial(_write_model_folder, systems, classes))


def _recognise_all(held: list[Held]) -> Checkpoints:
    """A generator is the average if its file is called so: keys and shapes are the same."""
    found: Checkpoints = {}
    for path, state_dict in held:
        try:
            facts = recognise(state_dict)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        kind: Network = "EMA" if facts.network == "G" and re.search(r"EMA\b", path.stem) else facts.network
        if kind in found:
            raise ValueError(
                f"{found[kind].path} and {path} hold the same network, {_a(kind)}: give one of them"
                + (" (an averaged generator is known by its name, such as best_EMA.pth)" if kind == "G" else "")
            )
        found[kind] = Checkpoint(path, state_dict, facts)
    return found


def _filled_system(checkpoint: Checkpoint, kind: Network, config: OasisConfig) -> Oasis:
    """A system with the checkpoint's tensors in the network that it is of; the other is without memory."""
    try:
        with torch.device("meta"):
            system = Oasis(config)
    except ValueError as error:
        raise ValueError(f"{checkpoint.path}: {error}") from error
    name = "discriminator" if kind == "D" else "generator"
    network = system.networks[name]
    complaint = f"{checkpoint.path}: not what an OASIS {name} of its size has"
    require_equal(upstream.to_upstream(network.state_dict(), kind), checkpoint.state_dict, complaint)
    ours = _with_channels_moved(upstream.to_ours(checkpoint.state_dict, kind), kind, config, _unknown_to_its_place)
    network.load_state_dict({key: tensor.clone() for key, tensor in ours.items()}, assign=True)
    return system


def _write_model_folder(systems: dict[Network, Oasis], ontology: Ontology, folder: Path) -> None:
    ontology.write(folder / ONTOLOGY)
    write_json_atomic(folder / CONFIG, describe(SYSTEM, next(iter(systems.values()))))
    for kind, system in systems.items():
        if kind == "D":
            write_weights(folder / DISCRIMINATOR, {"discriminator": system.discriminator})
        else:
            beside = kind == "G" and "EMA" in systems
            write_weights(folder / (GENERATOR if beside else WEIGHTS), {"generator": system.generator})


# Model folder -> checkpoints.


def to_upstream(folder: Path, system: Oasis, out: Path) -> list[Path]:
    """Turn a model folder or a run folder into `latest_EMA.pth`, what makes its photos, and `_G` and `_D` where known.

    A run has them in its newest checkpoint. Returns the files written.
    """
    refuse_occupied(out, FILES.values())
    saved: dict[Network, dict[str, Tensor]] = {}
    places: dict[Network, str] = {"EMA": WEIGHTS, "G": GENERATOR, "D": DISCRIMINATOR}
    for kind, file in places.items():
        name = "discriminator" if kind == "D" else "generator"
        if (folder / file).is_file():
            saved[kind] = read_networks(folder / file, system, [name])[name]
    for name, state_dict in newest_networks(folder, system, ["generator", "discriminator"]).items():
        saved.setdefault("D" if name == "discriminator" else "G", state_dict)
    if not saved:
        raise ValueError(f"{folder}: no {WEIGHTS} and no checkpoint in it: there are no weights to convert")
    _tell_what_is_fixed(system.config, saved, folder)
    state_dicts = {
        FILES[kind]: upstream.to_upstream(_with_channels_moved(state, kind, system.config, _unknown_first), kind)
        for kind, state in saved.items()
    }
    return write_whole(out, partial(write_torch_files, state_dicts))


def _tell_what_is_fixed(config: OasisConfig, saved: dict[Network, dict[str, Tensor]], folder: Path) -> None:
    fixed = {}
    if "EMA" in saved or "G" in saved:
        fixed = {"hidden": (config.hidden, 128)}
    if "D" in saved:
        fixed["discriminator_width"] = (config.discriminator_width, 128)
        fixed["discriminator_layers"] = (config.discriminator_layers, 6)
    for name, (value, expected) in fixed.items():
        if value != expected:
            warnings.warn(
                f"{folder} has {name}={value}; the original's code has {expected} there and no option for it: "
                "the file is right, but that code needs a change to load it",
                stacklevel=4,
            )


# Where the unknown class lies.


def _unknown_to_its_place(classes: int, unlabelled: int) -> list[int]:
    """The original's channel for each class index of ours."""
    return [*range(1, unlabelled + 1), 0, *range(unlabelled + 1, classes)]


def _unknown_first(classes: int, unlabelled: int) -> list[int]:
    """Our class index for each channel of the original."""
    return [unlabelled, *range(unlabelled), *range(unlabelled + 1, classes)]


def _with_channels_moved(
    state_dict: dict[str, Tensor], kind: Network, config: OasisConfig, order: Callable[[int, int], list[int]]
) -> dict[str, Tensor]:
    """The classes among a generator's inputs, behind the noise, or a discriminator's outputs, behind "fake"."""
    if config.unlabelled <= 0:
        return state_dict
    before = 1 if kind == "D" else config.style_size
    places = order(config.classes, config.unlabelled)
    channels = torch.tensor([*range(before), *(before + place for place in places)])
    reads_the_map = re.compile(r"to_logits\." if kind == "D" else r"(stem|.*\.shared)\.weight$")
    return {
        key: tensor.index_select(0 if kind == "D" else 1, channels) if reads_the_map.match(key) else tensor
        for key, tensor in state_dict.items()
    }


def _a(kind: Network) -> str:
    return f"an {NAMES[kind]}" if NAMES[kind][0] == "a" else f"a {NAMES[kind]}"
