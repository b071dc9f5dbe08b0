"""Released checkpoints into model folders, and back.

Everything is checked before anything is written, and files appear when all of them are complete.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework import conversion_oasis
from spadework.atomic import write_json_atomic
from spadework.conversion_config import (
    NAMES,
    Checkpoint,
    Checkpoints,
    Given,
    find_config,
    find_system,
    numbered_ontology,
)
from spadework.conversion_files import (
    DISCRIMINATOR,
    ENCODER,
    GENERATOR,
    Held,
    newest_networks,
    read_checkpoints,
    read_networks,
    refuse_occupied,
    require_equal,
    write_torch_files,
    write_whole,
)
from spadework.data.ontology import Ontology
from spadework.data.shipped import ontology_of_preset
from spadework.model_folder import (
    CONFIG,
    ONTOLOGY,
    WEIGHTS,
    describe,
    find_model,
    read_system,
    write_model,
    write_weights,
)
from spadework.systems import SYSTEMS
from spadework.systems.base import System
from spadework.systems.clade import CladeConfig
from spadework.systems.oasis import Oasis
from spadework.systems.spade import SpadeConfig, SpadeFamilyConfig
from spadework.upstream.oasis import is_oasis
from spadework.upstream.recognise import RENAME_TABLES, recognise
from spadework.upstream.spade import Network

# Released checkpoints -> model folder.


def from_upstream(
    paths: list[Path],
    out: Path,
    preset: str | None = None,
    ontology: Ontology | None = None,
    given: Given | None = None,
    system: str | None = None,
) -> list[Path]:
    """Turn checkpoints of one training (generator, encoder, discriminator, or a folder of them) into a model folder.

    The generator tells whose they are; `system` says it where there is none. Without `preset`, the number of channels
    tells it where it can. Without `ontology`, it is the one of the preset's data set; where there is no such preset,
    classes are called by their ids. Generator and encoder become
    `model.safetensors`; a discriminator, and an encoder without generator, get files of their own. Returns the files
    written.

    Raises ValueError, and writes nothing, for files that are no such checkpoints, or that do not fit each other, the
    preset, the ontology or what is given.
    """
    refuse_occupied(out, (CONFIG, ONTOLOGY, WEIGHTS, ENCODER, DISCRIMINATOR, GENERATOR))
    held = read_checkpoints(paths)
    if any(is_oasis(state_dict) for _, state_dict in held):
        if system not in (None, "oasis"):
            raise ValueError(f"{held[0][0]}: networks of oasis, not of {system}: leave --system out")
        return conversion_oasis.from_upstream(held, out, preset, ontology, given or Given())
    checkpoints = _recognise_all(held)
    name = find_system(checkpoints, system)
    preset, config = find_config(name, checkpoints, preset, ontology, given or Given())
    filled = _filled_system(name, checkpoints, config)
    classes = ontology or ontology_of_preset(preset) or numbered_ontology(config.classes)
    return write_whole(out, lambda folder: _write_model_folder(folder, name, filled, classes, checkpoints))


def _recognise_all(held: list[Held]) -> Checkpoints:
    found: Checkpoints = {}
    for checkpoint in (_recognised(path, state_dict) for path, state_dict in held):
        network = checkpoint.facts.network
        if network in found:
            both = f"{found[network].path} and {checkpoint.path}"
            raise ValueError(f"{both} hold the same network, a {NAMES[network]}: give one of them")
        found[network] = checkpoint
    if not found:
        raise ValueError("no checkpoint was given: give latest_net_G.pth, or the folder that holds it")
    return found


def _recognised(path: Path, state_dict: dict[str, Tensor]) -> Checkpoint:
    try:
        facts = recognise(state_dict)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if facts.generator == "pix2pixhd":
        raise ValueError(
            f"{path}: the pix2pixHD-style generator of SPADE's repository ({facts.semantic_channels} channels, "
            f"width {facts.width}, {facts.blocks} residual blocks): no system here makes a model of it yet"
        )
    return Checkpoint(path, state_dict, facts)


def _filled_system(name: str, checkpoints: Checkpoints, config: SpadeFamilyConfig) -> System:
    """The system with the checkpoints' tensors in its networks; the others stay without memory."""
    try:
        with torch.device("meta"):
            make_system: Any = SYSTEMS[name]
            system: System = make_system(config)
    except ValueError as error:
        raise ValueError(f"{', '.join(str(found.path) for found in checkpoints.values())}: {error}") from error
    for kind, checkpoint in checkpoints.items():
        network = system.networks[NAMES[kind]]
        expected = RENAME_TABLES[name].to_upstream(network.state_dict(), kind)
        complaint = f"{checkpoint.path}: not what a {name.upper()} {NAMES[kind]} of its size has"
        require_equal(expected, checkpoint.state_dict, complaint)
        ours = RENAME_TABLES[name].to_ours(checkpoint.state_dict, kind)
        network.load_state_dict({key: tensor.clone() for key, tensor in ours.items()}, assign=True)
    return system


def _write_model_folder(
    folder: Path, name: str, system: System, ontology: Ontology, checkpoints: Collection[Network]
) -> None:
    if "G" in checkpoints:
        write_model(folder, name, system, ontology)
    else:
        ontology.write(folder / ONTOLOGY)
        write_json_atomic(folder / CONFIG, describe(name, system))
        if "encoder" in system.networks and "E" in checkpoints:
            write_weights(folder / ENCODER, {"encoder": system.networks["encoder"]})
    if "D" in checkpoints:
        write_weights(folder / DISCRIMINATOR, {"discriminator": system.networks["discriminator"]})


# Model folder -> checkpoints in the original's form.


def to_upstream(paths: list[Path], out: Path) -> list[Path]:
    """Turn a model folder or a run folder into `latest_net_G.pth` and, where there are such, `_E` and `_D`.

    A run's discriminator comes from its newest checkpoint. Returns the files written. Raises ValueError, and writes
    nothing, for a folder that is no model or a model that the original cannot express.
    """
    if len(paths) != 1:
        raise ValueError(f"--to-upstream takes one model folder; got {len(paths)} paths")
    files = {network: f"latest_net_{network}.pth" for network in NAMES}
    refuse_occupied(out, files.values())
    folder = find_model(paths[0])
    with torch.device("meta"):
        system_name, system = read_system(folder)
    if isinstance(system, Oasis):
        return conversion_oasis.to_upstream(folder, system, out)
    if not isinstance(system.config, SpadeConfig | CladeConfig):  # or SPADE+, which has SPADE's networks
        raise ValueError(f"{folder} is a model of {system_name}, which has no original form to go back to")
    names = RENAME_TABLES["clade" if isinstance(system.config, CladeConfig) else "spade"]
    saved = _saved_networks(folder, system)
    _check_expressible(system.config, saved, folder)
    state_dicts = {
        files[kind]: names.to_upstream(saved[name], kind) for kind, name in NAMES.items() if name in saved
    }
    return write_whole(out, partial(write_torch_files, state_dicts))


def _saved_networks(folder: Path, system: System) -> dict[str, dict[str, Tensor]]:
    """The tensors of every network that a folder holds, by the network's name; a run has more in its checkpoints."""
    inference = [name for name in system.inference_names if name in system.networks]
    files = {WEIGHTS: inference, ENCODER: ["encoder"], DISCRIMINATOR: ["discriminator"]}
    saved: dict[str, dict[str, Tensor]] = {}
    for file, names in files.items():
        if (folder / file).is_file():
            saved |= read_networks(folder / file, system, names)
    if "discriminator" not in saved:
        saved |= newest_networks(folder, system, ["discriminator"])
    if not saved:
        raise ValueError(f"{folder}: no {', '.join(files)} and no checkpoint in it: there are no weights to convert")
    return saved


def _check_expressible(config: SpadeConfig | CladeConfig, saved: dict[str, Any], folder: Path) -> None:
    """Refuse a generator that the original cannot express, leave out other such networks, tell what it has fixed."""
    conditioning = config.conditioning if isinstance(config, SpadeConfig) else "spade"
    if "generator" in saved and (conditioning != "spade" or config.norm in ("group", "layer")):
        raise ValueError(
            f"{folder}: its generator has conditioning={conditioning} and norm={config.norm}; the original has "
            "conditioning=spade and norm=batch, sync_batch or instance only"
        )
    if "discriminator" in saved and config.discriminator != "patch":
        del saved["discriminator"]
        warnings.warn(f"{folder}: the original has no discriminator={config.discriminator}: left out", stacklevel=3)
    if "encoder" in saved and config.encoder_input != 256:
        del saved["encoder"]
        warnings.warn(f"{folder}: the original has no encoder_input={config.encoder_input}: left out", stacklevel=3)
    if not saved:
        raise ValueError(f"{folder}: nothing in it that the original can express")

    fixed: dict[str, tuple[int, int]] = {}
    if "generator" in saved and isinstance(config, SpadeConfig):
        fixed["hidden"] = (config.hidden, 128)
    if "generator" in saved and isinstance(config, CladeConfig) and config.positions:
        fixed["unlabelled"] = (config.unlabelled, 0)
    if "encoder" in saved:
        fixed["style_size"] = (config.style_size, 256)
        fixed["encoder_width"] = (config.encoder_width, config.generator_width)
    for name, (value, expected) in fixed.items():
        if value != expected:
            warnings.warn(
                f"{folder} has {name}={value}; the original's code has {expected} there and no option for it: "
                "the file is right, but that code needs a change to load it",
                stacklevel=3,
            )
