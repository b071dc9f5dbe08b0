"""What every test may use: settings, an ontology, and small data folders made up on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from spadework.data.ontology import Ontology, SemanticClass
from tests.data.pictures import COLORS, ids, painted

# Machines differ in speed: a slow example is no failure.
settings.register_profile("spadework", deadline=None, print_blob=True)
settings.load_profile("spadework")


@pytest.fixture
def ontology() -> Ontology:
    """Four classes 0..3, 255 unlabelled (index 4)."""
    names = ("sky", "grass", "house", "road")
    classes = tuple(SemanticClass(id, name, COLORS[id]) for id, name in enumerate(names))
    return Ontology("park", classes, unlabelled=(255,))


@pytest.fixture
def make_folder(tmp_path: Path, ontology: Ontology) -> Callable[..., Path]:
    """Writes a data folder of `count` pairs and returns it."""

    def make(name: str = "park", count: int = 5, *, instances: bool = False, inside: str = "") -> Path:
        root = tmp_path / name
        base = root / inside
        for kind in ("photos", "labels", *(["instances"] if instances else [])):
            (base / kind).mkdir(parents=True)
        for number in range(count):
            label = ids(number)
            Image.fromarray(label).save(base / "labels" / f"p{number}.png")
            painted(label).save(base / "photos" / f"p{number}.png")
            if instances:
                Image.fromarray(label.astype(np.uint16) * 200).save(base / "instances" / f"p{number}.png")
        ontology.write(root / "ontology.json")
        return root

    return make
