"""Intervals by bootstrap: how far a number would move with other pictures of the same kind.

Pictures are drawn with replacement, as many as there are, again and again (Efron 1979). The draws depend on seed and
number of pictures alone, so two models judged on the same label maps are resampled alike, and their difference keeps
only what differs between them.

Shapes: N pictures, K classes, R replicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from spadework.evaluation.blocks import Results
from spadework.evaluation.measure import confusions
from spadework.evaluation.segmentation import AbsentRule

REPLICATES = 1000
LEVEL = 0.95
_AT_ONCE = 50


@dataclass(frozen=True)
class Interval:
    """Between which a share `level` of the replicates lie."""

    low: float
    high: float
    level: float = LEVEL

    @classmethod
    def of(cls, replicates: Tensor) -> Interval:
        """The percentile interval of replicates [R]; NaN ones are left out."""
        finite = replicates[replicates.isfinite()]
        if not len(finite):
            return cls(float("nan"), float("nan"))
        tail = (1 - LEVEL) / 2
        low, high = torch.quantile(finite, torch.tensor([tail, 1 - tail], dtype=finite.dtype)).tolist()
        return cls(low, high)


@dataclass(frozen=True)
class PictureCounts:
    """Pixels per picture and class: enough of each confusion matrix for accuracy and IoU."""

    right: Tensor
    """int32 [N, K]: of the class, and predicted so."""
    truth: Tensor
    """int32 [N, K]: of the class."""
    predicted: Tensor
    """int32 [N, K]: predicted as the class."""

    @classmethod
    def of(cls, blocks: Iterable[Results], classes: int) -> PictureCounts:
        """From the results of blocks, in order."""
        right, truth, predicted = [], [], []
        for results in blocks:
            matrices = confusions(results, classes)
            right.append(matrices.diagonal(dim1=1, dim2=2).int())
            truth.append(matrices.sum(2).int())
            predicted.append(matrices.sum(1).int())
        return cls(torch.cat(right), torch.cat(truth), torch.cat(predicted))

    @cached_property
    def accuracy(self) -> Tensor:
        """[N] share of right pixels of each picture; NaN where nothing is labelled."""
        return self.right.sum(1).double() / self.truth.sum(1)

    def replicates(self, absent: AbsentRule, seed: int, count: int = REPLICATES) -> tuple[Tensor, Tensor]:
        """Mean IoU and accuracy [R] each, of resampled pictures."""
        iou, accuracy = [], []
        right, truth, predicted = (each.double() for each in (self.right, self.truth, self.predicted))
        for weights in resampled(len(right), seed, count):                                      # [R, N]
            hit, of_class, said = weights @ right, weights @ truth, weights @ predicted         # [R, K] each
            union = of_class + said - hit
            averaged = {"truth": of_class > 0, "union": union > 0, "zero": torch.ones_like(union, dtype=torch.bool)}
            share = (hit / union).nan_to_num(0) * averaged[absent]
            iou.append(share.sum(1) / averaged[absent].sum(1))
            accuracy.append(hit.sum(1) / of_class.sum(1))
        return torch.cat(iou), torch.cat(accuracy)


def resampled(pictures: int, seed: int, count: int = REPLICATES) -> Iterator[Tensor]:
    """float64 [R, N], some replicates at a time: how often each picture was drawn."""
    draw = np.random.RandomState(seed)  # its stream never changes
    for start in range(0, count, _AT_ONCE):
        drawn = draw.randint(pictures, size=(min(_AT_ONCE, count - start), pictures))
        yield torch.from_numpy(np.stack([np.bincount(row, minlength=pictures) for row in drawn]).astype(np.float64))


def mean_interval(values: Tensor, seed: int, count: int = REPLICATES) -> Interval:
    """The interval of the mean of values [N]."""
    values = values.double()
    return Interval.of(torch.cat([weights @ values / len(values) for weights in resampled(len(values), seed, count)]))
