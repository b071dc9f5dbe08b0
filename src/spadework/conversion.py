"""Released checkpoints into model folders, and back.

Everything is checked before anything is written, and files appear when all of them are complete.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from itertools import chain
from operator import methodcaller
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework.atomic import DiskFullError, write_atomic, write_json_atomic
from spadework.conversion_config import NAMES, SYSTEM, Checkpoint, Checkpoints, Given, find_config, numbered_ontology
from spadework.data.ontology import Ontology
from spadework.data.shipped import ontology_of_preset
from spadework.model_folder import (
    CONFIG,
    ONTOLOGY,
    WEIGHTS,
    describe,
    find_model,
    read_system,
    read_weights,
    write_model,
    write_weights,
)
from spadework.systems.base import System
from spadework.systems.spade import Spade, SpadeConfig
from spadework.training.run import Run
from spadework.upstream import spade as upstream
from spadework.upstream.checkpoint import difference, read_state_dict
from spadework.upstream.recognise import recognise
from spadework.upstream.spade import Network

ENCODER = "encoder.safetensors"
DISCRIMINATOR = "discriminator.safetensors"


# Released checkpoints -> model folder.


def from_upstream(
    paths: list[Path],
    out: Path,
    preset: str | None = None,
    ontology: Ontology | None = None,
    given: Given | None = None,
) -> list[Path]:
    """Turn checkpoints of one training (generator, encoder, discriminator, or a folder of them) into a model folder.

    Without `preset`, the number of channels tells it where it can. Without `ontology`, it is the one of the preset's
    data set; where there is no such preset, classes are called by their ids. Generator and encoder become
    `model.safetensors`; a discriminator, and an encoder without generator, get files of their own. Returns the files
    written.

    Raises ValueError, and writes nothing, for files that are no such checkpoints, or that do not fit each other, the
    preset, the ontology or what is given.
    """
    _refuse_occupied(out, (CONFIG, ONTOLOGY, WEIGHTS, ENCODER, DISCRIMINATOR))
    checkpoints = _read_checkpoints(paths)
    preset, config = find_config(checkpoints, preset, ontology, given or Given())
    system = _filled_system(checkpoints, config)
    classes = ontology or ontology_of_preset(preset) or numbered_ontology(config.classes)
    return _write_whole(out, lambda folder: _write_model_folder(folder, system, classes, checkpoints))


def _read_checkpoints(paths: list[Path]) -> Checkpoints:
    found: Checkpoints = {}
    for checkpoint in map(_read_checkpoint, chain.from_iterable(map(_files, paths))):
        network = checkpoint.facts.network
        if network in found:
            both = f"{found[network].path} and {checkpoint.path}"
            raise ValueError(f"{both} hold the same network, a {NAMES[network]}: give one of them")
        found[network] = checkpoint
    if not found:
        raise ValueError("no checkpoint was given: give latest_net_G.pth, or the folder that holds it")
    return found


def _read_checkpoint(path: Path) -> Checkpoint:
    state_dict = read_state_dict(path)
    try:
        facts = recognise(state_dict)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if facts.generator == "pix2pixhd":
        raise ValueError(
            f"{path}: the pix2pixHD-style generator of SPADE's repository ({facts.semantic_channels} channels, "
            f"width {facts.width}, {facts.blocks} residual blocks): no system here makes a model of it yet"
        )

    # Torch 0.4.0 did not count the batches of its batch norms; the count changes nothing.
    counted = dict(state_dict)
    for key in state_dict:
        path_of_norm, found, _ = key.partition(".running_mean")
        if found:
            counted.setdefault(f"{path_of_norm}.num_batches_tracked", torch.tensor(0))
    return Checkpoint(path, counted, facts)


def _files(folder: Path) -> list[Path]:
    """A file itself; of a folder of the original the checkpoints of one epoch: `latest`, else the highest number."""
    if not folder.is_dir():
        return [folder]
    epochs: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := re.fullmatch(r"(.+)_net_[GDE]\.pth", path.name):
            epochs.setdefault(match[1], []).append(path)
    if not epochs:
        raise ValueError(f"{folder}: expected files such as latest_net_G.pth, found none: {_instead(folder)}")
    taken = max(epochs, key=lambda name: (name == "latest", int(name) if name.isdecimal() else -1))
    if len(epochs) > 1 and taken != "latest" and not taken.isdecimal():
        raise ValueError(f"{folder} holds checkpoints of {', '.join(epochs)}: give the files of one of them")

    others = ", ".join(name for name in epochs if name != taken)
    also = f" (there are {others} too)" if others else ""
    warnings.warn(f"{folder}: taking {', '.join(path.name for path in epochs[taken])}{also}", stacklevel=2)
    return epochs[taken]


def _instead(folder: Path) -> str:
    below = sorted({str(path.parent) for path in folder.glob("*/*_net_[GDE].pth")})
    if below:
        return f"give one of the folders in it that have them ({', '.join(below)})"
    if (folder / CONFIG).exists():
        return "this looks like a model folder, which --to-upstream turns into checkpoints"
    return "give the checkpoints themselves, whatever they are called"


def _filled_system(checkpoints: Checkpoints, config: SpadeConfig) -> Spade:
    """The system with the checkpoints' tensors in its networks; the others stay without memory."""
    try:
        with torch.device("meta"):
            system = Spade(config)
    except ValueError as error:
        raise ValueError(f"{', '.join(str(found.path) for found in checkpoints.values())}: {error}") from error
    for kind, checkpoint in checkpoints.items():
        network = system.networks[NAMES[kind]]
        expected = upstream.to_upstream(network.state_dict(), kind)
        complaint = f"{checkpoint.path}: not what a SPADE {NAMES[kind]} of its size has"
        _require_equal(expected, checkpoint.state_dict, complaint)
        ours = upstream.to_ours(checkpoint.state_dict, kind)
        network.load_state_dict({key: tensor.clone() for key, tensor in ours.items()}, assign=True)
    return system


def _require_equal(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], complaint: str) -> None:
    """The same keys and shapes, and numbers of the same kind."""
    shapes = [{key: tuple(tensor.shape) for key, tensor in tensors.items()} for tensors in (expected, found)]
    if unlike := difference(*shapes):
        raise ValueError(f"{complaint}: {unlike}")
    for key, tensor in found.items():
        if tensor.is_floating_point() != expected[key].is_floating_point():
            raise ValueError(f"{complaint}: {key} holds {tensor.dtype}, expected {expected[key].dtype}")


def _write_model_folder(folder: Path, system: Spade, ontology: Ontology, checkpoints: Collection[Network]) -> None:
    if "G" in checkpoints:
        write_model(folder, SYSTEM, system, ontology)
    else:
        ontology.write(folder / ONTOLOGY)
        write_json_atomic(folder / CONFIG, describe(SYSTEM, system))
        if system.encoder is not None and "E" in checkpoints:
            write_weights(folder / ENCODER, {"encoder": system.encoder})
    if "D" in checkpoints:
        write_weights(folder / DISCRIMINATOR, {"discriminator": system.discriminator})


# Model folder -> checkpoints in the original's form.


def to_upstream(paths: list[Path], out: Path) -> list[Path]:
    """Turn a model folder or a run folder into `latest_net_G.pth` and, where there are such, `_E` and `_D`.

    A run's discriminator comes from its newest checkpoint. Returns the files written. Raises ValueError, and writes
    nothing, for a folder that is no model or a model that the original cannot express.
    """
    if len(paths) != 1:
        raise ValueError(f"--to-upstream takes one model folder; got {len(paths)} paths")
    files = {network: f"latest_net_{network}.pth" for network in NAMES}
    _refuse_occupied(out, files.values())
    folder = find_model(paths[0])
    with torch.device("meta"):
        system_name, system = read_system(folder)
    if system_name != SYSTEM:
        raise ValueError(f"{folder} is a model of {system_name}: only {SYSTEM} has an original form to go back to")
    saved = _saved_networks(folder, system)
    _check_expressible(system.config, saved, folder)
    state_dicts = {kind: upstream.to_upstream(saved[name], kind) for kind, name in NAMES.items() if name in saved}

    def write(folder: Path) -> None:
        for kind, state_dict in state_dicts.items():
            write_atomic(folder / files[kind], methodcaller("write", _torch_file(state_dict)))

    return _write_whole(out, write)


def _saved_networks(folder: Path, system: System) -> dict[str, dict[str, Tensor]]:
    """The tensors of every network that a folder holds, by the network's name."""
    inference = [name for name in system.inference_names if name in system.networks]
    files = {WEIGHTS: inference, ENCODER: ["encoder"], DISCRIMINATOR: ["discriminator"]}
    saved: dict[str, dict[str, Tensor]] = {}
    for file, names in files.items():
        if (folder / file).is_file():
            found = read_weights(folder / file)
            networks = {name: system.networks[name].state_dict() for name in names if name in system.networks}
            expected = {f"{name}.{key}": tensor for name, state in networks.items() for key, tensor in state.items()}
            _require_equal(expected, found, f"{folder / file}: does not fit {CONFIG} beside it")
            saved |= {name: {key: found[f"{name}.{key}"] for key in state} for name, state in networks.items()}

    # A run has its discriminator in its checkpoints.
    checkpoint = None if "discriminator" in saved else Run(folder).latest_checkpoint()
    if checkpoint is not None:
        saved["discriminator"] = checkpoint.state["networks"]["discriminator"]
        expected = system.networks["discriminator"].state_dict()
        _require_equal(expected, saved["discriminator"], f"{checkpoint.path}: does not fit {folder / CONFIG}")
    if not saved:
        raise ValueError(f"{folder}: no {', '.join(files)} and no checkpoint in it: there are no weights to convert")
    return saved


def _check_expressible(config: SpadeConfig, saved: dict[str, Any], folder: Path) -> None:
    """Refuse a generator that the original cannot express, leave out other such networks, tell what it has fixed."""
    if "generator" in saved and (config.conditioning != "spade" or config.norm in ("group", "layer")):
        raise ValueError(
            f"{folder}: its generator has conditioning={config.conditioning} and norm={config.norm}; the original has "
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

    fixed = {"hidden": (config.hidden, 128)} if "generator" in saved else {}
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


def _torch_file(tensors: Mapping[str, Tensor]) -> bytes:
    """What the original's own saving makes: torch's older format, which torch 1.0 reads too, with its metadata.

    The metadata say which form each module's entries have; without them a loader may take spectral norm's for those of
    torch 0.4.
    """
    state_dict = OrderedDict(tensors)
    metadata: OrderedDict[str, dict[str, Any]] = OrderedDict([("", {"version": 1})])
    for key in state_dict:
        parts = key.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            metadata.setdefault(".".join(parts[:depth]), {"version": 1})
        module = ".".join(parts)
        if key.endswith(".running_mean"):
            metadata[module]["version"] = 2
        if key.endswith(".weight_orig"):
            metadata[module]["spectral_norm"] = {"weight.version": 1}
    state_dict._metadata = metadata  # type: ignore[attr-defined]  # where torch keeps it
    buffer = BytesIO()
    torch.save(state_dict, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


# Writing.


def _refuse_occupied(out: Path, names: Collection[str]) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: --out takes a folder")
    if there := [name for name in names if (out / name).exists()]:
        raise ValueError(f"{out} already holds {', '.join(there)}: choose another --out")


def _write_whole(out: Path, write: Callable[[Path], None]) -> list[Path]:
    """Let `write` fill a folder, then move its files to `out`: all of them appear, or none. Returns where they are."""
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    moved: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(prefix=".", suffix=".partial", dir=out) as folder:
            write(Path(folder))
            for file in sorted(Path(folder).iterdir()):
                moved.append(file.rename(out / file.name))
    except BaseException as error:
        for path in moved:
            path.unlink()
        if new:
            out.rmdir()
        if isinstance(error, DiskFullError):
            error.path = out / error.path.name
        raise
    return moved
