"""A finding: what was seen, where, how bad it is, and the cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spadework.data.doctor.stored import Stored
from spadework.data.ontology import Ontology
from spadework.data.pairs import Pair

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""An error stops training; a warning spoils it, or what is measured of it; a note is good to know."""

SHOWN = 20
"""Files that the JSON form of a finding lists."""

Mark = Callable[[Stored, Ontology], np.ndarray]
"""A label map as stored -> [H, W] bool: the pixels that a finding is about."""


@dataclass(frozen=True)
class Repair:
    """What a repaired copy does about a finding, for each of its files."""

    change: str
    """What is done, for people."""
    label: Callable[[Stored, Ontology], Stored] | None = None
    """A change of the label map."""
    resize: bool = False
    """Label and instance map get the photo's size, by nearest neighbour."""
    as_stored: bool = False
    """The photo's pixels are kept as they lie in the file, without the rotation that its EXIF asks for."""
    leave_out: bool = False
    """The pair does not go into the copy."""
    unlabelled: tuple[int, ...] = ()
    """Ids that the copy's ontology declares as unlabelled."""


@dataclass(frozen=True)
class Case:
    """One file, or pair, of a finding."""

    path: Path
    text: str = ""
    """What is wrong with this one in particular."""
    pair: Pair | None = None
    """The pair that it belongs to, where it has one."""


@dataclass(frozen=True)
class Finding:
    """Something about a data set that its owner should know."""

    name: str
    """A fixed name, such as "ids-shifted"."""
    severity: Severity
    seen: str
    """What was seen: one sentence."""
    cure: str
    """What to do about it."""
    cases: tuple[Case, ...] = ()
    repair: Repair | None = None
    """What a repaired copy does about it; None where it can do nothing."""
    mark: Mark | None = None
    """The pixels to mark in pictures of the label maps."""

    def to_json(self) -> dict[str, Any]:
        """JSON types only; the first few files, and how many there are."""
        return {
            "name": self.name,
            "severity": self.severity,
            "seen": self.seen,
            "cure": self.cure,
            "fix": None if self.repair is None else self.repair.change,
            "count": len(self.cases),
            "files": [{"path": str(case.path), "text": case.text} for case in self.cases[:SHOWN]],
        }


LEAVE_OUT = Repair("left out", leave_out=True)


def label_cases(facts: list[Any], text: Callable[[Any], str] = lambda fact: "") -> tuple[Case, ...]:
    """A case per pair, about its label map; `text` says what is wrong with each."""
    return tuple(Case(fact.pair.label, text(fact), fact.pair) for fact in facts)


def count(number: int, what: str) -> str:
    """ "1 file", "3 files", "2 classes"."""
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
