"""What there is to say about a model without loading it: for lists."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from spadework.data.ontology import Ontology
from spadework.model_folder import CONFIG, ONTOLOGY, WEIGHTS, read_description
from spadework.shipped_models import shipped_models
from spadework.systems import SYSTEMS

CARDS = ("card.md", "README.md")
"""Files with a model's metadata; the hub calls it README.md."""


@dataclass(frozen=True)
class ModelFacts:
    """One model."""

    name: str
    folder: Path
    shipped: bool
    """Whether it came with the library; else it was fetched from the hub."""
    system: str
    size: tuple[int, int]
    """Width and height of the pictures that it was trained on, in pixels."""
    classes: tuple[str, ...]
    bytes: int
    """Of model.safetensors."""
    parameters: int
    styles: bool
    """Whether photos can lend it their style."""
    licence: str

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {**vars(self), "folder": str(self.folder), "size": list(self.size), "classes": list(self.classes)}


def known_models() -> list[ModelFacts]:
    """The models that come with the library, then those that were fetched from the hub; others there are left out."""
    shipped = [read_facts(name, folder, shipped=True) for name, folder in shipped_models().items()]
    return shipped + [read_facts(name, folder, shipped=False) for name, folder in sorted(_fetched().items())]


def read_facts(name: str, folder: Path, *, shipped: bool) -> ModelFacts:
    """The facts of a model folder; raises ValueError where it is damaged."""
    description = read_description(folder)
    config = description["config"]
    return ModelFacts(
        name,
        folder,
        shipped,
        description["system"],
        (config["width"], config["height"]),
        tuple(each.name for each in Ontology.read(folder / ONTOLOGY).classes),
        (folder / WEIGHTS).stat().st_size,
        _parameters(folder / WEIGHTS),
        bool(config.get("encoder")),
        _licence(folder),
    )


def _fetched() -> dict[str, Path]:
    """Name on the hub -> folder, of the models of this library in the hub's cache."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    newest = {
        each.repo_id: max(each.revisions, key=lambda revision: revision.last_modified).snapshot_path
        for each in repositories
        if each.repo_type == "model" and each.revisions
    }
    return {name: folder for name, folder in newest.items() if _is_ours(folder)}


def _is_ours(folder: Path) -> bool:
    if not all((folder / name).is_file() for name in (CONFIG, ONTOLOGY, WEIGHTS)):
        return False
    try:
        description = read_description(folder)
    except ValueError:
        return False
    return description.get("system") in SYSTEMS and isinstance(description.get("config"), dict)


def _parameters(path: Path) -> int:
    """How many numbers a file holds; only its header is read."""
    try:
        with safe_open(path, framework="pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged or no safetensors file ({error})") from error


def _licence(folder: Path) -> str:
    """What the model's card states as the hub has it: `license: apache-2.0` between lines of dashes."""
    for name in CARDS:
        path = folder / name
        if not path.is_file():
            continue
        start, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("---\n")
        for line in [] if start else rest.partition("\n---")[0].splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "license" and value.strip():
                return value.strip().strip("'\"")
    return "not stated"
