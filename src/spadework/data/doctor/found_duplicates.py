"""Duplicates: the same photo twice, in one split or in two, exactly or nearly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from spadework.data.doctor.facts import PairFacts, without
from spadework.data.doctor.finding import LEAVE_OUT, Case, Finding, count

HASH_BITS = 3
"""Bits, of 64, that may differ between the hashes of two photos that are nearly the same."""
BRIGHTNESS = 4.0
"""Mean difference of brightness, 0..255, that may lie between the thumbnails of two such photos."""
CONTRAST = 12.0
"""Photos whose brightness varies less have no telling hash."""


def find_duplicates(facts: list[PairFacts]) -> list[Finding]:
    """Photos and label maps that occur several times."""
    with_photo = [fact for fact in facts if fact.photo is not None and fact.photo.error is None]
    same = _alike(with_photo, lambda fact: fact.photo.digest if fact.photo else "")
    across = [group for group in same if len({fact.group for fact in group}) > 1]
    inside = [group for group in same if len({fact.group for fact in group}) == 1]
    exact = [fact for group in same for fact in group]
    return _across(across) + _inside(inside) + _labels(without(facts, exact)) + _near(without(with_photo, exact))


def _across(groups: list[list[PairFacts]]) -> list[Finding]:
    if not groups:
        return []
    cases = []
    for group in groups:
        first, *others = sorted(group, key=_held_out_first)
        cases += [_case(other, f"is {first.group}'s {_photo(first)}") for other in others]
    seen = f"{count(len(groups), 'photo')} in more than one split: what is measured on one was learnt in the other"
    cure = "keep each photo in one split only"
    return [Finding("duplicate-across-splits", "warning", seen, cure, tuple(cases), LEAVE_OUT)]


def _inside(groups: list[list[PairFacts]]) -> list[Finding]:
    if not groups:
        return []
    cases = [_case(other, f"is {_photo(group[0])} again") for group in groups for other in group[1:]]
    differ = sum(len({fact.label.digest for fact in group}) > 1 for group in groups)
    seen = f"{count(len(groups), 'photo')} more than once in a split" + (
        f", {differ} of them with different label maps" if differ else ""
    )
    cure = "keep one of each; where label maps differ, the right one"
    return [Finding("duplicate-photo", "warning", seen, cure, tuple(cases), LEAVE_OUT)]


def _labels(facts: list[PairFacts]) -> list[Finding]:
    """One label map for different photos, where it shows anything: an oversight, unless it is the rule."""
    telling = [fact for fact in facts if fact.label.pixels is not None and (fact.label.pixels > 0).sum() > 2]
    groups = _alike(telling, lambda fact: fact.label.digest)
    if not groups:
        return []
    cases = [
        Case(other.pair.label, f"is {group[0].pair.label.name} again", other.pair)
        for group in groups
        for other in group[1:]
    ]
    if len(groups) > 1 and 2 * sum(map(len, groups)) >= len(telling):
        seen = f"{count(len(groups), 'label map')} used for several different photos each: looks of one scene, it seems"
        cure = "if so, nothing; keep all looks of a scene in one split"
        return [Finding("label-of-several-photos", "note", seen, cure, tuple(cases))]
    seen = f"{count(len(groups), 'label map')} used for several different photos: a copy under the wrong name?"
    cure = "give each photo its own label map"
    return [Finding("duplicate-label", "warning", seen, cure, tuple(cases), LEAVE_OUT)]


def _near(facts: list[PairFacts]) -> list[Finding]:
    """Photos of two splits that are almost the same, such as neighbouring frames of a video."""
    telling = [
        fact for fact in facts if fact.photo and fact.photo.thumbnail is not None and fact.photo.spread > CONTRAST
    ]
    groups: dict[str, list[PairFacts]] = defaultdict(list)
    for fact in telling:
        groups[fact.group].append(fact)
    names = sorted(groups)
    cases = []
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            pairs = _nearly_equal(groups[name], groups[other])
            cases += [_case(two, f"is almost {one.group}'s {_photo(one)}") for one, two in pairs]
    if not cases:
        return []
    seen = f"{count(len(cases), 'photo')} almost the same as one of another split, as frames of one video are"
    cure = "if so, what is measured on that split is too good: split by scene or by drive, not by frame"
    return [Finding("near-duplicate-across-splits", "note", seen, cure, tuple(cases))]


def _nearly_equal(first: list[PairFacts], second: list[PairFacts]) -> list[tuple[PairFacts, PairFacts]]:
    """For each of the second ones the nearest of the first, where it is near enough."""
    hashes, thumbnails = _hashes(first), _thumbnails(first)
    found = []
    for fact, bits, thumbnail in zip(second, _hashes(second), _thumbnails(second), strict=True):
        differing = np.unpackbits(hashes ^ bits, axis=1).sum(1)
        near = np.flatnonzero(differing <= HASH_BITS)
        away = np.abs(thumbnails[near] - thumbnail).mean(1)
        if len(near) and away.min() <= BRIGHTNESS:
            found.append((first[near[int(away.argmin())]], fact))
    return found


def _hashes(facts: list[PairFacts]) -> np.ndarray:
    """[N, 8] uint8: whether each pixel of the thumbnail is brighter than the one to its left."""
    pictures = _thumbnails(facts).reshape(-1, 8, 9)
    return np.packbits((pictures[:, :, 1:] > pictures[:, :, :-1]).reshape(-1, 64), axis=1)


def _thumbnails(facts: list[PairFacts]) -> np.ndarray:
    """[N, 72] int16."""
    pictures = [fact.photo.thumbnail for fact in facts if fact.photo and fact.photo.thumbnail is not None]
    return np.stack(pictures).reshape(len(facts), 72).astype(np.int16)


def _alike(facts: Iterable[PairFacts], key: Callable[[PairFacts], str]) -> list[list[PairFacts]]:
    groups: dict[str, list[PairFacts]] = defaultdict(list)
    for fact in facts:
        groups[key(fact)].append(fact)
    return [group for group in groups.values() if len(group) > 1]


def _held_out_first(fact: PairFacts) -> tuple[bool, str]:
    """What is kept of a photo in several splits: the one that is measured on."""
    return fact.group.split("/")[-1] == "train", fact.group


def _case(fact: PairFacts, text: str) -> Case:
    assert fact.pair.photo is not None
    return Case(fact.pair.photo, text, fact.pair)


def _photo(fact: PairFacts) -> str:
    return fact.pair.photo.name if fact.pair.photo else fact.pair.name
