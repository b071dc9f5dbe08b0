"""The doctor's round: find the pairs of a data folder, look at them in several processes, and say what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from spadework.data.doctor.diagnosis import diagnose
from spadework.data.doctor.finding import Case, Finding
from spadework.data.doctor.look_at_all import Progress, evenly_spread, look_at_all
from spadework.data.doctor.report import GroupCount, Report
from spadework.data.folder import common_ontology, data_folders, pack_of
from spadework.data.ontology import Ontology
from spadework.data.pairs import Listing, every_split, list_pairs, splits_of


@dataclass(frozen=True)
class Group:
    """The pairs of one split of one folder."""

    name: str
    listing: Listing


def examine(
    root: str | Path,
    *,
    split: str | None = None,
    ontology: Ontology | None = None,
    limit: int | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Look at a data folder, or at the folders that an ontology with `from_pack` merges.

    `split` leaves the other splits out; `limit` is the number of pairs, evenly spread, that are looked at (all unless
    given). `workers` processes do it; 0 or 1: this one. Wrong data are findings in the report; ValueError says that the
    folder, its split or its ontology is missing or can't be read.
    """
    root = Path(root)
    if not root.exists():
        raise ValueError(f"{root}: there is no such folder")
    ontology = ontology or common_ontology([root])
    groups, broken = _survey(data_folders(root), split, ontology)
    pairs = [(group.name, pair) for group in groups for pair in group.listing.pairs]
    chosen = pairs if limit is None else evenly_spread(pairs, limit)
    facts = list(look_at_all(chosen, ontology, workers, progress))
    findings = broken + diagnose(facts, [group.listing for group in groups], ontology)
    counts = [
        GroupCount(group.name, len(group.listing.pairs), sum(fact.group == group.name for fact in facts))
        for group in groups
    ]
    return Report(root, ontology, limit is not None, tuple(counts), tuple(findings), tuple(facts))


def _survey(folders: list[Path], split: str | None, ontology: Ontology) -> tuple[list[Group], list[Finding]]:
    """The groups, and what keeps a split from being one."""
    groups, broken = [], []
    for folder in folders:
        pack = pack_of(folder, ontology)
        splits: list[str | None] = [split]
        if split is None and splits_of(folder):
            splits = [*sorted(every_split(folder))]
        for name in splits:
            try:
                listing = list_pairs(folder, name)
            except ValueError as error:
                # One folder alone: there is nothing to look at. One of several splits: the others can be.
                if len(splits) == 1 and len(folders) == 1:
                    raise
                cure = "a split holds a folder of photos and a folder of label maps; add what is missing, or remove it"
                case = Case(folder / str(name or ""))
                broken.append(Finding("unusable-split", "error", str(error), cure, (case,)))
                continue
            listing = replace(listing, pairs=[replace(pair, pack=pack) for pair in listing.pairs])
            label = name or "all"
            groups.append(Group(f"{folder.name}/{label}" if len(folders) > 1 else label, listing))
    if not groups:
        raise ValueError("; ".join(finding.seen for finding in broken))
    return groups, broken
