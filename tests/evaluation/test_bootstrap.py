"""Intervals by bootstrap, against the plainest way to make them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from spadework.evaluation.bootstrap import Interval, PictureCounts, mean_interval, resampled
from spadework.evaluation.segmentation import AbsentRule, segmentation_scores


def matrices(pictures: int, seed: int = 0) -> torch.Tensor:
    """[N, 4, 4] confusion matrices, mostly right, the last class rare."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, 20, (pictures, 4, 4), generator=generator)
    counts += 60 * torch.eye(4, dtype=torch.int64)
    counts[:, 3] *= torch.rand(pictures, 1, generator=generator) < 0.1
    return counts


def counts_of(matrices: torch.Tensor) -> PictureCounts:
    return PictureCounts(matrices.diagonal(dim1=1, dim2=2).int(), matrices.sum(2).int(), matrices.sum(1).int())


@pytest.mark.parametrize("absent", get_args(AbsentRule))
def test_replicates_are_the_scores_of_resampled_pictures(absent: AbsentRule) -> None:
    pictures = matrices(9)
    iou, accuracy = counts_of(pictures).replicates(absent, seed=5, count=70)
    draw = np.random.RandomState(5)
    drawn = np.concatenate([draw.randint(9, size=(50, 9)), draw.randint(9, size=(20, 9))])
    for replicate in range(70):
        scores = segmentation_scores(pictures[torch.from_numpy(drawn[replicate])].sum(0), absent)
        assert iou[replicate] == pytest.approx(scores.mean_iou, rel=1e-12)
        assert accuracy[replicate] == pytest.approx(scores.accuracy, rel=1e-12)


def test_draws_depend_on_seed_and_number_alone() -> None:
    first, again, other = (torch.cat(list(resampled(12, seed, 60))) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert (first.sum(1) == 12).all()


def test_the_interval_of_a_mean_is_the_one_that_theory_tells() -> None:
    values = torch.randn(400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    interval = mean_interval(values, seed=0, count=4000)
    half = 1.96 * float(values.std()) / 20
    assert interval.low == pytest.approx(float(values.mean()) - half, abs=0.1 * half)
    assert interval.high == pytest.approx(float(values.mean()) + half, abs=0.1 * half)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    pictures = matrices(60)
    better = pictures + torch.eye(4, dtype=torch.int64)
    (a, _), (b, _) = (counts_of(each).replicates("union", 0) for each in (pictures, better))
    difference, alone = Interval.of(b - a), Interval.of(a)
    assert difference.low > 0
    assert difference.high - difference.low < 0.2 * (alone.high - alone.low)


def test_nothing_labelled_gives_no_interval() -> None:
    empty = counts_of(torch.zeros(3, 4, 4, dtype=torch.int64))
    iou, accuracy = empty.replicates("truth", 0, 10)
    assert Interval.of(iou).low != Interval.of(iou).low and Interval.of(accuracy).high != Interval.of(accuracy).high
    assert empty.accuracy.isnan().all()
