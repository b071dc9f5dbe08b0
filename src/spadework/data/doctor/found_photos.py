"""Photos: black and white, blank, painted, turned by their EXIF; and instance maps against label maps."""

from __future__ import annotations

from collections.abc import Callable

from spadework.data.doctor.facts import PairFacts, PhotoFacts
from spadework.data.doctor.finding import LEAVE_OUT, Case, Finding, Severity, count
from spadework.data.ontology import Ontology

BLANK = 2.0
"""Standard deviation of the brightness, 0..128, below which a photo shows nothing."""
AGREEMENT = 0.85
"""Share of the pixels whose class must be the main one of their object."""


def find_photos(facts: list[PairFacts], ontology: Ontology) -> list[Finding]:
    """What is odd about photos that can be read."""
    painted = ontology.channels + 1
    return [
        *_those(
            *(facts, "blank-photo", "warning", lambda photo: photo.spread < BLANK),
            "showing nothing but one colour",
            "get them again, or take these pairs out",
        ),
        *_those(
            *(facts, "photo-is-label", "note", lambda photo: photo.colors is not None and photo.colors <= painted),
            "with no more colours than there are classes: is it a coloured label map?",
            "if so, put the photos that belong there into the folder of photos",
        ),
        *_those(
            *(facts, "grey-photo", "note", lambda photo: photo.grey and photo.spread >= BLANK),
            "without colour",
            "a model learns grey from them; take them out if it should not",
        ),
        *_those(
            *(facts, "turned-photo", "note", lambda photo: photo.turned),
            "that the camera's EXIF note turns or mirrors when it is shown",
            "the rotation is applied; make sure that the label maps were made for the turned photos",
        ),
        *_those(
            *(facts, "transparent-photo", "note", lambda photo: photo.transparent),
            "that are transparent in places",
            "the colours stored below the transparency are taken; put these photos over a background if that looks odd",
        ),
    ]


def find_instances(facts: list[PairFacts]) -> list[Finding]:
    """Objects that spread over several classes."""
    odd = [fact for fact in facts if fact.instance and (fact.instance.agreement or 1.0) < AGREEMENT]
    if not odd:
        return []
    seen = f"{count(len(odd), 'instance map')} whose objects spread over several classes"
    cure = "do they belong to other label maps? Make them anew, or do without instance maps altogether"
    cases = tuple(
        Case(fact.pair.instance, f"{fact.instance.agreement:.0%} of the pixels agree", fact.pair)
        for fact in odd
        if fact.pair.instance and fact.instance and fact.instance.agreement is not None
    )
    few = len(odd) <= sum(fact.instance is not None for fact in facts) / 2
    return [Finding("instances-disagree", "warning", seen, cure, cases, LEAVE_OUT if few else None)]


def _those(
    facts: list[PairFacts],
    name: str,
    severity: Severity,
    condition: Callable[[PhotoFacts], bool],
    what: str,
    cure: str,
) -> list[Finding]:
    some = [fact for fact in facts if fact.photo and fact.photo.error is None and condition(fact.photo)]
    if not some:
        return []
    cases = tuple(Case(fact.pair.photo, "", fact.pair) for fact in some if fact.pair.photo)
    repair = LEAVE_OUT if severity == "warning" else None
    return [Finding(name, severity, f"{count(len(some), 'photo')} {what}", cure, cases, repair)]
