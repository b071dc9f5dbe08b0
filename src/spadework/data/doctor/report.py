"""The report: everything that the doctor has to say, and its JSON form."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spadework.data.doctor.facts import PairFacts, Size
from spadework.data.doctor.finding import SEVERITIES, Finding, Severity
from spadework.data.doctor.found_classes import ClassCount, count_classes
from spadework.data.ontology import Ontology

VERSION = 1
"""Of the JSON form; a change of the meaning of a key raises it."""


@dataclass(frozen=True)
class GroupCount:
    """A split (or a pack's split), and how much of it was looked at."""

    name: str
    pairs: int
    checked: int


@dataclass(frozen=True)
class Report:
    """What was found in a data folder."""

    data: Path
    ontology: Ontology
    quick: bool
    """Only a part of the pairs was looked at."""
    groups: tuple[GroupCount, ...]
    findings: tuple[Finding, ...]
    """Errors first."""
    facts: tuple[PairFacts, ...] = field(repr=False)

    @property
    def pairs(self) -> int:
        """Pairs in the folder."""
        return sum(group.pairs for group in self.groups)

    @property
    def checked(self) -> int:
        """Pairs that were looked at."""
        return len(self.facts)

    def count(self, severity: Severity) -> int:
        """How many findings are of that severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @cached_property
    def classes(self) -> list[ClassCount]:
        """How often each class occurs, in the order of class indices."""
        return count_classes(list(self.facts), self.ontology)

    @cached_property
    def sizes(self) -> list[tuple[Size, int]]:
        """(width, height) of photos and how many have it, the most frequent first."""
        sizes = Counter(fact.photo.size for fact in self.facts if fact.photo and fact.photo.size)
        return sizes.most_common()

    def to_json(self) -> dict[str, Any]:
        """JSON types only; docs/doctor.md explains the keys."""
        index = self.ontology.unlabelled_index
        return {
            "version": VERSION,
            "data": str(self.data),
            "ontology": self.ontology.name,
            "quick": self.quick,
            "pairs": self.pairs,
            "checked": self.checked,
            "splits": [asdict(group) for group in self.groups],
            **{f"{severity}s": self.count(severity) for severity in SEVERITIES},
            "findings": [finding.to_json() for finding in self.findings],
            "classes": [asdict(one) for one in self.classes],
            "unlabelled_share": None if index is None else self.classes[index].share,
            "sizes": [{"width": size[0], "height": size[1], "photos": number} for size, number in self.sizes],
        }
