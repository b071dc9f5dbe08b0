"""Layouts: functions of their seeds, one label map under every style, clean labels of any size."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch

from spadework.data.shipped import shipped_ontology
from spadework.evaluation.style import lab
from spadework.terrain import STYLES, Layout, Style
from spadework.terrain.classes import FIRST_OBJECT, Land
from spadework.terrain.dice import Dice
from spadework.terrain.kinds import KINDS, draw_scene
from spadework.terrain.labels import SPECK, regions
from spadework.terrain.scene import Scene
from spadework.terrain.style import Season
from spadework.terrain.write import as_picture

SMALL = (64, 64)


def scene_of(kind: str) -> Scene:
    """The first scene of a kind."""
    return next(scene for scene in (draw_scene(Dice(seed, "layout")) for seed in range(500)) if scene.kind == kind)


def test_the_ontology_has_these_classes() -> None:
    ontology = shipped_ontology("landscapes")
    assert {entry.name: entry.id for entry in ontology.classes} == {land.name.lower(): int(land) for land in Land}
    assert {entry.name for entry in ontology.classes if entry.thing} == {"tree", "bush"}


def test_twice_the_same() -> None:
    one, two = Layout.draw(11, SMALL), Layout.draw(11, SMALL)
    assert torch.equal(one.label_map, two.label_map)
    assert torch.equal(one.instance_map, two.instance_map)
    for seed in (0, 9):
        assert torch.equal(one.photo(Style.draw(seed)), two.photo(Style.draw(seed)))
    assert not torch.equal(one.label_map, Layout.draw(12, SMALL).label_map)


def test_styles_leave_the_layout_as_it_is() -> None:
    layout = Layout.draw(8, SMALL)
    surface = layout.surface.land.clone(), layout.surface.z.clone(), layout.clouds.cover.clone()
    photos = [layout.photo(style) for style in STYLES.values()]
    after = layout.surface.land, layout.surface.z, layout.clouds.cover
    assert all(torch.equal(before, now) for before, now in zip(surface, after, strict=True))
    assert torch.equal(layout.photo(STYLES["clear noon"]), photos[0]), "nor does one photo change another"
    assert len({float(photo.mean()) for photo in photos}) == len(photos)


def test_glitter_is_never_infinite() -> None:
    """Steep ripples under a high sun: this photo was black once."""
    photo = Layout.draw(20779, (256, 256)).photo(Style.draw(20779002))
    assert bool(photo.isfinite().all()) and float(photo.std()) > 0.05


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (90, 50), (33, 47)])
def test_sizes(size: tuple[int, int]) -> None:
    layout = Layout.draw(4, size)
    photo = layout.photo(Style())
    assert photo.shape == (3, *size)
    assert photo.dtype == torch.float32
    assert bool(photo.isfinite().all())
    assert float(photo.std()) > 0.05
    assert layout.label_map.shape == layout.instance_map.shape == size


@pytest.mark.parametrize("size", [(0, 64), (31, 64), (64, 2049)])
def test_impossible_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected sides of 32 to 2048"):
        Layout.draw(0, size)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_under_extreme_styles(kind: str) -> None:
    layout = Layout.draw(3, SMALL, scene=scene_of(kind))
    labels = layout.label_map
    assert set(labels.unique().tolist()) <= {int(land) for land in Land}
    assert np.bincount(regions(labels.numpy()).ravel()).min() >= round(SPECK * labels.numel())
    for style in (
        Style(elevation=-6, season="autumn"),
        Style(elevation=89, haze=30, season="spring"),
        Style(fog=0.02),
        Style(night=True, wind=1, season="dry"),
    ):
        assert bool(layout.photo(style).isfinite().all())


def test_flowers_are_not_taken_for_grass() -> None:
    """In every season and colour their mean colours differ, in CIELAB where about 2 is just noticeable."""
    layout = Layout.draw(18, SMALL)
    near = {}
    for season, bloom in product(get_args(Season), range(5)):
        photo = np.array(as_picture(layout.photo(Style(season=season, bloom=bloom))))
        colors = lab(torch.from_numpy(photo).permute(2, 0, 1)[None])[0]
        flowers, grass = (colors[:, layout.label_map == kind].mean(1) for kind in (Land.FLOWERS, Land.GRASS))
        near[season, bloom] = float((flowers - grass).norm())
    assert min(near.values()) > 8, near


def test_objects_agree_with_labels() -> None:
    layout = Layout.draw(0, SMALL, scene=replace(scene_of("meadow"), lone_trees=14, bushes=40, path=False))
    ids, labels = layout.instance_map, layout.label_map
    objects = ids >= FIRST_OBJECT
    assert bool(objects.any())
    assert set(labels[objects].unique().tolist()) <= {Land.TREE, Land.BUSH}
    assert torch.equal(ids[~objects], labels[~objects])
    numbers = ids[objects].unique()
    assert torch.equal(numbers, torch.arange(FIRST_OBJECT, FIRST_OBJECT + len(numbers)))


def test_the_classes_are_balanced() -> None:
    """Over some dozens of layouts every class is seen, and none is all there is."""
    count = 48
    maps = torch.stack([Layout.draw(seed, (48, 48)).label_map for seed in range(5000, 5000 + count)])
    shares = torch.bincount(maps.reshape(-1), minlength=len(Land)) / maps.numel()
    present = torch.stack([(maps == land).reshape(count, -1).any(1).float().mean() for land in Land])
    for land in Land:
        assert shares[land] > 0.008 or present[land] > 0.12, f"{land.name} is rare"
    assert float(shares.max()) < 0.4
