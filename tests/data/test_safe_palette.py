"""Colours for the colour-blind: the simulation, and how far apart colours stay in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spadework.data.color_vision import VISIONS, distances, seen, simulated
from spadework.data.label_map import read_label_map
from spadework.data.ontology import Ontology
from spadework.data.safe_palette import OKABE_ITO, safe_colors, with_safe_colors
from spadework.data.shipped import SHIPPED, shipped_ontology


def default_colors(ontology: Ontology) -> Ontology:
    """The same classes in the colours that they get when nobody gives them any."""
    data = ontology.to_json()
    for entry in data["classes"]:
        del entry["color"]
    return Ontology.from_json(data)


def closest(ontology: Ontology) -> tuple[float, float, float]:
    """The smallest distance to whom colours look most alike: of any two, of two of a group, of two in succession."""
    classes = [each for each in ontology.classes if each.id not in ontology.unlabelled]
    colors = [each.color for each in classes]
    apart = distances(colors, colors)
    pairs = [(i, j) for i in range(len(classes)) for j in range(i)]
    grouped = [(i, j) for i, j in pairs if classes[i].group == classes[j].group]
    return (
        min(apart[pair] for pair in pairs),
        min(apart[pair] for pair in grouped),
        min(apart[i, j] for i, j in pairs if i == j + 1),
    )


# The simulation.


def test_oklab() -> None:
    white, black, red = seen([(255, 255, 255), (0, 0, 0), (255, 0, 0)])
    np.testing.assert_allclose(white, [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(black, [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(red, [0.628, 0.225, 0.126], atol=1e-3)


@pytest.mark.parametrize("vision", VISIONS)
def test_grays_look_the_same_to_everybody(vision: str) -> None:
    grays = np.repeat(np.arange(0, 256, 5), 3).reshape(-1, 3).astype(np.uint8)
    np.testing.assert_allclose(simulated(grays, vision).astype(int), grays, atol=1)


def test_confusions_of_the_textbook() -> None:
    # Dark red against dark green: hard for protanopia and deuteranopia. Blue against green: for tritanopia.
    reds, greens = seen([(150, 75, 0)]), seen([(85, 107, 47)])
    normal = np.linalg.norm(reds - greens)
    for vision in ("protanopia", "deuteranopia"):
        assert np.linalg.norm(seen([(150, 75, 0)], vision) - seen([(85, 107, 47)], vision)) < 0.5 * normal
    blue, green = (0, 120, 160), (0, 135, 110)
    far = np.linalg.norm(seen([blue]) - seen([green]))
    assert np.linalg.norm(seen([blue], "tritanopia") - seen([green], "tritanopia")) < 0.5 * far


# The palette.


@pytest.mark.parametrize("name", SHIPPED)
def test_safe_colors_are_farther_apart(name: str) -> None:
    usual = shipped_ontology(name)
    safe, default = closest(with_safe_colors(usual)), closest(default_colors(usual))
    for ours, theirs, generated in zip(safe, closest(usual), default, strict=True):
        assert ours > max(theirs, generated)
    assert safe[0] > 0.02  # Two greys that differ by about 6 of 255.


def test_few_classes_get_okabe_and_ito(ontology: Ontology) -> None:
    safe = with_safe_colors(ontology)
    assert {each.color for each in safe.classes} <= set(OKABE_ITO)
    assert len({each.color for each in safe.classes}) == 4


def test_only_colors_change() -> None:
    usual = shipped_ontology("cityscapes")
    safe = with_safe_colors(usual)
    assert safe == with_safe_colors(usual)
    for before, after in zip(usual.to_json()["classes"], safe.to_json()["classes"], strict=True):
        assert {**before, "color": None} == {**after, "color": None}
    assert safe.colors()[0].tolist() == [0, 0, 0]
    index = torch.arange(35)[None]
    assert torch.equal(read_label_map(safe.colorize(index).numpy(), safe), index)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 40, 200])
def test_as_many_colors_as_wanted(count: int) -> None:
    colors = safe_colors(count)
    assert len(set(colors)) == count and (0, 0, 0) not in colors


def test_unlabelled_classes_keep_apart() -> None:
    classes = [{"id": id, "name": f"c{id}"} for id in range(4)]
    safe = with_safe_colors(Ontology.from_json({"name": "x", "classes": classes, "unlabelled": [0, 2]}))
    assert [each.color for each in safe.classes][0::2] == [(0, 0, 0), (1, 1, 1)]
