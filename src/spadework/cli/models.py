"""`spadework models`: the models that there are, by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import tyro
from tyro.conf import Positional

from spadework.atomic import readable_bytes
from spadework.choose import choose
from spadework.model_facts import CARDS, ModelFacts, known_models


@dataclass(frozen=True)
class Models:
    """List the models that come with the library and those fetched from the hub, or show one of them.

    Nothing is fetched: `hf download OWNER/NAME` does that, after a look at the model's page.
    """

    name: Positional[str | None] = None
    """Show this one: its classes and its card."""
    json: bool = False
    """Print JSON."""


def models(arguments: Sequence[str]) -> None:
    """Print a table, or one model."""
    options = tyro.cli(Models, prog="spadework models", args=list(arguments))
    known = known_models()
    if options.name is not None:
        known = [choose({each.name: each for each in known}, options.name, "model")]
    if options.json:
        print(json.dumps([each.to_json() for each in known], indent=2, ensure_ascii=False))
    elif options.name is not None:
        _show(known[0])
    else:
        _list(known)


def _list(known: Sequence[ModelFacts]) -> None:
    if not known:
        print("no models: none came with this installation, and none was fetched from the hub")
        return
    rows = [("name", "from", "system", "trained at", "classes", "parameters", "size", "style photos", "licence")]
    for each in known:
        rows.append(
            (
                each.name,
                "the library" if each.shipped else "the hub",
                each.system,
                f"{each.size[0]}x{each.size[1]}",
                str(len(each.classes)),
                f"{each.parameters / 1e6:.1f} M",
                readable_bytes(each.bytes),
                "yes" if each.styles else "no",
                each.licence,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\nspadework generate {known[0].name} LABELS --out PHOTOS")


def _show(model: ModelFacts) -> None:
    print(f"{model.name}: {model.folder}")
    print(f"classes: {', '.join(model.classes)}")
    card = next((model.folder / name for name in CARDS if (model.folder / name).is_file()), None)
    if card is not None:
        print(f"\n{card.read_text(encoding='utf-8').strip()}")
