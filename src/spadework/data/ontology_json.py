"""The JSON file of an ontology: what stands in it, ours or a pack's `classes.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spadework.data.semantic_class import SemanticClass, check_entries, parse_classes, reject_misspelt, whole_number

TOP_KEYS = ("name", "classes", "unlabelled", "ignore_id", "from_pack")

EXAMPLE = '{"name": "park", "classes": [{"id": 0, "name": "sky", "color": [110, 180, 235]}], "unlabelled": [255]}'


def load_json(path: str | Path) -> Any:
    """The parsed file; raises ValueError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"{path}: can't read the ontology: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); an ontology looks like {EXAMPLE}") from None


def parse_ontology(data: Any) -> dict[str, Any]:
    """The fields of an `Ontology`; raises ValueError that names the wrong one and what was expected."""
    name, note, unlabelled = _name(data), _note(data), _unlabelled(data)
    return {
        "name": name,
        "classes": parse_classes(data["classes"], unlabelled),
        "unlabelled": unlabelled,
        "from_pack": _from_pack(data.get("from_pack")),
        "note": note,
    }


def ontology_as_json(
    name: str,
    note: str,
    unlabelled: tuple[int, ...],
    classes: tuple[SemanticClass, ...],
    from_pack: dict[str, dict[int, int]] | None,
) -> dict[str, Any]:
    """What `parse_ontology` reads back as the same fields; what equals the default is left out."""
    data: dict[str, Any] = {"name": name}
    if note:
        data["note"] = note
    data["unlabelled"] = list(unlabelled)
    data["classes"] = [semantic_class.to_json() for semantic_class in classes]
    if from_pack is not None:
        data["from_pack"] = {pack: {str(there): here for there, here in ids.items()} for pack, ids in from_pack.items()}
    return data


def _name(data: Any) -> str:
    if not isinstance(data, dict):
        raise ValueError(f"expected a JSON object, got {type(data).__name__}; an ontology looks like {EXAMPLE}")
    reject_misspelt(data, TOP_KEYS)
    for key in ("name", "classes"):
        if key not in data:
            raise ValueError(f"{key!r} is missing; an ontology looks like {EXAMPLE}")
    if not isinstance(data["name"], str):
        raise ValueError(f"'name' is {data['name']!r}, expected text")
    check_entries(data["classes"])
    return data["name"]


def _note(data: dict[str, Any]) -> str:
    """Free text; a note in another form is nobody's business."""
    note = data.get("note", "")
    return note if isinstance(note, str) else json.dumps(note)


def _unlabelled(data: dict[str, Any]) -> tuple[int, ...]:
    ids: list[int] = []
    for key in ("unlabelled", "ignore_id"):
        value = data.get(key, [])
        ids += [whole_number(id, key) for id in (value if isinstance(value, list) else [value])]
    ids += [whole_number(entry["id"], "id") for entry in data["classes"] if entry.get("ignore")]
    return tuple(dict.fromkeys(ids))


def _from_pack(value: Any) -> dict[str, dict[int, int]] | None:
    if value is None:
        return None
    example = '"from_pack" looks like {"camvid": {"0": 1, "11": 0}}: pack -> id there -> id here'
    if not isinstance(value, dict) or not all(isinstance(ids, dict) and ids for ids in value.values()):
        raise ValueError(example)
    try:
        return {
            pack: {int(there): whole_number(here, f"from_pack {pack!r}") for there, here in ids.items()}
            for pack, ids in value.items()
        }
    except ValueError as error:
        raise ValueError(f"{error}; {example}") from None
