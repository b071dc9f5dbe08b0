"""Trained weights to start from: those of a run, with all that its newest checkpoint holds, or those of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.model_folder import CONFIG, ONTOLOGY, WEIGHTS, find_model, read_system, read_weights
from spadework.systems.base import System
from spadework.training.run import Run

State = dict[str, Tensor]
"""The state dict of a network."""


@dataclass(frozen=True)
class Origin:
    """What a training may start from."""

    place: str
    """The run or the model, as it was named."""
    system_name: str
    system: System
    """Its networks' shapes, without memory for weights; `config` is theirs."""
    ontology: Ontology
    networks: Mapping[str, State]
    """The weights of each network, as trained, in float32. A model may have no discriminator."""
    averages: Mapping[str, State] = field(default_factory=dict)
    """Their moving average, for networks that have one."""
    updates: int = 0
    """How often the average was updated; 0 for a model, which doesn't tell."""
    images: int | None = None
    """Images that a run had seen; None for a model."""


def read_origin(place: Path | str) -> Origin:
    """A run folder (its newest checkpoint that is whole), a model folder, or the name of a model.

    Raises ValueError where there is none, or when its files do not fit each other.
    """
    folder = find_model(place)
    with torch.device("meta"):
        name, system = read_system(folder)
    ontology = Ontology.read(folder / ONTOLOGY)
    if ontology.channels > system.config.classes:
        raise ValueError(
            f"{folder / ONTOLOGY} has {ontology.channels} classes, {folder / CONFIG} has {system.config.classes}: "
            "these files belong to different models"
        )
    checkpoint = Run(folder).latest_checkpoint()
    if checkpoint is None:
        return Origin(str(place), name, system, ontology, **_from_model(folder, system))
    held = _from_checkpoint(checkpoint.state, system, checkpoint.path)
    return Origin(str(place), name, system, ontology, **held, images=checkpoint.images)


def _from_checkpoint(state: dict[str, Any], system: System, path: Path) -> dict[str, Any]:
    networks = {name: _fitting(state["networks"].get(name, {}), name, system, path) for name in system.networks}
    if state["average"] is None:
        return {"networks": networks}
    averages = _by_network(state["average"]["weights"], system, path)
    return {"networks": networks, "averages": averages, "updates": state["average"]["updates"]}


def _from_model(folder: Path, system: System) -> dict[str, Any]:
    """A file of its own holds what generating does without: a discriminator, a generator whose average is the model."""
    finished = _by_network(read_weights(folder / WEIGHTS), system, folder / WEIGHTS)
    beside: dict[str, State] = {}
    for name in system.networks:
        path = folder / f"{name}.safetensors"
        if path.is_file():
            beside |= _by_network(read_weights(path), system, path)
    averages = {name: state for name, state in finished.items() if name in beside}
    return {"networks": {**finished, **beside}, "averages": averages}


def _by_network(tensors: Mapping[str, Tensor], system: System, path: Path) -> dict[str, State]:
    """Tensors named `network.parameter`."""
    found: dict[str, State] = {}
    for name, tensor in tensors.items():
        network, _, key = name.partition(".")
        found.setdefault(network, {})[key] = tensor
    return {network: _fitting(state, network, system, path) for network, state in found.items()}


def _fitting(state: Mapping[str, Tensor], name: str, system: System, path: Path) -> State:
    """The state dict in float32; raises ValueError unless it is that of the system's network."""
    network = system.networks.get(name)
    expected = {} if network is None else {key: tensor.shape for key, tensor in network.state_dict().items()}
    if expected != {key: tensor.shape for key, tensor in state.items()}:
        raise ValueError(f"{path}: its {name} does not fit the {CONFIG} beside it: they belong to different models")
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
