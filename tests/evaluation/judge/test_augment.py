"""Crops at random scales and colours that vary: aligned, bounded, and a function of the draw alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.folder import FolderDataset
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from spadework.evaluation.judge.augment import Crops, draw_crop, vary_colors
from tests.drawn_segmenter import ONTOLOGY, data_folder, settings


def crops(root: Path, **changes: object) -> Crops:
    return Crops(FolderDataset(data_folder(root, test=0)), settings(**changes))


def test_photo_and_label_map_stay_aligned(tmp_path: Path) -> None:
    """Each drawn class has its colour: inside its patches the photo shows it, whatever scale, crop and flip."""
    data = crops(tmp_path / "park")
    colors = ONTOLOGY.colors().clone()
    colors[4] = 0
    agree, seen = 0, set()
    for position in range(40):
        sample = data.sample(position % len(data), Draw(0, [position]))
        assert sample.photo is not None and sample.photo.shape == (3, 32, 32) and sample.label_map.shape == (32, 32)
        expected = colors[sample.label_map.long()].permute(2, 0, 1)
        agree += int(((sample.photo.int() - expected.int()).abs().amax(0) < 60).sum())
        seen.add(sample.photo.numpy().tobytes())
    assert agree / (40 * 32 * 32) > 0.75  # the rest are borders, smoothed by the resize
    assert len(seen) > 30


def test_what_lies_beyond_the_edge_is_nobodys_class(tmp_path: Path) -> None:
    data = crops(tmp_path / "park", smallest=0.5, largest=0.5)
    assert data.outside == ONTOLOGY.unlabelled_index == 4
    sample = data.sample(0, Draw(0, [0]))
    assert sample.photo is not None
    beyond = (sample.photo == 0).all(0) & (sample.label_map == 4)
    assert beyond.float().mean() > 0.4  # a photo of 16 x 24 in a crop of 32 x 32

    # Without an unlabelled class, one more than there are; never one of them.
    data.ontology = replace(ONTOLOGY, unlabelled=())
    assert data.outside == data.ontology.channels == 4


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0.3, 1), st.floats(1, 3), st.integers(0, 10**6))
def test_crops_cover_as_much_as_they_can(width: int, height: int, smallest: float, largest: float, index: int) -> None:
    chosen = settings(smallest=smallest, largest=largest)
    geometry = draw_crop(chosen, (width, height), Draw(0, [index]))
    assert geometry.crop is not None
    x, y, crop_width, crop_height = geometry.crop
    assert (crop_width, crop_height) == (32, 32)
    assert smallest * 32 - 1 <= min(geometry.resized) <= largest * 32 + 1
    for start, length in ((x, geometry.resized[0]), (y, geometry.resized[1])):
        assert 0 <= start <= length - 32 if length >= 32 else length - 32 <= start <= 0


def test_colors_vary_within_bounds() -> None:
    photos = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(vary_colors(photos, 0, Draw(0, range(6))), photos.float())
    varied = vary_colors(photos, 0.4, Draw(0, range(6)))
    assert varied.shape == photos.shape and varied.min() >= 0 and varied.max() <= 255
    assert (varied.mean((1, 2, 3)) - photos.float().mean((1, 2, 3))).abs().max() > 10
    assert torch.equal(varied, vary_colors(photos, 0.4, Draw(0, range(6))))

    # Each photo's colours are its own affair: the batch around it changes nothing.
    alone = vary_colors(photos[3:4], 0.4, Draw(0, [3]))
    torch.testing.assert_close(alone, varied[3:4])

    # Gray stays gray but for the cast, and black stays black.
    gray = torch.full((4, 3, 8, 8), 128, dtype=torch.uint8)
    varied = vary_colors(gray, 0.4, Draw(0, range(4)))
    assert (varied.amax(1) - varied.amin(1)).max() < 80
    assert vary_colors(gray * 0, 0.4, Draw(0, range(4))).max() == 0


def test_loaders_do_not_matter(tmp_path: Path) -> None:
    stream = SampleStream(crops(tmp_path / "park"), 5)
    none, two = ([batch for _, batch in batches(stream, 3, 4, workers, stop=15)] for workers in (0, 2))
    for one, other in zip(none, two, strict=True):
        assert one.photo is not None and other.photo is not None and one.photo.dtype == torch.uint8
        assert torch.equal(one.photo, other.photo) and torch.equal(one.label_map, other.label_map)


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"batch_size": 1}, {"images": 0}, {"smallest": 2.0}, {"jitter": 1.0}, {"learning_rate": 0.0}):
        with pytest.raises(ValueError):
            settings(**wrong)
