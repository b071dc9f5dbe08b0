"""The quick form, before each training: a part of the pairs, and one error that sums up what is wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from spadework.data.doctor.diagnosis import diagnose
from spadework.data.doctor.finding import Finding, count
from spadework.data.doctor.found_classes import count_classes
from spadework.data.doctor.look import look
from spadework.data.doctor.look_at_all import QUICK, evenly_spread
from spadework.data.ontology import Ontology
from spadework.data.pairs import Pair


@dataclass(frozen=True)
class Check:
    """What a look at a data set without errors found."""

    pairs: int
    """Pairs in the data set."""
    checked: int
    """Pairs that were looked at."""
    shares: dict[str, float]
    """Class name -> share of the pixels, 0..1, in the order of class indices."""


def check_pairs(pairs: Sequence[Pair], ontology: Ontology, limit: int = QUICK) -> Check:
    """Look at up to `limit` evenly spread pairs.

    Raises one ValueError that sums up all errors, each with files and cure; warnings are given as such.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}: at least one pair must be looked at")
    chosen = evenly_spread(pairs, limit)
    facts = [look(pair.pack or "", pair, ontology) for pair in chosen]
    findings = diagnose(facts, [], ontology)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        listed = "".join(f"\n- {summary(finding)}" for finding in errors)
        what = f"{count(len(errors), 'kind')} of problems in the data ({len(chosen)} of {len(pairs)} pairs looked at)"
        raise ValueError(f"{what}:{listed}\n`spadework check` looks at all pairs, shows them, and can repair a copy")
    for finding in findings:
        if finding.severity == "warning":
            warnings.warn(summary(finding), stacklevel=2)
    shares = {one.name: one.share for one in count_classes(facts, ontology)}
    return Check(len(pairs), len(chosen), shares)


def summary(finding: Finding, files: int = 3) -> str:
    """A finding in a few lines: what was seen, the cure, the first files."""
    lines = [f"{finding.name}: {finding.seen}", f"cure: {finding.cure}"]
    lines += [f"{case.path}{': ' * bool(case.text)}{case.text}" for case in finding.cases[:files]]
    if len(finding.cases) > files:
        lines.append(f"... and {len(finding.cases) - files} more")
    return "\n  ".join(lines)
