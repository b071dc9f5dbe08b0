"""What the page needs to know about a model before anything is painted."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spadework.checksum import sha256_of
from spadework.data.ontology import Ontology
from spadework.data.safe_palette import with_safe_colors
from spadework.model_folder import WEIGHTS
from spadework.studio.limits import Limits
from spadework.studio.shared_model import SharedModel


def describe(
    model: SharedModel, system_name: str, folder: Path, limits: Limits, segmenter: str | None
) -> dict[str, Any]:
    """The answer of /v1/model, without examples and thumbnails."""
    synthesizer = model.synthesizer
    system, ontology = synthesizer.system, synthesizer.ontology
    return {
        "name": folder.resolve().name,
        "system": system_name,
        "size": model.size,
        "ontology": {
            "name": ontology.name,
            "classes": [each.to_json() | {"thing": each.thing} for each in ontology.classes],
            "unlabelled": list(ontology.unlabelled),
            "unlabelled_id": next(iter(ontology.unlabelled), None),
        },
        "palettes": {"own": _palette(ontology), "safe": _palette(with_safe_colors(ontology))},
        "style": {
            "size": model.style_size,
            "encoder": getattr(system, "encoder", None) is not None,
            "regional": system.regional_styles,
        },
        "instances": bool(getattr(system.config, "edges", False)),
        "precision": synthesizer.precision,
        "limits": asdict(limits),
        "hash": _hash(folder / WEIGHTS),
        "segmenter": segmenter,
        "milliseconds": round(1000 * model.seconds, 1),
        "preview_side": model.preview_side(model.size),
        "version": version("spadework"),
    }


def _palette(ontology: Ontology) -> dict[str, Any]:
    """Id -> colour, that of an unlabelled id without class included."""
    colors = {str(each.id): list(each.color) for each in ontology.classes}
    index = ontology.unlabelled_index
    if index is not None:
        colors.setdefault(str(ontology.unlabelled[0]), ontology.colors()[index].tolist())
    return colors


def _hash(weights: Path) -> str | None:
    try:
        return sha256_of(weights)
    except OSError:
        return None
