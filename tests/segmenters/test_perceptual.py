"""Distances in the features of a segmenter of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.own_network import OwnConfig
from spadework.segmenters.perceptual import segmenter_distance
from tests.drawn_segmenter import ONTOLOGY, fresh_segmenter


@pytest.fixture
def segmenter(tmp_path: Path) -> OwnSegmenter:
    torch.manual_seed(0)
    fresh_segmenter(encoder="resnet18").write(tmp_path, ONTOLOGY, {}, "")
    return OwnSegmenter.read(tmp_path)


def photos() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 64, 96, generator=generator) * 2 - 1, torch.rand(2, 3, 64, 96, generator=generator) * 2 - 1


def test_the_mean_relative_distance_of_the_encoders_own_features(segmenter: OwnSegmenter) -> None:
    fake, real = photos()
    with torch.no_grad():
        a, b = (segmenter.network.encoder(segmenter._normalised((x + 1) * 127.5))[1:5] for x in (fake, real))
        expected = sum((x - y).abs().mean() / y.abs().mean() for x, y in zip(a, b, strict=True)) / 4
        assert segmenter_distance(segmenter)(fake, real).item() == pytest.approx(float(expected), rel=1e-4)


def test_nothing_learns_but_the_fake(segmenter: OwnSegmenter) -> None:
    fake, real = (photo.requires_grad_() for photo in photos())
    before = {key: value.clone() for key, value in segmenter.network.state_dict().items()}
    distance = segmenter_distance(segmenter).train()
    distance(fake, real).backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0 and real.grad is None
    assert all(torch.equal(value, before[key]) for key, value in segmenter.network.state_dict().items())


def test_the_same_photo_is_no_distance_away(segmenter: OwnSegmenter) -> None:
    photo, _ = photos()
    assert segmenter_distance(segmenter)(photo, photo).item() == 0


def test_other_encoders_are_refused_with_the_cure() -> None:
    other = OwnSegmenter(OwnConfig(("a", "b"), (0, 1), encoder="mobilenet_v2"))
    with pytest.raises(ValueError, match=r"'mobilenet_v2' can't be compared: .* --encoder resnet18"):
        segmenter_distance(other)
