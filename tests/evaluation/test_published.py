"""What papers printed: complete, sourced, and consistent where two tables print the same result."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from spadework.evaluation.published import published, published_preferences, published_segmenters

DATA_SETS = ("coco-stuff", "ade20k", "ade20k-outdoor", "cityscapes")


def test_every_row_has_numbers_and_a_source() -> None:
    tables = ("spade-1", "spade-3", "spade-4", "spade-5", "oasis-1", "oasis-diversity", "ccfpse-coco")
    rows = [row for data_set in DATA_SETS for row in published(data_set, tables)]
    assert {row.table for row in rows} == set(tables)
    for row in rows:
        numbers = [row.mean_iou, row.accuracy, row.fid, row.lpips]
        assert any(numbers) and row.source and row.method
        assert all(number is None or 0 < number < 120 for number in numbers)
    # 14 cells of Table 1 (SIMS has two), 8 + 11 + 9 rows on three data sets, 19 cells of OASIS's table, and three more.
    assert len(rows) == 14 + 3 * (8 + 11 + 9) + 19 + 3
    assert len({(row.table, row.data_set, row.method) for row in rows}) == len(rows)


def test_the_default_rows_come_in_the_order_of_the_tables() -> None:
    rows = published("ade20k")
    assert [(row.table, row.method) for row in rows[:4]] == [
        ("spade-1", "CRN"),
        ("spade-1", "pix2pixHD"),
        ("spade-1", "SPADE"),
        ("oasis-1", "SPADE"),
    ]
    assert (rows[2].mean_iou, rows[2].accuracy, rows[2].fid) == (38.5, 79.9, 33.9)
    assert "Table 1" in rows[2].source
    assert published("park") == ()


def test_tables_that_print_the_same_result_agree() -> None:
    """OASIS took SPADE's numbers from SPADE's paper; its ablations begin with the main result, but for COCO-Stuff."""
    for data_set in DATA_SETS:
        (first,) = [row for row in published(data_set, ["spade-1"]) if row.method == "SPADE"]
        (again,) = [row for row in published(data_set, ["oasis-1"]) if row.method == "SPADE"]
        assert (first.mean_iou, first.fid) == (again.mean_iou, again.fid)
        for row in published(data_set, ["spade-5"]):
            if row.method == "SPADE" and data_set != "coco-stuff":
                assert row.mean_iou == first.mean_iou
    (coco,) = [row for row in published("coco-stuff", ["spade-1"]) if row.method == "SPADE"]
    assert coco.mean_iou == 37.4 and "35.2" in coco.note


def test_preferences_and_segmenters() -> None:
    preferences = [row for data_set in DATA_SETS for row in published_preferences(data_set)]
    assert len(preferences) == 10 and all(50 < row.percent < 100 and "Table 2" in row.source for row in preferences)
    assert {row.competitor for row in published_preferences("cityscapes")} == {"CRN", "pix2pixHD", "SIMS"}
    (deeplab,) = published_segmenters("coco-stuff")
    assert asdict(deeplab)["mean_iou"] == 39.1 and deeplab.source.startswith("README")
    assert published_preferences("park") == published_segmenters("park") == ()


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(ValueError, match="did you mean 'spade-1'"):
        published("ade20k", ["spade1"])
