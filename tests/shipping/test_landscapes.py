"""The model that comes along is whole, small, offline, and does what its page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import spadework
from spadework.data.label_map import read_label_map
from spadework.data.shipped import shipped_ontology
from spadework.model_facts import known_models
from spadework.shipped_models import shipped_models
from spadework.synthesizer import Synthesizer
from spadework.training.origin import read_origin

NAME = "landscapes"


@pytest.fixture(scope="module")
def folder() -> Path:
    return shipped_models()[NAME]


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return spadework.load(NAME)


def test_what_it_is(folder: Path) -> None:
    facts = next(model for model in known_models() if model.name == NAME)
    assert (facts.shipped, facts.system, facts.size, facts.licence) == (True, "spade", (256, 256), "apache-2.0")
    assert facts.styles and facts.classes == shipped_ontology(NAME).names[: len(facts.classes)]
    assert len(facts.classes) == 13
    assert (folder / "model.safetensors").stat().st_size <= 15 * 2**20


def test_its_maps_and_styles_serve(folder: Path, synthesizer: Synthesizer) -> None:
    """A style changes the look of a map; two maps of one style differ where their classes do."""
    maps, styles = sorted((folder / "examples").glob("*.png")), sorted((folder / "styles").glob("*.npy"))
    assert len(maps) == 6 and len(styles) == 12
    assert all(path.with_suffix(".jpg").is_file() for path in styles)
    label_map = read_label_map(maps[0], synthesizer.ontology)
    photos = [np.asarray(synthesizer(maps[0], style=style), dtype=float) for style in styles[:3]]
    assert {photo.shape for photo in photos} == {(*label_map.shape, 3)}
    differences = [np.abs(a - b).mean() for a in photos for b in photos if a is not b]
    assert min(differences) > 5, differences

    # Each class has its own colour: the means of sky, sea and sand lie apart in every photo.
    classes = [synthesizer.ontology.names.index(name) for name in ("sky", "sea", "sand")]
    for photo in photos:
        means = [photo[(label_map == index).numpy()].mean(0) for index in classes]
        assert min(np.abs(a - b).max() for a in means for b in means if a is not b) > 5


def test_it_takes_any_size(synthesizer: Synthesizer) -> None:
    label_map = torch.zeros(1, 96, 160, dtype=torch.long)
    assert synthesizer.batch(label_map, seed=1).shape == (1, 3, 96, 160)


def test_training_can_go_on_from_it() -> None:
    origin = read_origin(NAME)
    assert set(origin.networks) == {"generator", "discriminator", "encoder"}
