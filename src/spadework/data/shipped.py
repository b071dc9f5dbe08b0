"""The ontologies that come with the library: those of the published data sets, as JSON files in `ontologies/`.

Names, ids and colours are the owners' where they published them; each file's `note` says so, and what is made up.
"""

from __future__ import annotations

from pathlib import Path

from spadework.choose import choose
from spadework.data.ontology import Ontology

SHIPPED: dict[str, Path] = {file.stem: file for file in sorted((Path(__file__).parent / "ontologies").glob("*.json"))}
"""Name -> file."""

OF_PRESET = {"coco": "coco-stuff"}
"""Preset -> the ontology that its released networks were trained with, where they are not called the same."""


def shipped_ontology(name: str) -> Ontology:
    """The shipped ontology of that name; raises ValueError that names the nearest one."""
    return Ontology.read(choose(SHIPPED, name, "ontology"))


def find_ontology(given: str | Path) -> Ontology:
    """The ontology in a file or, where there is no such file, the shipped one of that name."""
    path = Path(given)
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return Ontology.read(path)
    try:
        return shipped_ontology(str(given))
    except ValueError as error:
        raise ValueError(f"{path}: there is no such file, and {error}") from None


def ontology_of_preset(preset: str | None) -> Ontology | None:
    """The shipped ontology of the data set that a preset is for, or None for a preset of no data set."""
    name = OF_PRESET.get(preset or "", preset)
    return shipped_ontology(name) if name in SHIPPED else None
