"""Splits against each other: class shares that only fit when the ids of one are renumbered, classes that one lacks."""

from __future__ import annotations

import numpy as np

from spadework.data.doctor.facts import PairFacts
from spadework.data.doctor.finding import Finding, label_cases
from spadework.data.ontology import Ontology

FILES = 5
"""Fewer label maps in a split tell nothing about its class shares."""
FAR, NEAR = 0.5, 0.25
"""Half the sum of absolute differences of class shares, 0..1, from where splits differ, and up to where they fit."""


def find_split_shares(groups: dict[str, list[PairFacts]], ontology: Ontology) -> list[Finding]:
    """Compare every group with the largest one; ids that a sum makes fit are probably renumbered by mistake."""
    usable = {name: [fact for fact in facts if fact.label.pixels is not None] for name, facts in groups.items()}
    usable = {name: facts for name, facts in usable.items() if len(facts) >= FILES}
    if len(usable) < 2:
        return []
    largest = max(usable, key=lambda name: len(usable[name]))
    reference = _shares(usable[largest], ontology)
    return [
        finding
        for name, facts in usable.items()
        if name != largest
        for finding in _compare(name, facts, largest, reference, ontology)
    ]


def _compare(
    name: str, facts: list[PairFacts], largest: str, reference: np.ndarray, ontology: Ontology
) -> list[Finding]:
    shares = _shares(facts, ontology)
    if _distance(shares, reference) < FAR:
        return []
    sums = {
        ("ids-shifted", "id - 1"): np.append(shares[1:], 0),
        ("ids-shifted", "id + 1"): np.insert(shares[:-1], 0, 0),
        ("ids-inverted", "the last id - id"): shares[::-1],
    }
    (kind, cure), best = min(sums.items(), key=lambda item: _distance(item[1], reference))
    if _distance(best, reference) > NEAR:
        return []
    seen = (
        f"the classes of {name} occur in quite other shares than those of {largest}, but would fit with {cure}: "
        f"are its ids renumbered?"
    )
    return [Finding(kind, "warning", seen, f"look at a few; if so, write {cure} in its label maps", label_cases(facts))]


def _shares(facts: list[PairFacts], ontology: Ontology) -> np.ndarray:
    """Share of each class of the labelled pixels, in the order of ids."""
    pixels = sum((fact.label.pixels for fact in facts if fact.label.pixels is not None), np.zeros(ontology.channels))
    labelled = np.delete(pixels, [] if ontology.unlabelled_index is None else [ontology.unlabelled_index])
    return labelled / max(labelled.sum(), 1)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).sum() / 2)
