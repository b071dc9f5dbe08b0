"""Styles by region through the synthesizer: re-roll a region, keep the rest."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spadework.draw import Draw
from spadework.layers.form import use_form
from spadework.layers.inference import ready_for_inference
from spadework.sample import Batch
from spadework.synthesizer import Synthesizer
from spadework.systems.base import Style
from spadework.systems.oasis import Oasis
from spadework.systems.spade import Spade
from tests import tiny
from tests.systems import tiny_oasis
from tests.systems.test_oasis import REACH

CLOSE = {"rtol": 0.0, "atol": 1e-4}


@pytest.fixture(scope="module")
def noisy() -> Synthesizer:
    return Synthesizer(tiny_oasis.lively(), tiny.ONTOLOGY)


def ready(form: str = "auto") -> Synthesizer:
    """A synthesizer whose generator is as `load` makes it."""
    system = tiny_oasis.lively()
    system.generator = use_form(ready_for_inference(system.generator), form)  # type: ignore[assignment,arg-type]
    return Synthesizer(system, tiny.ONTOLOGY)


def vector(seed: int) -> Tensor:
    return Draw(seed, [0]).normal("style", 6)


def box(height: int, width: int, top: int, left: int, bottom: int, right: int) -> Tensor:
    where = torch.zeros(1, height, width, dtype=torch.bool)
    where[:, top:bottom, left:right] = True
    return where


def test_a_region_is_drawn_again_and_back(noisy: Synthesizer) -> None:
    maps = tiny.label_maps(1)
    everywhere = noisy.system.random_style(Draw(4, [0]))
    assert everywhere is not None
    first = noisy.batch(maps, seed=4)
    torch.testing.assert_close(noisy.batch(maps, style=everywhere), first, **CLOSE)
    where = maps == 2
    other = everywhere.within(where, vector(5))
    again = noisy.batch(maps, style=other)
    assert (again - first).abs().amax(1)[where].mean() > 0.01
    torch.testing.assert_close(noisy.batch(maps, style=other.within(where, everywhere.vector)), first, **CLOSE)


def test_any_size_and_any_map(noisy: Synthesizer) -> None:
    """Regions are padded as the label map is."""
    maps = tiny.label_maps(2, 50, 45)
    regions = tiny.label_maps(2, 50, 45, seed=3)
    vectors = torch.randn(5, 6)
    photos = noisy.batch(maps, style=Style(vectors, regions=regions))
    assert photos.shape == (2, 3, 50, 45)
    rows, columns = torch.arange(64).clamp_max(49), torch.arange(64).clamp_max(44)
    padded = [each[:, rows[:, None], columns] for each in (maps, regions)]
    whole = noisy.system.synthesize(Batch(padded[0]), Style(vectors.expand(2, 5, 6), regions=padded[1]))
    torch.testing.assert_close(photos, whole[..., :50, :45], **CLOSE)

    # One map of regions for one label map, without batch dimensions, and as a picture.
    ids = tiny.ONTOLOGY.to_ids(maps[0]).numpy().astype(np.uint8)
    photo = noisy(ids, style=Style(vectors, regions=regions[0]))
    pixels = (((photos[0].clamp(-1, 1) + 1) * 127.5).round()).permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(photo).astype(float) - pixels).max() <= 1


def test_each_picture_of_a_batch_has_its_own(noisy: Synthesizer) -> None:
    maps, regions, vectors = tiny.label_maps(3), tiny.label_maps(3, seed=3), torch.randn(3, 5, 6)
    together = noisy.batch(maps, style=Style(vectors, regions=regions))
    for i in range(3):
        alone = noisy.batch(maps[i : i + 1], style=Style(vectors[i], regions=regions[i]))
        torch.testing.assert_close(alone, together[i : i + 1], **CLOSE)


@pytest.mark.parametrize("form", ["auto", "windows", "hidden", "dense"])
def test_drawing_one_region_after_the_other_gives_what_it_would_give_alone(form: str) -> None:
    synthesizer, maps = ready(form), tiny.label_maps(1, 96, 128)
    style = Style(vector(0))
    for i in range(6):
        style = style.within(box(96, 128, 10 * i, 15 * i, 10 * i + 25, 15 * i + 30), vector(10 + i))
        found = synthesizer.batch(maps, style=style)
        alone = ready(form).batch(maps, style=style)
        torch.testing.assert_close(found, alone, **CLOSE)


@pytest.mark.parametrize("form", ["auto", "windows", "dense"])
def test_what_lies_beyond_the_reach_of_a_region_stays_bit_for_bit(form: str) -> None:
    """In float32, as models are loaded."""
    synthesizer, maps = ready(form), tiny.label_maps(1, 64, 512)
    style = Style(vector(0))
    before = synthesizer.batch(maps, style=style)
    after = synthesizer.batch(maps, style=style.within(box(64, 512, 0, 0, 64, 40), vector(1)))
    assert (before - after)[..., :40].abs().mean() > 0.01
    assert torch.equal(before[..., 40 + REACH :], after[..., 40 + REACH :])


def test_a_region_without_pixels_and_fewer_regions_again() -> None:
    """The same map with more vectors than are used, and with fewer than before."""
    synthesizer, maps = ready("windows"), tiny.label_maps(1)
    first = Style(vector(0))
    nowhere = first.within(torch.zeros_like(maps), vector(1))
    some = nowhere.within(box(64, 64, 0, 0, 20, 30), vector(2))
    expected = {id(style): ready("windows").batch(maps, style=style) for style in (first, some)}
    expected[id(nowhere)] = expected[id(first)]
    for style in (first, nowhere, some, nowhere, some, first, nowhere):
        torch.testing.assert_close(synthesizer.batch(maps, style=style), expected[id(style)], **CLOSE)


def test_a_stroke_after_a_region(noisy: Synthesizer) -> None:
    """Painted on with regions in place: what is kept of the map before serves, and gives the same."""
    synthesizer, maps = ready("windows"), tiny.label_maps(1)
    style = Style(vector(0)).within(box(64, 64, 8, 8, 40, 40), vector(1))
    synthesizer.batch(maps, style=style)
    painted = maps.clone()
    painted[:, 30:44, 20:50] = 3
    alone = ready("windows").batch(painted, style=style)
    torch.testing.assert_close(synthesizer.batch(painted, style=style), alone, **CLOSE)


ONE = torch.zeros(64, 64).long()


@pytest.mark.parametrize(
    ("style", "complaint"),
    [
        (Style(torch.zeros(2, 5), regions=ONE), "6 numbers for each region, [R, 6] or [B, R, 6]; got [2, 5]"),
        (Style(torch.zeros(6), regions=ONE), "6 numbers for each region"),
        (Style(torch.zeros(2, 6), regions=ONE[:, 1:]), "label map's size [64, 64]; got torch.int64 [64, 63]"),
        (Style(torch.zeros(2, 6), regions=ONE.float()), "regions must be integers of the label map's size"),
        (Style(torch.zeros(2, 6), regions=ONE + 2), "the regions 2..2 want a vector each; the style has 2"),
        (Style(torch.zeros(3, 2, 6), regions=ONE), "got [3, 2, 6]"),
    ],
)
def test_what_is_no_style_by_region(noisy: Synthesizer, style: Style, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        noisy.batch(tiny.label_maps(2), style=style)


@pytest.mark.parametrize("changes", [{"stem": "style"}])
def test_a_model_without_styles_by_region_says_so(changes: dict[str, Any]) -> None:
    spade = Synthesizer(Spade(tiny.config(**changes)).eval(), tiny.ONTOLOGY)
    style = Style(torch.zeros(1, 2, 6), regions=torch.zeros(1, 64, 64).long())
    with pytest.raises(ValueError, match="one style for the whole photo: give a style without regions"):
        spade.batch(tiny.label_maps(1), style=style)


def test_a_model_without_noise_says_so() -> None:
    silent = Synthesizer(Oasis(tiny_oasis.config(style_size=0)).eval(), tiny.ONTOLOGY)
    with pytest.warns(UserWarning, match="no style input"):
        silent.batch(tiny.label_maps(1), seed=3)
