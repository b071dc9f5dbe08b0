"""The confusion matrix against counting by hand, and the scores under the three rules about absent classes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spadework.evaluation.segmentation import (
    AbsentRule,
    confusion,
    ignored_pixels,
    percent,
    segmentation_scores,
)

RULES: tuple[AbsentRule, ...] = ("truth", "union", "zero")


def counted(truth: Tensor, prediction: Tensor, classes: int, ignore: set[int]) -> list[list[int]]:
    """The confusion matrix, pixel by pixel."""
    matrix = [[0] * classes for _ in range(classes)]
    for row, column in zip(truth.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if row not in ignore:
            matrix[row][column] += 1
    return matrix


def averaged(matrix: list[list[int]], rule: AbsentRule) -> list[float]:
    """IoU of each class that the rule takes into the mean."""
    kept = []
    for c in range(len(matrix)):
        truth, predicted = sum(matrix[c]), sum(row[c] for row in matrix)
        union = truth + predicted - matrix[c][c]
        if rule == "zero" or (rule == "truth" and truth) or (rule == "union" and union):
            kept.append(matrix[c][c] / union if union else 0.0)
    return kept


@given(st.data())
def test_matrix_and_scores_equal_counting_by_hand(data: st.DataObject) -> None:
    classes = data.draw(st.integers(1, 6))
    ignore = data.draw(st.sampled_from([(), (255,), (-1,), (classes, 255)]))
    pixels = data.draw(st.integers(1, 40))
    dtype = data.draw(st.sampled_from([torch.int16, torch.int64, torch.int32]))
    values = st.sampled_from([*range(classes), *ignore])
    truth = torch.tensor(data.draw(st.lists(values, min_size=pixels, max_size=pixels)), dtype=dtype)
    predicted = st.lists(st.integers(0, classes - 1), min_size=pixels, max_size=pixels)
    prediction = torch.tensor(data.draw(predicted), dtype=dtype)

    matrix = confusion(truth[None], prediction[None], classes, ignore)
    expected = counted(truth, prediction, classes, set(ignore))
    assert matrix.dtype == torch.int64 and matrix.tolist() == expected
    ignored = ignored_pixels(truth, ignore)
    assert ignored == sum(value in ignore for value in truth.tolist())
    right = sum(expected[c][c] for c in range(classes))
    for rule in RULES:
        scores = segmentation_scores(matrix, rule, ignored=ignored)
        assert scores.pixels + scores.ignored == pixels
        assert scores.accuracy_all_pixels == right / pixels
        if scores.pixels == 0:
            assert math.isnan(scores.accuracy) and math.isnan(scores.mean_iou) and scores.classes_averaged == 0
            continue
        assert scores.accuracy == right / scores.pixels
        ious = averaged(expected, rule)
        assert scores.classes_averaged == len(ious)
        assert scores.mean_iou == pytest.approx(sum(ious) / len(ious), abs=1e-15)


def test_the_sum_of_matrices_is_the_matrix_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 5, (6, 9, 7), generator=generator)
    prediction = torch.randint(0, 4, (6, 9, 7), generator=generator)
    parts = [confusion(one, other, 4, 4) for one, other in zip(truth, prediction, strict=True)]
    assert torch.equal(torch.stack(parts).sum(0), confusion(truth, prediction, 4, 4))


def test_the_rules_differ_in_absent_classes_only() -> None:
    # Class 0 is half right, class 1 is only predicted, class 2 is nowhere.
    matrix = torch.tensor([[2, 2, 0], [0, 0, 0], [0, 0, 0]])
    scores = {rule: segmentation_scores(matrix, rule) for rule in RULES}
    assert [scores[rule].mean_iou for rule in RULES] == [0.5, 0.25, pytest.approx(1 / 6)]
    assert [scores[rule].classes_averaged for rule in RULES] == [1, 2, 3]
    for each in scores.values():
        assert each.class_iou[:2] == (0.5, 0.0) and math.isnan(each.class_iou[2])
        assert each.accuracy == each.mean_accuracy == each.frequency_weighted_iou == 0.5


def test_frequency_weighted_iou_and_mean_accuracy() -> None:
    matrix = torch.tensor([[6, 2], [1, 1]])
    scores = segmentation_scores(matrix, "union")
    assert scores.mean_accuracy == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert scores.frequency_weighted_iou == pytest.approx(0.8 * 6 / 9 + 0.2 * 1 / 4)


def test_both_conventions_for_unlabelled_pixels() -> None:
    scores = segmentation_scores(torch.tensor([[8, 0], [0, 0]]), "truth", ignored=2)
    assert (scores.accuracy, scores.accuracy_all_pixels) == (1.0, 0.8)


def test_counts_beyond_32_bits_stay_exact() -> None:
    huge = 5_000_000_000
    scores = segmentation_scores(torch.tensor([[huge, 1], [0, huge]]), "truth")
    assert scores.pixels == 2 * huge + 1
    assert scores.class_iou[0] == huge / (huge + 1)


def test_percent_has_two_decimals() -> None:
    assert percent(0.375149) == 37.51


@pytest.mark.parametrize(
    ("truth", "prediction", "complaint"),
    [
        ([[0, 7]], [[0, 1]], "the ground truth holds 7; expected are classes 0..2; ignored are \\[255\\]"),
        ([[0, -1]], [[0, 1]], "the ground truth holds -1"),
        ([[0, 1]], [[0, 3]], "the prediction holds 3; expected are classes 0..2"),
        ([[0, 1]], [[0], [1]], "resize the label map"),
    ],
)
def test_wrong_maps_are_refused(truth: list[list[int]], prediction: list[list[int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        confusion(torch.tensor(truth), torch.tensor(prediction), 3, 255)


@pytest.mark.parametrize(
    ("matrix", "rule", "complaint"),
    [
        (torch.zeros(2, 2), "truth", "int64"),
        (torch.zeros(2, 3, dtype=torch.int64), "truth", "\\[2, 3\\]"),
        (torch.tensor([[1, -1], [0, 0]]), "truth", "below 0"),
        (torch.ones(2, 2, dtype=torch.int64), "gt", "truth, union, zero"),
    ],
)
def test_wrong_matrices_and_rules_are_refused(matrix: Tensor, rule: AbsentRule, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        segmentation_scores(matrix, rule)
