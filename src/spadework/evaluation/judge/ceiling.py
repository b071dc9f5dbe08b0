"""The ceiling: what a judge scores on real photos that it never saw. No generated photo can be expected to beat it."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict
from typing import Any

import torch

from spadework.data.label_colors import LabelMapWarning
from spadework.data.label_map import photo_bytes
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Geometry
from spadework.evaluation.ground_truth import IGNORED, match_classes
from spadework.evaluation.segmentation import confusion, ignored_pixels, segmentation_scores
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.own_network import fitted


def ceiling(segmenter: OwnSegmenter, pairs: PairDataset) -> dict[str, Any]:
    """The scores of a segmenter on real pairs, in JSON types.

    The segmenter brings a photo to its short side (bicubic), the label map follows (nearest), and the two are compared
    at that size. The mean IoU is taken over the classes in label maps or predictions (rule `union`).
    """
    truth_of = match_classes(pairs.ontology, segmenter.classes)
    counts, ignored = torch.zeros(len(segmenter.classes), len(segmenter.classes), dtype=torch.int64), 0
    short_side = min(segmenter.config.height, segmenter.config.width)
    for index in range(len(pairs)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabelMapWarning)
            photo, label_map, _ = pairs.read(index)
        assert photo is not None
        size = fitted(photo.size, short_side)
        truth = truth_of(Geometry(size).map(label_map, fill=0))
        pixels = photo_bytes(photo)[None].to(segmenter.ids.device)
        prediction = segmenter.predict(pixels, (size[1], size[0]))[0].cpu()
        counts += confusion(truth, prediction, len(segmenter.classes), IGNORED)
        ignored += ignored_pixels(truth, IGNORED)

    scores = asdict(segmentation_scores(counts, "union", ignored=ignored))
    scores["class_iou"] = dict(zip(segmenter.classes, scores["class_iou"], strict=True))
    return {"photos": len(pairs), "short_side": short_side, **without_nan(scores), "confusion": counts.tolist()}


def without_nan(value: Any) -> Any:
    """The same JSON value with None for what is no number."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
