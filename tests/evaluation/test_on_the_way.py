"""A judge for a model in training: right on photos that are right, the same each time, strict about classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.evaluation.on_the_way import OnTheWay
from spadework.sample import Batch
from spadework.systems.base import Style
from spadework.systems.spade import Spade
from tests.data.pictures import COLORS
from tests.drawn_segmenter import fresh_segmenter
from tests.evaluation.drawn import ColorSegmenter
from tests.tiny import config, lively


class Painter(Spade):
    """Paints each class in its colour, those of `wrong` in the next one's."""

    wrong: tuple[int, ...] = ()

    def synthesize(self, batch: Batch, style: Style | None) -> Tensor:
        classes = batch.label_map.clamp_max(3)
        for each in self.wrong:
            classes = torch.where(classes == each, (each + 1) % 4, classes)
        return torch.tensor(COLORS[:4])[classes].permute(0, 3, 1, 2) / 127.5 - 1


@pytest.fixture
def data(make_folder: Callable[..., Path]) -> FolderDataset:
    return FolderDataset(make_folder(count=6), settings=Preprocess("fixed", 64, 64), training=False)


def test_a_painter_that_cannot_err_scores_everything(data: FolderDataset) -> None:
    judge, painter = OnTheWay(ColorSegmenter(), data), Painter(config()).eval()
    scores = judge(painter)
    assert scores.keys() == {"mean_iou", "accuracy", "segmenter_frechet", "segmenter_kernel"}
    assert scores["mean_iou"] == scores["accuracy"] == 1.0
    assert scores == judge(painter)

    painter.wrong = (1,)
    worse = judge(painter)
    assert worse["mean_iou"] < 0.9 and worse["accuracy"] < 1.0
    assert worse["segmenter_frechet"] > scores["segmenter_frechet"]
    assert not painter.training


def test_few_pictures_are_spread_over_the_data(data: FolderDataset, tmp_path: Path) -> None:
    assert OnTheWay(ColorSegmenter(), data, 200).pictures == 6
    assert [sample.name for sample in data.some(3)] == ["p0", "p2", "p4"]
    assert len(data.some(200)) == 6
    (tmp_path / "park/photos/p2.png").write_bytes(b"gone")
    assert [sample.name for sample in data.some(3)] == ["p0", "p4"]
    with pytest.raises(ValueError, match="at least 2 pictures"):
        OnTheWay(ColorSegmenter(), data, 1)


def test_other_classes_are_refused(data: FolderDataset) -> None:
    with pytest.raises(ValueError, match="are none of the segmenter's"):
        OnTheWay(ColorSegmenter(("sky", "grass", "water", "road")), data)


def test_a_network_judges_a_network(data: FolderDataset) -> None:
    segmenter: Any = fresh_segmenter()
    scores = OnTheWay(segmenter, data)(lively(Spade(config(stem="style"))))
    assert all(torch.isfinite(torch.tensor(value)) for value in scores.values())
    assert 0 <= scores["mean_iou"] <= 1 and scores["segmenter_frechet"] > 0
