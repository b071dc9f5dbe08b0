"""Classes: how often each occurs, and in which split; label maps that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.data.doctor.facts import PairFacts, without
from spadework.data.doctor.finding import LEAVE_OUT, Finding, count, label_cases
from spadework.data.ontology import Ontology

TINY = 0.0005
"""Share of the labelled pixels below which a class is too small to be learnt well."""
ALMOST_ALL = 0.99
MUCH = 0.5


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs in the label maps that were looked at."""

    id: int
    name: str
    pixels: int
    share: float
    """Of all pixels, 0..1."""
    files: int
    """Label maps that it occurs in."""


def count_classes(facts: list[PairFacts], ontology: Ontology) -> list[ClassCount]:
    """In the order of class indices, unlabelled included."""
    pixels = np.zeros(ontology.channels, np.int64)
    files = np.zeros(ontology.channels, np.int64)
    for fact in facts:
        if fact.label.pixels is not None:
            pixels += fact.label.pixels
            files += fact.label.pixels > 0
    total = max(int(pixels.sum()), 1)
    rows = zip(ontology.channel_ids, ontology.names, pixels.tolist(), files.tolist(), strict=True)
    return [ClassCount(id, name, number, number / total, seen) for id, name, number, seen in rows]


def find_classes(facts: list[PairFacts], ontology: Ontology) -> list[Finding]:
    """Classes that are missing or tiny, label maps without labels, classes that look alike."""
    usable = [fact for fact in facts if fact.label.pixels is not None]
    if not usable:
        return _same_colors(ontology)
    counts = count_classes(facts, ontology)
    return _unlabelled(usable, counts, ontology) + _rare(counts, ontology) + _same_colors(ontology)


def _unlabelled(facts: list[PairFacts], counts: list[ClassCount], ontology: Ontology) -> list[Finding]:
    found = []
    index = ontology.unlabelled_index
    if index is not None and counts[index].share > MUCH:
        seen = f"{counts[index].share:.0%} of all pixels are unlabelled: little to learn from"
        cure = "is an id declared as unlabelled that is a class? Otherwise label more, or add classes"
        found.append(Finding("much-unlabelled", "warning", seen, cure))
    empty = [fact for fact in facts if index is not None and _share(fact, index) >= ALMOST_ALL]
    if empty:
        seen = f"{count(len(empty), 'label map')} with (nearly) nothing labelled"
        cases = label_cases(empty, lambda fact: f"{_share(fact, index or 0):.1%} unlabelled")
        found.append(
            Finding("empty-label", "warning", seen, "label these pictures, or take them out", cases, LEAVE_OUT)
        )
    flat = [fact for fact in without(facts, empty) if int((_pixels(fact) > 0).sum()) == 1]
    if flat:
        seen = f"{count(len(flat), 'label map')} of a single class"
        cases = label_cases(flat, lambda fact: ontology.names[int(_pixels(fact).argmax())])
        found.append(Finding("single-class", "note", seen, "look at them: were they filled by mistake?", cases))
    return found


def _rare(counts: list[ClassCount], ontology: Ontology) -> list[Finding]:
    index = ontology.unlabelled_index
    classes = [one for number, one in enumerate(counts) if number != index]
    never = [one for one in classes if one.pixels == 0]
    tiny = [one for one in classes if 0 < one.share < TINY]
    found = []
    if never:
        seen = f"{count(len(never), 'class')} never seen: {_names(never)}"
        cure = "nothing is learnt of them; take them out of the ontology, or add pictures that show them"
        found.append(Finding("never-seen", "note", seen, cure))
    if tiny:
        seen = f"{count(len(tiny), 'class')} below {TINY:.2%} of the pixels: {_names(tiny)}"
        cure = "expect little of them; add pictures that show them, or merge them with a class like them"
        found.append(Finding("tiny-classes", "note", seen, cure))
    return found


def _same_colors(ontology: Ontology) -> list[Finding]:
    names: dict[tuple[int, ...], list[str]] = {}
    for color, name in zip(ontology.colors().tolist(), ontology.names, strict=True):
        names.setdefault(tuple(color), []).append(name)
    same = [group for group in names.values() if len(group) > 1]
    if not same:
        return []
    shown = "; ".join(" and ".join(group[:3]) for group in same[:3])
    seen = f"classes of one and the same colour: {shown}{'; ...' if len(same) > 3 else ''}"
    cure = "give each class a colour of its own in the ontology, so that painted label maps can be read"
    return [Finding("same-colour", "note", seen, cure)]


def _pixels(fact: PairFacts) -> np.ndarray:
    assert fact.label.pixels is not None
    return fact.label.pixels


def _share(fact: PairFacts, index: int) -> float:
    pixels = _pixels(fact)
    return float(pixels[index] / pixels.sum())


def _names(classes: list[ClassCount]) -> str:
    return ", ".join(one.name for one in classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
