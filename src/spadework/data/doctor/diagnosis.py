"""From what was seen of every pair to the findings, worst first."""

from __future__ import annotations

from dataclasses import replace

from spadework.data.doctor.facts import PairFacts
from spadework.data.doctor.finding import SEVERITIES, Finding
from spadework.data.doctor.found_classes import find_classes
from spadework.data.doctor.found_colors import find_colors
from spadework.data.doctor.found_duplicates import find_duplicates
from spadework.data.doctor.found_files import find_unpaired, find_unreadable, find_unusable_labels
from spadework.data.doctor.found_ids import find_ids
from spadework.data.doctor.found_photos import find_instances, find_photos
from spadework.data.doctor.found_sizes import find_sizes
from spadework.data.doctor.found_splits import find_split_shares
from spadework.data.map_file import LOSSY
from spadework.data.ontology import Ontology
from spadework.data.pairs import Listing


def diagnose(facts: list[PairFacts], listings: list[Listing], ontology: Ontology) -> list[Finding]:
    """All findings about pairs, and about files that are in none; errors first."""
    groups: dict[str, list[PairFacts]] = {}
    for fact in facts:
        groups.setdefault(fact.group, []).append(fact)
    several = len(groups) > 1

    # Ids are renumbered a whole split at a time.
    ids = [
        replace(finding, seen=f"{name}: {finding.seen}") if several else finding
        for name, group in groups.items()
        for finding in find_ids([fact for fact in group if fact.label.format not in LOSSY], ontology)
    ]
    findings = [
        *find_unpaired(listings),
        *find_unreadable(facts),
        *ids,
        *find_colors(facts),
        *find_unusable_labels([fact for fact in facts if _unexplained(fact)]),
        *find_sizes(facts),
        *find_instances(facts),
        *find_duplicates(facts),
        *find_split_shares(groups, ontology),
        *find_photos(facts, ontology),
        *find_classes(facts, ontology),
    ]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _unexplained(fact: PairFacts) -> bool:
    """A label map that was opened, and refused for none of the usual reasons."""
    label = fact.label
    known_reason = label.unknown or label.colors is not None or label.format in LOSSY
    return label.error is not None and label.size is not None and not known_reason
