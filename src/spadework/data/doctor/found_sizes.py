"""Sizes: photo, label map and instance map of a pair must be pixel upon pixel."""

from __future__ import annotations

from spadework.data.doctor.facts import PairFacts, Size, without
from spadework.data.doctor.finding import LEAVE_OUT, Case, Finding, Repair, count, label_cases

SAME_ASPECT = 0.02
"""How far width / height of two pictures may differ, relatively, to show the same scene at two sizes."""


def find_sizes(facts: list[PairFacts]) -> list[Finding]:
    """Sizes that differ within a pair, by reason."""
    differ = [fact for fact in facts if fact.photo and _both(fact) and fact.label.size != fact.photo.size]
    exif = [fact for fact in differ if fact.photo and fact.photo.turned and fact.photo.stored == fact.label.size]
    rest = without(differ, exif)
    turned = [fact for fact in rest if fact.photo and fact.photo.size and fact.label.size == fact.photo.size[::-1]]
    rest = without(rest, turned)
    scaled = [fact for fact in rest if fact.photo and _same_aspect(fact.label.size, fact.photo.size)]
    other = without(rest, scaled)
    found = []
    if exif:
        seen = f"{count(len(exif), 'photo')} that the camera's EXIF note turns, with label maps made for the unturned"
        cure = "save these photos without the EXIF rotation, or turn the label maps as the photos are shown"
        repair = Repair("photo saved as its pixels lie, without the EXIF rotation", as_stored=True)
        found.append(Finding("exif-rotation", "error", seen, cure, label_cases(exif, _sizes), repair))
    if turned:
        seen = f"{count(len(turned), 'label map')} turned by a quarter against the photo"
        cure = "turn label map or photo, so that both stand the same way"
        found.append(Finding("turned", "error", seen, cure, label_cases(turned, _sizes), LEAVE_OUT))
    if scaled:
        seen = f"{count(len(scaled), 'label map')} of another size than the photo, in the same proportions"
        cure = "resize the label maps to the photos' size with nearest neighbour, never with a smooth filter"
        repair = Repair("label map resized to the photo by nearest neighbour", resize=True)
        found.append(Finding("sizes-differ", "error", seen, cure, label_cases(scaled, _sizes), repair))
    if other:
        seen = f"{count(len(other), 'label map')} of other proportions than the photo"
        cure = "was one of them cropped, or does it belong to another photo? Make it anew from the same picture"
        found.append(Finding("proportions-differ", "error", seen, cure, label_cases(other, _sizes), LEAVE_OUT))
    return found + _instances(facts)


def _instances(facts: list[PairFacts]) -> list[Finding]:
    """Instance maps of a size that neither label map nor photo has."""
    differ = [
        fact for fact in facts if fact.instance and fact.instance.size and fact.instance.size not in _others(fact)
    ]
    differ = [fact for fact in differ if _others(fact)]
    if not differ:
        return []
    seen = f"{count(len(differ), 'instance map')} of another size than label map and photo"
    cure = "resize the instance maps to the label maps' size with nearest neighbour"
    cases = tuple(
        Case(fact.pair.instance, f"{_by(fact.instance.size)}, label map {_by(fact.label.size)}", fact.pair)
        for fact in differ
        if fact.pair.instance and fact.instance
    )
    fits = all(fact.instance and _same_aspect(fact.instance.size, _others(fact)[0]) for fact in differ)
    repair = Repair("instance map resized by nearest neighbour", resize=True) if fits else LEAVE_OUT
    return [Finding("instance-size", "error", seen, cure, cases, repair)]


def _others(fact: PairFacts) -> list[Size]:
    """The sizes of a pair's photo and label map."""
    sizes = [fact.photo.size if fact.photo else None, fact.label.size]
    return [size for size in sizes if size is not None]


def _both(fact: PairFacts) -> bool:
    return fact.photo is not None and fact.photo.size is not None and fact.label.size is not None


def _sizes(fact: PairFacts) -> str:
    return f"label map {_by(fact.label.size)}, photo {_by(fact.photo.size if fact.photo else None)} (width x height)"


def _by(size: Size | None) -> str:
    return "?" if size is None else f"{size[0]}x{size[1]}"


def _same_aspect(one: Size | None, other: Size | None) -> bool:
    if one is None or other is None:
        return False
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= SAME_ASPECT
