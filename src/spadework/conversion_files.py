"""The files of a conversion: checkpoints read and written, and files that appear all together or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from io import BytesIO
from itertools import chain
from operator import methodcaller
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework.atomic import DiskFullError, write_atomic
from spadework.model_folder import CONFIG, read_weights
from spadework.systems.base import System
from spadework.training.run import Run
from spadework.upstream.checkpoint import difference, read_state_dict

ENCODER = "encoder.safetensors"
DISCRIMINATOR = "discriminator.safetensors"
GENERATOR = "generator.safetensors"
"""Networks that are not in model.safetensors; the generator is one that has an average beside it."""

NAMINGS = (
    (r"(.+)_net_[GDE]\.pth", ("latest",)),
    (r"(.+)_(?:G|EMA|D)\.pth", ("best", "latest")),
)
"""How originals call their checkpoints, SPADE and CLADE first, then OASIS; and which names go before numbers."""

Held = tuple[Path, dict[str, Tensor]]
"""A checkpoint and its tensors."""


# Reading the original's checkpoints.


def read_checkpoints(paths: Iterable[Path]) -> list[Held]:
    """Every checkpoint that the paths name; of a folder of the original those of one epoch."""
    held = [(path, _read(path)) for path in chain.from_iterable(map(_files, paths))]
    if not held:
        raise ValueError("no checkpoint was given: give latest_net_G.pth, or the folder that holds it")
    return held


def _read(path: Path) -> dict[str, Tensor]:
    """Torch 0.4.0 did not count the batches of its batch norms; the count changes nothing."""
    state_dict = dict(read_state_dict(path))
    for key in list(state_dict):
        norm, found, _ = key.partition(".running_mean")
        if found:
            state_dict.setdefault(f"{norm}.num_batches_tracked", torch.tensor(0))
    return state_dict


def _files(folder: Path) -> list[Path]:
    """A file itself; of a folder of the original the checkpoints of one epoch.

    That is the first name of `NAMINGS` that there is, else the highest number.
    """
    if not folder.is_dir():
        return [folder]
    found = [(_epochs(folder, pattern), named) for pattern, named in NAMINGS]
    epochs, named = next(((epochs, named) for epochs, named in found if epochs), ({}, ()))
    if not epochs:
        raise ValueError(f"{folder}: expected files such as latest_net_G.pth, found none: {_instead(folder)}")
    numbered = max(epochs, key=lambda name: int(name) if name.isdecimal() else -1)
    taken = next((name for name in named if name in epochs), numbered)
    if len(epochs) > 1 and taken not in named and not taken.isdecimal():
        raise ValueError(f"{folder} holds checkpoints of {', '.join(epochs)}: give the files of one of them")

    others = ", ".join(name for name in epochs if name != taken)
    also = f" (there are {others} too)" if others else ""
    warnings.warn(f"{folder}: taking {', '.join(path.name for path in epochs[taken])}{also}", stacklevel=2)
    return epochs[taken]


def _epochs(folder: Path, pattern: str) -> dict[str, list[Path]]:
    """The checkpoints of a folder that are called so, by what stands before the network's letter."""
    epochs: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := re.fullmatch(pattern, path.name):
            epochs.setdefault(match[1], []).append(path)
    return epochs


def _instead(folder: Path) -> str:
    below = sorted({str(path.parent) for path in folder.glob("*/*_[GDE].pth")})
    if below:
        return f"give one of the folders in it that have them ({', '.join(below)})"
    if (folder / CONFIG).exists():
        return "this looks like a model folder, which --to-upstream turns into checkpoints"
    return "give the checkpoints themselves, whatever they are called"


def require_equal(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], complaint: str) -> None:
    """The same keys and shapes, and numbers of the same kind."""
    shapes = [{key: tuple(tensor.shape) for key, tensor in tensors.items()} for tensors in (expected, found)]
    if unlike := difference(*shapes):
        raise ValueError(f"{complaint}: {unlike}")
    for key, tensor in found.items():
        if tensor.is_floating_point() != expected[key].is_floating_point():
            raise ValueError(f"{complaint}: {key} holds {tensor.dtype}, expected {expected[key].dtype}")


def read_networks(path: Path, system: System, names: Collection[str]) -> dict[str, dict[str, Tensor]]:
    """The tensors of networks of a system, by the network's name, from a file of a model folder."""
    found = read_weights(path)
    networks = {name: system.networks[name].state_dict() for name in names if name in system.networks}
    expected = {f"{name}.{key}": tensor for name, state in networks.items() for key, tensor in state.items()}
    require_equal(expected, found, f"{path}: does not fit {CONFIG} beside it")
    return {name: {key: found[f"{name}.{key}"] for key in state} for name, state in networks.items()}


def newest_networks(folder: Path, system: System, names: Collection[str]) -> dict[str, dict[str, Tensor]]:
    """The same from the newest checkpoint of a run folder; nothing where there is none."""
    checkpoint = Run(folder).latest_checkpoint()
    if checkpoint is None:
        return {}
    found: dict[str, dict[str, Tensor]] = {name: checkpoint.state["networks"][name] for name in names}
    for name, state in found.items():
        complaint = f"{checkpoint.path}: does not fit {folder / CONFIG}"
        require_equal(system.networks[name].state_dict(), state, complaint)
    return found


# Writing.


def refuse_occupied(out: Path, names: Iterable[str]) -> None:
    """Raise ValueError where files of these names would be written over."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: --out takes a folder")
    if there := [name for name in names if (out / name).exists()]:
        raise ValueError(f"{out} already holds {', '.join(there)}: choose another --out")


def write_whole(out: Path, write: Callable[[Path], None]) -> list[Path]:
    """Let `write` fill a folder, then move what is in it to `out`: all appears, or nothing. Returns where it is."""
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
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if new:
            out.rmdir()
        if isinstance(error, DiskFullError):
            error.path = out / error.path.name
        raise
    return moved


def write_torch_files(state_dicts: Mapping[str, Mapping[str, Tensor]], folder: Path) -> None:
    """Write state dicts, by the name of their file, in the original's form."""
    for name, state_dict in state_dicts.items():
        write_atomic(folder / name, methodcaller("write", _torch_file(state_dict)))


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
