"""What papers printed: the tables of SPADE and OASIS, to stand beside measured rows, never to be taken for them.

The numbers lie in `published.json`, each with its source. Mean IoU, accuracy and preferences are percentages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spadework.choose import choose


@dataclass(frozen=True)
class PublishedRow:
    """One method on one data set in one table."""

    source: str
    """The paper and its table."""
    table: str
    """The table's short name: "spade-1"."""
    data_set: str
    method: str
    """As the table calls it, spelled out."""
    mean_iou: float | None = None
    accuracy: float | None = None
    fid: float | None = None
    lpips: float | None = None
    note: str = ""
    """What a reader must know before comparing."""


@dataclass(frozen=True)
class PublishedPreference:
    """How often people preferred SPADE to a competitor."""

    source: str
    data_set: str
    competitor: str
    percent: float


@dataclass(frozen=True)
class PublishedSegmenter:
    """What a segmenter reached on real photos, as its owners say: not a bound for generated ones."""

    source: str
    data_set: str
    segmenter: str
    mean_iou: float
    accuracy: float | None = None
    mean_accuracy: float | None = None
    frequency_weighted_iou: float | None = None
    note: str = ""


def published(data_set: str, tables: Sequence[str] = ("spade-1", "oasis-1")) -> tuple[PublishedRow, ...]:
    """The rows about a data set in the tables named, in their order; empty for a data set that no paper used.

    SPADE's Tables 1 and 3 to 5 are "spade-1" ...; "oasis-1" is OASIS's main table, "oasis-diversity" its LPIPS.
    Raises ValueError for an unknown table.
    """
    held = _held()
    sources = [(table, choose(held["sources"], table, "table")) for table in tables]
    return tuple(
        PublishedRow(**{**row, "source": source, "table": table})
        for table, source in sources
        for row in held["rows"]
        if row["source"] == table and row["data_set"] == data_set
    )


def published_preferences(data_set: str) -> tuple[PublishedPreference, ...]:
    """SPADE's Table 2: how often its pictures were preferred on a data set; empty for others."""
    return tuple(PublishedPreference(**row) for row in _of(data_set, "preferences"))


def published_segmenters(data_set: str) -> tuple[PublishedSegmenter, ...]:
    """What the papers' segmenters reach on the real photos of a data set; empty for others."""
    return tuple(PublishedSegmenter(**row) for row in _of(data_set, "segmenters"))


def _of(data_set: str, kind: str) -> list[dict[str, Any]]:
    held = _held()
    return [{**row, "source": held["sources"][row["source"]]} for row in held[kind] if row["data_set"] == data_set]


@cache
def _held() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
