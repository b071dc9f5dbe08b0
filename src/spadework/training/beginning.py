"""Fine-tuning: a training that begins with trained weights, of other classes and another picture size if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.data.ontology import Ontology
from spadework.layers.spectral import settle_spectral_norm
from spadework.systems.base import System
from spadework.training.class_matching import (
    ClassPlaces,
    ClassSource,
    class_places,
    match_classes,
    moved_classes,
)
from spadework.training.freezing import under
from spadework.training.misfits import explain_misfits
from spadework.training.origin import Origin, State, read_origin
from spadework.training.run import Run

STARTED = "started_from"
"""The entry of config.json."""
SPECTRAL = ("weight_u", "weight_v")
"""Vectors of power iterations: they follow from the weight beside them."""


@dataclass(frozen=True)
class Beginning:
    """What a training begins with."""

    place: str
    """A run or a model; `read_origin` reads it."""
    like: Mapping[str, str] = field(default_factory=dict)
    """New class -> the old class whose weights it begins with, by name; other classes go by equal names."""
    fresh: Sequence[str] = ()
    """Networks, or beginnings of weights' names, that begin anew: `discriminator`, `generator.to_photo`."""


def beginning_of(place: str | None, like: Sequence[str], fresh: Sequence[str]) -> Beginning | None:
    """From the command line, where `like` holds NEW=OLD; None without a place."""
    if place is None:
        if like or fresh:
            raise ValueError("--like and --fresh say what to take from a model: give --start-from MODEL, too")
        return None
    pairs = [pair.partition("=") for pair in like]
    if wrong := [new + sign + old for new, sign, old in pairs if not (new and sign and old)]:
        raise ValueError(f"--like {wrong[0]}: expected NEW=OLD, a class of the data and one of {place}")
    return Beginning(place, {new: old for new, _, old in pairs}, fresh)


@dataclass(frozen=True)
class Begun:
    """What came from where."""

    origin: Origin
    classes: tuple[ClassSource, ...]
    networks: Mapping[str, str]
    """Network -> what became of it, in words."""
    averages: State
    """`network.parameter` -> the moving average to go on from; empty where there is none."""
    fresh: Sequence[str] = ()
    """What was asked to begin anew."""

    def lines(self) -> list[str]:
        """A table for people."""
        width = max(len(source.name) for source in self.classes) + 2
        notes = {"like": "  (as --like says)", "name": "", "new": ""}
        rows = [f"  {s.name:{width}} {s.origin_name or 'begins anew'}{notes[s.by]}" for s in self.classes]
        taken = {source.origin for source in self.classes}
        left = [name for index, name in enumerate(self.origin.ontology.names) if index not in taken]
        seen = "" if self.origin.images is None else f", {self.origin.images} images"
        return [
            f"starts from {self.origin.place} ({self.origin.system_name}{seen})",
            f"  {'class':{width}} weights of",
            *rows,
            *([f"  left behind: {', '.join(left)}"] if left else []),
            *(f"  {name}: {what}" for name, what in self.networks.items()),
        ]

    def to_json(self) -> dict[str, Any]:
        """What config.json keeps of it."""
        classes = {source.name: source.origin_name or None for source in self.classes}
        fresh = {"fresh": list(self.fresh)} if self.fresh else {}
        return {"from": self.origin.place, "images": self.origin.images, "classes": classes, **fresh}


def start(system: System, ontology: Ontology, run: Run, beginning: Beginning | None, *, resume: bool) -> Begun | None:
    """`begin`, if that is asked for and the run doesn't go on from a checkpoint of its own."""
    if resume and run.checkpoints():
        return None
    if beginning is not None:
        return begin(system, ontology, read_origin(beginning.place), beginning)
    if resume and run.config_path.exists() and (before := run.read_config().get(STARTED)):
        raise ValueError(
            f"{run.folder} was to start from {before['from']} and has no checkpoint yet: give --start-from again"
        )
    return None


@torch.no_grad()
def begin(system: System, ontology: Ontology, origin: Origin, beginning: Beginning) -> Begun:
    """Give a fresh system for the classes of `ontology` the weights of `origin`.

    Weights that see the label map are put together class by class. The stem of a style knows one picture size: it is
    interpolated to another, as the generator does with its features, so that the photos stay what they were. What is
    named in `fresh`, and networks that the origin lacks, keep the weights that they have.

    Raises ValueError, and changes nothing, for weights that do not fit; it names the options that would make them fit.
    """
    _require_same_kind(system, origin)
    _require_known(beginning.fresh, system)
    sources = match_classes(ontology, origin.ontology, beginning.like)
    fit = partial(_fitted, system, origin, class_places(system), sources, beginning.fresh)
    fitted, kinds, misfits = fit(origin.networks)
    if misfits:
        raise ValueError(explain_misfits(misfits, system, origin))

    # Power iterations of weights that are put together follow anew.
    for name, state in fitted.items():
        system.networks[name].load_state_dict(state)
    _settle(system.networks, kinds)
    averages = _averages(system, fit(origin.averages)[0]) if origin.averages else {}
    return Begun(origin, sources, _summary(system, origin, kinds), averages, beginning.fresh)


def _fitted(
    system: System,
    origin: Origin,
    places: Mapping[str, ClassPlaces],
    sources: Sequence[ClassSource],
    fresh: Sequence[str],
    networks: Mapping[str, State],
) -> tuple[dict[str, State], dict[str, str], dict[str, str]]:
    """State dicts for the system's networks; how each weight was come by; and what does not fit, in words."""
    indices = [source.origin for source in sources]
    fitted: dict[str, State] = {}
    kinds: dict[str, str] = {}
    misfits: dict[str, str] = {}
    for network, old in networks.items():
        module = system.networks.get(network)
        if module is None or under(network, fresh):
            continue
        fitted[network] = state = dict(module.state_dict())
        for key in old.keys() - state.keys():
            if not under(f"{network}.{key}", fresh):
                misfits[f"{network}.{key}"] = "is only there"
        for key, present in state.items():
            name = f"{network}.{key}"
            if under(name, fresh):
                continue
            if key not in old:
                misfits[name] = "is only here"
                continue
            taken: Tensor | None = old[key]
            kind = "taken"
            if name in places:
                taken = moved_classes(present.cpu(), old[key], places[name], indices, origin.system.config.classes)
                same = indices == list(range(origin.system.config.classes))
                kind = "taken" if same else "by class"
            elif resize := _resizing(key, module, origin.system.networks[network]):
                taken, kind = resize(old[key]), "resized"
            if taken is not None and taken.shape == present.shape:
                state[key], kinds[name] = taken, kind
            elif not key.endswith(SPECTRAL):
                misfits[name] = f"has shape {list(old[key].shape)} there, {list(present.shape)} here"
    return fitted, kinds, misfits


def _resizing(key: str, new: nn.Module, old: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """How the linear stem of a style comes to another size of the latent; None for other weights, and equal sizes."""
    latent, after = getattr(old, "latent_size", None), getattr(new, "latent_size", None)
    if key not in ("stem.weight", "stem.bias") or latent is None or latent == after:
        return None
    if not (isinstance(new.stem, nn.Linear) and isinstance(old.stem, nn.Linear)):
        return None

    def resize(weight: Tensor) -> Tensor:
        """[C * h * w, ...] -> [C * h' * w', ...]: bilinear over the h x w places of the latent."""
        columns = weight.flatten(1) if weight.ndim > 1 else weight[:, None]                     # [C * h * w, Z]
        maps = columns.t().unflatten(1, (-1, *latent))                                          # [Z, C, h, w]
        resized = F.interpolate(maps, after, mode="bilinear").flatten(1).t().contiguous()       # [C * h' * w', Z]
        return resized if weight.ndim > 1 else resized[:, 0]

    return resize


def _averages(system: System, fitted: Mapping[str, State]) -> State:
    """The origin's moving average in the form of this system; a network without one starts it where it stands."""
    states = {name: network.state_dict() for name, network in system.networks.items() if name in system.inference_names}
    states |= {name: state for name, state in fitted.items() if name in states}
    return {f"{name}.{key}": tensor for name, state in states.items() for key, tensor in state.items()}


def _settle(networks: Mapping[str, nn.Module], kinds: Mapping[str, str]) -> None:
    for network, module in networks.items():
        for name, child in module.named_modules():
            if kinds.get(f"{network}.{name}.weight") == "by class":
                settle_spectral_norm(child)


def _summary(system: System, origin: Origin, kinds: Mapping[str, str]) -> dict[str, str]:
    said = {}
    for network in system.networks:
        found = [kind for name, kind in kinds.items() if name.startswith(f"{network}.")]
        entries = len(system.networks[network].state_dict())
        parts = [f"{found.count(kind)} {kind}" for kind in ("taken", "by class", "resized") if kind in found]
        if len(found) < entries:
            parts.append(f"{entries - len(found)} anew")
        missing = "" if network in origin.networks else f": {origin.place} has none"
        said[network] = f"begins anew{missing}" if not found else f"{entries} tensors: {', '.join(parts)}"
    return said


# Refusals.


def _require_same_kind(system: System, origin: Origin) -> None:
    if type(system.config) is not type(origin.system.config):
        raise ValueError(
            f"{origin.place} is a model of {origin.system_name}, whose networks are others: "
            f"train {origin.system_name}, or start from another model"
        )


def _require_known(fresh: Sequence[str], system: System) -> None:
    names = [f"{network}.{key}" for network, module in system.networks.items() for key in module.state_dict()]
    for prefix in fresh:
        if not any(under(name, [prefix]) for name in names):
            raise ValueError(f"--fresh {prefix}: no weight is called so; there are {', '.join(system.networks)}")
