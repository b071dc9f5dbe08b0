"""Files: what doesn't pair up, can't be read, or is no label map."""

from __future__ import annotations

from pathlib import Path

from spadework.data.doctor.facts import PairFacts
from spadework.data.doctor.finding import LEAVE_OUT, Case, Finding, count, label_cases
from spadework.data.pairs import Listing

PAIRING = "files belong together by their name up to the extension: rename them, add the missing ones or remove these"


def find_unpaired(listings: list[Listing]) -> list[Finding]:
    """What has no partner, or too many."""
    kinds = {
        "photo-without-label": ("photo", "label map", [p for one in listings for p in one.photos_alone]),
        "label-without-photo": ("label map", "photo", [p for one in listings for p in one.labels_alone]),
        "instance-without-label": ("instance map", "label map", [p for one in listings for p in one.instances_alone]),
        "label-without-instance": ("label map", "instance map", [p for one in listings for p in one.without_instance]),
    }
    findings = [
        Finding(name, "error", f"{count(len(paths), what)} without {partner}", PAIRING, _cases(paths), LEAVE_OUT)
        for name, (what, partner, paths) in kinds.items()
        if paths
    ]
    not_read = [path for listing in listings for path in listing.not_read]
    if not_read:
        seen = f"{count(len(not_read), 'file')} of kinds that are not read, which would have partners"
        cure = "save photos as JPEG or PNG, label maps as PNG"
        findings.append(Finding("not-read", "error", seen, cure, _cases(not_read), LEAVE_OUT))
    same = [paths for listing in listings for paths in listing.same_stem]
    if same:
        seen = f"{count(len(same), 'name')} with several files each: which one belongs to the pair?"
        cases = tuple(Case(paths[0], f"beside {', '.join(path.name for path in paths[1:])}") for paths in same)
        cure = "keep one file of each name, or rename the others"
        findings.append(Finding("same-name", "error", seen, cure, cases, LEAVE_OUT))
    return findings


def find_unreadable(facts: list[PairFacts]) -> list[Finding]:
    """Files that are damaged, empty, or of a kind that can't be used."""
    labels = [fact for fact in facts if fact.label.error is not None and fact.label.size is None]
    photos = [fact for fact in facts if fact.photo is not None and fact.photo.error is not None]
    instances = [fact for fact in facts if fact.instance is not None and fact.instance.error is not None]
    cure = "get these files again from where they came, or take these pairs out"
    found = []
    if labels:
        cases = label_cases(labels, lambda fact: fact.label.error)
        seen = f"{count(len(labels), 'label map')} can't be read"
        found.append(Finding("unreadable-label", "error", seen, cure, cases, LEAVE_OUT))
    if photos:
        photo_cases = [(fact, fact.pair.photo, fact.photo.error) for fact in photos if fact.photo is not None]
        seen = f"{count(len(photos), 'photo')} can't be read"
        found.append(Finding("unreadable-photo", "error", seen, cure, _pair_cases(photo_cases), LEAVE_OUT))
    if instances:
        instance_cases = [(fact, fact.pair.instance, fact.instance.error) for fact in instances if fact.instance]
        seen = f"{count(len(instances), 'instance map')} can't be used"
        cure = "save object ids as PNG with one channel of 8 or 16 bits, or do without instance maps altogether"
        found.append(Finding("unusable-instance", "error", seen, cure, _pair_cases(instance_cases), LEAVE_OUT))
    return found


def find_unusable_labels(facts: list[PairFacts]) -> list[Finding]:
    """Label maps that can be opened but hold neither ids nor colours as they should, for none of the other reasons."""
    bad = [fact for fact in facts if fact.label.error is not None]
    if not bad:
        return []
    seen = f"{count(len(bad), 'label map')} can't be used"
    cure = "save each as PNG with one channel of 8 or 16 bits that holds the ids"
    cases = label_cases(bad, lambda fact: fact.label.error)
    return [Finding("unusable-label", "error", seen, cure, cases, LEAVE_OUT)]


def _cases(paths: list[Path]) -> tuple[Case, ...]:
    return tuple(Case(path) for path in paths)


def _pair_cases(cases: list[tuple[PairFacts, Path | None, str | None]]) -> tuple[Case, ...]:
    return tuple(Case(path, text or "", fact.pair) for fact, path, text in cases if path is not None)
