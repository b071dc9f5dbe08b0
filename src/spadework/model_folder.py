"""A model on disk: a folder with config.json, ontology.json and model.safetensors.

Trainings, conversions and the synthesizer share this form. The bytes of model.safetensors depend on weights alone.
A model that was made to be given away may bring more: seen_styles.safetensors, the styles that seeds draw from, and in
config.json `"fill_unlabelled": true`, where nothing was learnt about pixels without a label.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spadework.atomic import write_atomic, write_json_atomic
from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.seen_styles import SeenStyles
from spadework.shipped_models import shipped_models
from spadework.systems import SYSTEMS
from spadework.systems.base import System

CONFIG = "config.json"
ONTOLOGY = "ontology.json"
WEIGHTS = "model.safetensors"
SEEN_STYLES = "seen_styles.safetensors"
FILL_UNLABELLED = "fill_unlabelled"
"""Key in config.json: whether unlabelled pixels take the class of the nearest labelled one; false unless given."""


@dataclass(frozen=True)
class Model:
    """A system with trained weights, in eval mode, and its classes."""

    system_name: str
    system: System
    ontology: Ontology
    seen_styles: SeenStyles | None = None
    """What seeds draw styles from; None: from the system's prior."""
    fill_unlabelled: bool = False
    """Whether unlabelled pixels take the class of the nearest labelled one."""


def describe(system_name: str, system: System, **more: Any) -> dict[str, Any]:
    """What config.json says: the system's name, its config, and whatever else is to be kept there."""
    return {"system": system_name, "config": dataclasses.asdict(system.config), **more}


def write_model(folder: Path, system_name: str, system: System, ontology: Ontology) -> None:
    """Write a model folder; raises DiskFullError when there is no room, and leaves older files as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    ontology.write(folder / ONTOLOGY)
    write_json_atomic(folder / CONFIG, describe(system_name, system))
    networks = system.networks
    write_weights(folder / WEIGHTS, {name: networks[name] for name in system.inference_names if name in networks})


def write_weights(path: Path, networks: Mapping[str, nn.Module]) -> None:
    """Write networks as one safetensors file, keys `network.parameter`."""
    write_tensors(path, {name: network.state_dict() for name, network in networks.items()})


def write_tensors(path: Path, networks: Mapping[str, Mapping[str, Tensor]]) -> None:
    """The same from the networks' state dicts."""
    tensors = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, state in networks.items()
        for key, tensor in state.items()
    }
    data = save(tensors)
    write_atomic(path, lambda file: file.write(data))


def read_model(model: Path | str) -> Model:
    """Read a model folder, a run folder, or a model by its name (`find_model`).

    Weights in half precision become float32. Raises ValueError when there is none, or its files do not fit each other.
    """
    folder = find_model(model)
    system_name, system = read_system(folder)
    ontology = Ontology.read(folder / ONTOLOGY)
    if ontology.channels > system.config.classes:
        raise ValueError(
            f"{folder / ONTOLOGY} has {ontology.channels} classes, {folder / CONFIG} has {system.config.classes}: "
            "these files belong to different models"
        )

    # What generating does without (the discriminator) is left out.
    for name in set(system.network_names) - set(system.inference_names):
        setattr(system, name, None)
    load_weights(system.networks, read_weights(folder / WEIGHTS), folder / WEIGHTS)
    system.eval().requires_grad_(False)
    return Model(system_name, system, ontology, _read_seen_styles(folder, system), _fills_unlabelled(folder))


def find_model(model: Path | str) -> Path:
    """The folder of a model: a path, the name of a shipped one, or what the hub's cache holds under `owner/name`.

    Fetches nothing.
    """
    folder, name = Path(model), str(model)
    shipped = shipped_models()
    if folder.is_dir() and ((folder / CONFIG).is_file() or name not in shipped):
        return folder
    if name in shipped:
        return shipped[name]
    if folder.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")):
        names = f", or the name of a model that comes with the library: {', '.join(shipped)}" if shipped else ""
        raise ValueError(
            f"{model}: expected a model folder or a run folder (with {CONFIG}, {ONTOLOGY} and {WEIGHTS}){names}"
        )

    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        raise ValueError(
            f"{model}: no such folder, and no model of that name was fetched from the hub yet. Nothing is downloaded "
            f"unasked: look at its licence and size there, then run `hf download {name}`"
        ) from None


def read_system(folder: Path) -> tuple[str, System]:
    """The system that config.json describes, with fresh weights."""
    config = read_description(folder)
    name = config.get("system")
    if not isinstance(name, str) or name not in SYSTEMS:
        raise ValueError(f"{folder / CONFIG}: system {name!r} is unknown; this version has {', '.join(SYSTEMS)}")
    system: Any = SYSTEMS[name]
    values = config_from_json(system.config_type, config.get("config"), folder / CONFIG)
    try:
        return name, system(values)
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from error


def read_description(folder: Path) -> dict[str, Any]:
    """What config.json says: the system's name, its config, and of a run its recipe, data and more."""
    return _read_json(folder / CONFIG)


def config_from_json(config_type: type, values: Any, path: Path) -> Any:
    """A system's config from its JSON form; raises ValueError for fields or values that it does not know."""
    fields = {field.name for field in dataclasses.fields(config_type)}
    if not isinstance(values, dict) or not values.keys() <= fields:
        strangers = sorted(values.keys() - fields) if isinstance(values, dict) else [repr(values)]
        raise ValueError(
            f"{path}: its config holds {', '.join(strangers)}, which {config_type.__name__} does not know: "
            "was it written by a newer version of spadework?"
        )
    kinds = get_type_hints(config_type)
    for name, value in values.items():
        if not _fits(value, kinds[name]):
            expected = " or ".join(repr(choice) for choice in get_args(kinds[name])) or kinds[name].__name__
            raise ValueError(f"{path}: its config has {name} = {value!r}, expected {expected}")
    return config_type(**values)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; raises ValueError when it is missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file: there is no generator here (a run gets one with its first checkpoint)")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged or no safetensors file ({error})") from error


def load_weights(networks: Mapping[str, nn.Module], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Fill networks from tensors named `network.parameter`; keys and shapes must fit exactly."""
    expected = {f"{name}.{key}" for name, network in networks.items() for key in network.state_dict()}
    if difference := sorted(expected ^ tensors.keys()):
        raise ValueError(
            f"{path}: {len(expected - tensors.keys())} weights are missing and {len(tensors.keys() - expected)} are "
            f"unknown to its config, {difference[0]} for one: config and weights belong to different models"
        )
    for name, network in networks.items():
        state = {key: tensors[f"{name}.{key}"] for key in network.state_dict()}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"{path}: weights do not fit the config beside them: {error}") from error


def write_seen_styles(folder: Path, styles: SeenStyles) -> None:
    """Write the styles that seeds draw from beside a model."""
    data = save({"mean": styles.mean.contiguous(), "log_variance": styles.log_variance.contiguous()})
    write_atomic(folder / SEEN_STYLES, lambda file: file.write(data))


def _read_seen_styles(folder: Path, system: System) -> SeenStyles | None:
    path = folder / SEEN_STYLES
    if not path.is_file():
        return None
    tensors, prior = read_weights(path), system.random_style(Draw(0, [0]))
    if tensors.keys() != {"mean", "log_variance"}:
        raise ValueError(f"{path}: holds {', '.join(sorted(tensors)) or 'nothing'}, expected mean and log_variance")
    try:
        styles = SeenStyles(tensors["mean"].float(), tensors["log_variance"].float())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    size = 0 if prior is None else prior.vector.shape[-1]
    if styles.mean.shape[1] != size:
        raise ValueError(
            f"{path}: styles of {styles.mean.shape[1]} numbers, the model in {CONFIG} takes {size}: these files belong "
            "to different models"
        )
    return styles


def _fills_unlabelled(folder: Path) -> bool:
    value = read_description(folder).get(FILL_UNLABELLED, False)
    if not isinstance(value, bool):
        raise ValueError(f"{folder / CONFIG}: {FILL_UNLABELLED} is {value!r}, expected true or false")
    return value


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a config field's type: a Literal or a plain type."""
    if choices := get_args(kind):
        return (type(value), value) in [(type(choice), choice) for choice in choices]
    return type(value) is kind or (kind is float and type(value) is int)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path.parent} is no model: it has no {path.name}") from None
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror})") from error
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds a {type(value).__name__}, expected a JSON object")
    return value
