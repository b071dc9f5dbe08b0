"""Resize, crop and flip: sizes, and photo and maps staying together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spadework.data.preprocess import (
    CROPPING,
    PREPROCESS,
    Geometry,
    Preprocess,
    draw_geometry,
    geometry_at,
    preprocess,
)
from spadework.draw import Draw
from tests.data.pictures import COLORS, ids, painted

SETTINGS = st.builds(
    Preprocess,
    mode=st.sampled_from(list(PREPROCESS)),
    load_size=st.integers(20, 70),
    crop_size=st.integers(8, 80),
    aspect_ratio=st.sampled_from([1.0, 2.0, 0.5, 1.3]),
    parity=st.booleans(),
)
SIZES = st.tuples(st.integers(2, 9), st.integers(2, 9)).map(lambda blocks: (8 * blocks[0], 8 * blocks[1]))


def size_after(mode: str, size: tuple[int, int], *, parity: bool = False, **settings: float) -> tuple[int, int]:
    made = Preprocess(mode=mode, parity=parity, **settings)  # type: ignore[arg-type]
    return PREPROCESS[mode](size, made)


# Sizes.


@pytest.mark.parametrize(
    ("mode", "size", "settings", "expected"),
    [
        ("resize_and_crop", (640, 426), {"load_size": 286}, (286, 286)),
        ("resize_and_crop", (640, 426), {"load_size": 286, "aspect_ratio": 2.0}, (286, 143)),
        ("crop", (640, 426), {"load_size": 286}, (640, 426)),
        ("scale_width", (640, 426), {"load_size": 200}, (200, 133)),
        ("scale_width", (200, 77), {"load_size": 200}, (200, 77)),
        ("scale_shortside", (640, 426), {"load_size": 150}, (225, 150)),
        ("scale_shortside", (426, 640), {"load_size": 150}, (150, 225)),
        ("scale_shortside", (300, 300), {"load_size": 150}, (150, 150)),
        ("fixed", (640, 426), {"crop_size": 256, "aspect_ratio": 2.0}, (256, 128)),
        ("none", (640, 315), {}, (640, 320)),
        ("none", (7, 33), {}, (32, 32)),
    ],
)
def test_sizes(mode: str, size: tuple[int, int], settings: dict[str, float], expected: tuple[int, int]) -> None:
    assert size_after(mode, size, **settings) == expected


def test_parity_keeps_the_short_side() -> None:
    assert size_after("scale_shortside", (640, 426), load_size=150, parity=True) == (225, 426)
    assert size_after("scale_shortside", (426, 640), load_size=150, parity=True) == (426, 225)
    assert size_after("scale_shortside", (640, 426), load_size=426, parity=True) == (640, 426)


def test_parity_crops_squares() -> None:
    settings = Preprocess(load_size=40, crop_size=32, aspect_ratio=2.0)
    assert geometry_at(settings, (64, 64), (1, 2), flip=False).crop == (1, 2, 32, 16)
    assert geometry_at(replace(settings, parity=True), (64, 64), (1, 2), flip=False).crop == (1, 2, 32, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "scale"}, "'scale' is unknown; there are resize_and_crop, crop"),
        ({"load_size": 0}, "load_size 0"),
        ({"crop_size": -1}, "crop_size -1"),
        ({"aspect_ratio": 0.0}, "aspect_ratio 0.0"),
        ({"aspect_ratio": 600.0}, "leaves no height"),
    ],
)
def test_wrong_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocess(**settings)  # type: ignore[arg-type]


# Photo and maps.


@given(settings=SETTINGS, size=SIZES, seed=st.integers(0, 1000), training=st.booleans())
def test_photo_and_maps_stay_together(settings: Preprocess, size: tuple[int, int], seed: int, training: bool) -> None:
    label = ids(seed, height=size[1], width=size[0])
    label_map = torch.from_numpy(label.astype(np.int64))
    geometry = draw_geometry(settings, size, Draw(seed, [0]), training=training)
    photo, label_after, instance_after = preprocess(painted(label), label_map, label_map + 1000, geometry, fill=255)
    assert photo is not None and instance_after is not None
    assert photo.shape[1:] == label_after.shape == instance_after.shape

    # No id is invented, and both maps moved the same way.
    assert set(label_after.unique().tolist()) <= {*np.unique(label).tolist(), 255}
    outside = instance_after == 0
    assert torch.equal(instance_after[~outside], label_after[~outside] + 1000)
    assert bool((label_after[outside] == 255).all())

    # The photo shows the colour of the label, except near boundaries.
    calm = geometry.map(calm_pixels(label_map, geometry), 0).bool()
    assert bool((color_error(photo, label_after)[calm] <= 2).all())


@pytest.mark.parametrize("mode", list(PREPROCESS))
def test_the_photo_check_sees_much_and_notices_shifts(mode: str) -> None:
    """Guards the test above: many pixels are compared, and a photo that moved alone is found out."""
    label = ids(5, height=48, width=64).repeat(4, axis=0).repeat(4, axis=1)
    label_map = torch.from_numpy(label.astype(np.int64))
    photo = painted(label)
    settings = Preprocess(mode=mode, load_size=160, crop_size=144)
    geometry = draw_geometry(settings, photo.size, Draw(1, [0]), training=True)
    label_after = geometry.map(label_map, 255)
    calm = geometry.map(calm_pixels(label_map, geometry), 0).bool()
    assert calm.float().mean() > 0.3
    assert bool((color_error(geometry.photo(photo), label_after)[calm] <= 2).all())
    x, y, *rest = geometry.crop or (0, 0, *geometry.resized)
    moved = replace(geometry, crop=(x + 9, y, *rest))  # type: ignore[arg-type]
    assert not bool((color_error(moved.photo(photo), label_after)[calm] <= 2).all())


def calm_pixels(label_map: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """1 where all that the bicubic filter may look at has one label."""
    height, width = label_map.shape
    scale = max(width / geometry.resized[0], height / geometry.resized[1], 1)
    radius = int(2 * scale) + 2
    values = label_map.float()[None, None]
    largest = torch.nn.functional.max_pool2d(values, 2 * radius + 1, 1, radius)
    smallest = -torch.nn.functional.max_pool2d(-values, 2 * radius + 1, 1, radius)
    return (largest == smallest)[0, 0].long()


def color_error(photo: torch.Tensor, label_map: torch.Tensor) -> torch.Tensor:
    """[H, W]: how far the photo's bytes are from the colour of the label."""
    colors = torch.zeros(256, 3)
    colors[:4] = torch.tensor(COLORS, dtype=torch.float32)
    return (photo.permute(1, 2, 0) - colors[label_map]).abs().amax(dim=2)


@given(settings=SETTINGS, size=SIZES, seed=st.integers(0, 1000), x=st.integers(0, 30), y=st.integers(0, 30))
def test_maps_equal_pillow(settings: Preprocess, size: tuple[int, int], seed: int, x: int, y: int) -> None:
    """The index arithmetic gives what Pillow gives on the picture itself, padding included."""
    label = np.random.default_rng(seed).integers(1, 256, (size[1], size[0])).astype(np.uint8)
    geometry = geometry_at(settings, size, (x, y), flip=bool(seed % 2))
    image = Image.fromarray(label).resize(geometry.resized, Image.Resampling.NEAREST)
    if geometry.crop is not None:
        width, height = geometry.crop[2:]
        image = image.crop((x, y, x + width, y + height))
    if geometry.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert np.array_equal(geometry.map(torch.from_numpy(label), 0).numpy(), np.asarray(image))


@given(settings=SETTINGS, size=SIZES, seed=st.integers(0, 1000))
def test_a_flip_undoes_itself(settings: Preprocess, size: tuple[int, int], seed: int) -> None:
    label = ids(seed, height=size[1], width=size[0])
    straight = geometry_at(settings, size, (1, 2), flip=False)
    flipped = geometry_at(settings, size, (1, 2), flip=True)
    label_map = torch.from_numpy(label.astype(np.int64))
    assert torch.equal(flipped.map(label_map, 7).flip(-1), straight.map(label_map, 7))
    assert torch.equal(flipped.photo(painted(label)).flip(-1), straight.photo(painted(label)))
    height, width = label.shape
    mirror = Geometry((width, height), flip=True)
    assert torch.equal(mirror.map(mirror.map(label_map, 0), 0), label_map)


def test_padding() -> None:
    geometry = Geometry((4, 3), crop=(2, 1, 4, 4))
    label_map = torch.arange(12).reshape(3, 4)
    photo, label_after, instance_after = preprocess(
        Image.new("RGB", (4, 3), "white"), label_map, label_map, geometry, fill=99
    )
    assert label_after.tolist() == [[6, 7, 99, 99], [10, 11, 99, 99], [99] * 4, [99] * 4]
    assert instance_after is not None and instance_after[2].tolist() == [0] * 4
    assert photo is not None and photo[:, :2, :2].min() == 255 and photo[:, 2:].max() == 0


def test_large_object_ids_survive() -> None:
    huge = torch.full((4, 4), 2**40) + torch.arange(4)
    assert set(Geometry((7, 7)).map(huge, 0).flatten().tolist()) == {2**40 + step for step in range(4)}


def test_without_photo_and_instances() -> None:
    photo, label_map, instance_map = preprocess(None, torch.ones(4, 4).long(), None, Geometry((2, 2)))
    assert photo is None and instance_map is None and label_map.shape == (2, 2)


# Drawing.


def test_crops_cover_all_positions_and_half_are_flipped() -> None:
    settings = Preprocess(load_size=10, crop_size=8)
    drawn = [draw_geometry(settings, (20, 20), Draw(0, [index]), training=True) for index in range(400)]
    crops = [geometry.crop for geometry in drawn if geometry.crop is not None]
    assert {crop[0] for crop in crops} == {crop[1] for crop in crops} == {0, 1, 2}
    assert len({crop[:2] for crop in crops}) == 9
    assert 150 < sum(geometry.flip for geometry in drawn) < 250


def test_without_training_the_crop_is_centred_and_nothing_flips() -> None:
    settings = Preprocess(load_size=10, crop_size=8)
    drawn = {draw_geometry(settings, (20, 20), Draw(0, [index]), training=False) for index in range(20)}
    assert drawn == {Geometry((10, 10), (1, 1, 8, 8), flip=False)}


def test_no_flip_where_the_settings_say_so() -> None:
    settings = Preprocess(mode="crop", crop_size=64, flip=False)
    drawn = {draw_geometry(settings, (20, 20), Draw(0, [index]), training=True) for index in range(20)}
    assert drawn == {Geometry((20, 20), (0, 0, 64, 64), flip=False)}


def test_only_modes_with_crop_in_their_name_crop() -> None:
    assert {mode for mode in PREPROCESS if "crop" in mode} == CROPPING
