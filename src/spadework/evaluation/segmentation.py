"""Pixel accuracy and mean intersection over union, from one confusion matrix over a whole set.

The public codes behind published numbers differ in one thing: which classes the mean is taken over when some are
absent. `AbsentRule` names the three ways.

Shapes: K classes, H W height and width.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

AbsentRule = Literal["truth", "union", "zero"]
"""Which classes the mean IoU is taken over.

- truth: those with a pixel in the ground truth (the DeepLab code: COCO-Stuff);
- union: those with a pixel in ground truth or prediction; one that is only predicted counts 0 (DRN: Cityscapes);
- zero: all K; one without any pixel counts 0 (CSAIL's code: ADE20K, and imaginaire's for COCO-Stuff).
"""

_LISTED = 8


def confusion(truth: Tensor, prediction: Tensor, classes: int, ignore: int | Collection[int]) -> Tensor:
    """int64 [K, K]: how many pixels of the class in the row were predicted as the class in the column.

    `truth` and `prediction` are integers of one shape, in 0..classes-1; pixels whose truth is an `ignore` value are
    left out (`ignored_pixels` counts them). Matrices of several pictures are added. Raises ValueError for other values.
    """
    if truth.shape != prediction.shape:
        raise ValueError(
            f"ground truth is {list(truth.shape)} and prediction {list(prediction.shape)}: resize the label map (by "
            "nearest neighbour) to the size that was predicted, or predict at its size"
        )
    counted = ~_is_ignored(truth, ignore)
    row, column = truth[counted].long(), prediction[counted].long()
    _require_classes(row, classes, "ground truth", f"; ignored are {_ignored(ignore) or 'none'}")
    _require_classes(column, classes, "prediction", "")
    return torch.bincount(row * classes + column, minlength=classes**2).view(classes, classes)


def ignored_pixels(truth: Tensor, ignore: int | Collection[int]) -> int:
    """How many pixels `confusion` leaves out."""
    return int(_is_ignored(truth, ignore).sum())


@dataclass(frozen=True)
class SegmentationScores:
    """What a confusion matrix says; shares in 0..1, NaN where there is nothing to divide by."""

    accuracy: float
    """The share of pixels with the right class, ignored ones left out."""
    accuracy_all_pixels: float
    """The same, with ignored pixels counted as wrong: the other convention for pixels that nobody labelled."""
    mean_accuracy: float
    """The share of right pixels per class of the ground truth, averaged over the classes that occur in it."""
    frequency_weighted_iou: float
    """IoU averaged over the pixels of the ground truth instead of over classes."""
    mean_iou: float
    """IoU averaged over classes, by the rule `absent`."""
    classes_averaged: int
    """How many classes that mean is over."""
    absent: AbsentRule
    class_iou: tuple[float, ...]
    """[K] intersection over union; NaN for a class that is in neither ground truth nor prediction."""
    pixels: int
    """How many were counted."""
    ignored: int
    """How many were not."""


def segmentation_scores(confusion: Tensor, absent: AbsentRule, *, ignored: int = 0) -> SegmentationScores:
    """The scores of a confusion matrix [K, K]; `ignored` are the pixels that are not in it."""
    _require_confusion(confusion, absent, ignored)
    counts = confusion.double()
    right, truth, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)               # [K] each
    union = truth + predicted - right
    iou = right / union                                                                     # 0/0 = NaN: in neither
    pixels = int(confusion.sum())
    averaged = {"truth": truth > 0, "union": union > 0, "zero": torch.full_like(union, pixels > 0, dtype=torch.bool)}
    of_mean = iou.nan_to_num(0)[averaged[absent]]    # CSAIL's code adds 1e-10 to each union, to the same end
    return SegmentationScores(
        accuracy=_ratio(right.sum(), pixels),
        accuracy_all_pixels=_ratio(right.sum(), pixels + ignored),
        mean_accuracy=(right / truth).nanmean().item(),
        frequency_weighted_iou=_ratio((truth * iou).nansum(), pixels),
        mean_iou=of_mean.mean().item(),
        classes_averaged=len(of_mean),
        absent=absent,
        class_iou=tuple(iou.tolist()),
        pixels=pixels,
        ignored=ignored,
    )


def percent(share: float) -> float:
    """A share in percent with two decimals: as the DRN code rounds its result, and as tables are printed."""
    return round(100 * share, 2)


def _is_ignored(truth: Tensor, ignore: int | Collection[int]) -> Tensor:
    return torch.isin(truth, torch.tensor(_ignored(ignore), dtype=truth.dtype, device=truth.device))


def _ignored(ignore: int | Collection[int]) -> list[int]:
    return [ignore] if isinstance(ignore, int) else sorted(ignore)


def _require_classes(values: Tensor, classes: int, what: str, hint: str) -> None:
    wrong = values[(values < 0) | (values >= classes)].unique().tolist()
    if wrong:
        listed = ", ".join(map(str, wrong[:_LISTED])) + (" ..." if len(wrong) > _LISTED else "")
        raise ValueError(f"the {what} holds {listed}; expected are classes 0..{classes - 1}{hint}")


def _require_confusion(confusion: Tensor, absent: str, ignored: int) -> None:
    if absent not in get_args(AbsentRule):
        raise ValueError(f"absent={absent!r} is no rule; there are {', '.join(get_args(AbsentRule))}")
    if confusion.dim() != 2 or confusion.shape[0] != confusion.shape[1] or confusion.is_floating_point():
        raise ValueError(f"a confusion matrix is int64 [K, K]; this is {confusion.dtype} {list(confusion.shape)}")
    if int(confusion.min()) < 0 or ignored < 0:
        raise ValueError("a confusion matrix counts pixels: none may be below 0")


def _ratio(part: Tensor, whole: int) -> float:
    return part.item() / whole if whole else float("nan")
