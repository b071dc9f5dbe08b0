"""From the results of blocks to the numbers of a report.

Everything is summed in the order of blocks, with one thread, so the same results give the same numbers.

Shapes: N pictures, K classes, F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from spadework.evaluation.blocks import Block, BlockFolder
from spadework.evaluation.bootstrap import Interval, PictureCounts
from spadework.evaluation.feature_distances import FeatureDistances, NamedExtractor, feature_distances
from spadework.evaluation.measure import confusions
from spadework.evaluation.moments import Gaussian, moments_of
from spadework.evaluation.segmentation import AbsentRule, SegmentationScores, segmentation_scores


@dataclass(frozen=True)
class Judgement:
    """What a segmenter says about a set of pictures."""

    scores: SegmentationScores
    """By the protocol's rule for absent classes."""
    by_rule: dict[AbsentRule, tuple[float, int]]
    """Mean IoU by every rule, and over how many classes."""
    mean_iou: Interval
    accuracy: Interval
    matrix: Tensor
    """int64 [K, K]: pixels of the class in the row, predicted as the class in the column."""
    counts: PictureCounts

    def to_json(self) -> dict[str, Any]:
        """JSON types; NaN as null."""
        scores = {key: _finite(value) for key, value in asdict(self.scores).items() if key != "class_iou"}
        return {
            **scores,
            "mean_iou_interval": [_finite(self.mean_iou.low), _finite(self.mean_iou.high)],
            "accuracy_interval": [_finite(self.accuracy.low), _finite(self.accuracy.high)],
            "mean_iou_by_rule": {
                rule: {"mean_iou": _finite(value), "classes": count} for rule, (value, count) in self.by_rule.items()
            },
            "class_iou": [_finite(value) for value in self.scores.class_iou],
        }


def judgement(store: BlockFolder, blocks: list[Block], classes: int, absent: AbsentRule, seed: int) -> Judgement:
    """Sum up what a segmenter saw."""
    counts = PictureCounts.of(store.in_order(blocks), classes)
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    ignored = 0
    for results in store.in_order(blocks):
        matrix += confusions(results, classes).sum(0)
        ignored += int(results["ignored"].sum())
    rules = {rule: segmentation_scores(matrix, rule, ignored=ignored) for rule in get_args(AbsentRule)}
    iou, accuracy = counts.replicates(absent, seed)
    return Judgement(
        rules[absent],
        {rule: (scores.mean_iou, scores.classes_averaged) for rule, scores in rules.items()},
        Interval.of(iou),
        Interval.of(accuracy),
        matrix,
        counts,
    )


def distances(
    real: BlockFolder, fake: BlockFolder, blocks: list[Block], extractor: NamedExtractor, scratch: Path
) -> FeatureDistances:
    """Compare two sets of features of one network; `scratch` is a folder for files that are gone afterwards."""
    with (
        features_on_disk(real, blocks, scratch / ".real.npy") as real_features,
        features_on_disk(fake, blocks, scratch / ".fake.npy") as fake_features,
    ):
        return feature_distances(real_features, fake_features, extractor)


def distances_to_json(found: FeatureDistances) -> dict[str, Any]:
    """JSON types; the network is described elsewhere."""
    return {
        "names": asdict(found.names),
        "frechet": found.frechet,
        "kernel": asdict(found.kernel),
        "precision_recall": None if found.precision_recall is None else asdict(found.precision_recall),
        "real": found.real,
        "fake": found.fake,
    }


def gaussian(store: BlockFolder, blocks: list[Block]) -> Gaussian:
    """Mean and covariance of features, streamed."""
    return moments_of(torch.from_numpy(results["features"]) for results in store.in_order(blocks)).gaussian


@contextmanager
def features_on_disk(store: BlockFolder, blocks: list[Block], file: Path) -> Iterator[Tensor]:
    """float32 [N, F]: all features as one tensor that lies in a file, so that memory holds what is looked at only."""
    size = next(store.in_order(blocks[:1]))["features"].shape[1]
    shape = (sum(map(len, blocks)), size)
    try:
        array = np.lib.format.open_memmap(file, "w+", np.float32, shape)
        for block, results in zip(blocks, store.in_order(blocks), strict=True):
            array[block.places.start : block.places.stop] = results["features"]
        yield torch.from_numpy(array)
    finally:
        file.unlink(missing_ok=True)


def seconds(store: BlockFolder, blocks: list[Block]) -> float:
    """How long the blocks took, each on one thread."""
    return float(sum(float(results["seconds"]) for results in store.in_order(blocks)))


def _finite(value: Any) -> Any:
    """NaN and infinities become None: JSON has no word for them."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
