"""Ids: which numbers label maps hold, and what the wrong ones most likely mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import gcd

import numpy as np

from spadework.data.doctor.facts import LabelFacts, PairFacts
from spadework.data.doctor.finding import LEAVE_OUT, Finding, Repair, count, label_cases
from spadework.data.doctor.repairs import map_ids, smoothed_pixels, snap_edges, unknown_pixels
from spadework.data.doctor.stored import Stored
from spadework.data.ontology import Ontology
from spadework.data.unknown_ids import explain_unknown

BANDS = 0.25
"""Share of edges with in-between ids from which a label map counts as smoothed; drawn ones have a few per cent."""
EDGES = 8
"""Fewer edges tell nothing."""
DONT_CARE = (255, 65535)
"""The ids that data sets commonly use for "don't care"."""


def smoothed(label: LabelFacts) -> bool:
    """Whether ids were interpolated at the edges of a label map."""
    bands, edges = label.bands
    return edges >= EDGES and bands >= BANDS * edges


def find_ids(facts: list[PairFacts], ontology: Ontology) -> list[Finding]:
    """What is wrong with the ids of one group (a split, or one pack's split), in the order of how sure it is."""
    bad = [fact for fact in facts if fact.label.unknown]
    found = _smoothed(facts)
    bad = [fact for fact in bad if not smoothed(fact.label)]
    pack = facts[0].pair.pack if facts else None
    if bad and pack is None:
        sharp = [fact for fact in facts if not smoothed(fact.label) and fact.label.present]
        explained = _mask(bad, sharp, ontology) or _undeclared(bad, sharp) or _renumbered(bad, sharp, ontology)
        if explained:
            return [*found, explained]
    return found + _unknown(bad, ontology, pack) + _only_masks(facts, ontology)


def _smoothed(facts: list[PairFacts]) -> list[Finding]:
    soft = [fact for fact in facts if smoothed(fact.label)]
    if not soft:
        return []
    refused = [fact for fact in soft if fact.label.unknown]
    seen = (
        f"{count(len(soft), 'label map')} with ids between those of two neighbours along the edges: "
        "it was resized or saved with smoothing (anti-aliasing), which mixes ids"
    )
    cure = "make them anew with nearest neighbour and without anti-aliasing"
    cases = label_cases(soft, lambda fact: f"at {fact.label.bands[0]} of {fact.label.bands[1]} edges")
    repair = Repair("in-between ids snapped to the class beside them", snap_edges)
    severity = "error" if refused else "warning"
    return [Finding("smoothed-edges", severity, seen, cure, cases, repair, smoothed_pixels)]  # type: ignore[arg-type]


def _mask(bad: list[PairFacts], facts: list[PairFacts], ontology: Ontology) -> Finding | None:
    """Black-and-white masks."""
    if not all(set(fact.label.present) <= {0, 255} for fact in bad):
        return None
    listed = sorted(one.id for one in ontology.classes)
    seen = f"{count(len(bad), 'label map')} with only 0 and 255: 0/255 masks saved as pictures"
    if any(not set(fact.label.present) <= {0, 255} for fact in facts):
        return None
    repair = None
    cure = "write class ids instead of 0 and 255, or give the white class the id 255 in the ontology"
    if len(listed) == 2:
        cure = f"write {listed[1]} instead of 255: the ontology has the classes {listed[0]} and {listed[1]}"
        repair = Repair(f"0 and 255 -> {listed[0]} and {listed[1]}", _mapping({0: listed[0], 255: listed[1]}))
    return Finding("mask-0-255", "error", seen, cure, label_cases(bad), repair, unknown_pixels)


def _only_masks(facts: list[PairFacts], ontology: Ontology) -> list[Finding]:
    """Masks where 255 is declared as unlabelled, so that nothing but one class is left."""
    present = {id for fact in facts for id in fact.label.present}
    if present != {0, 255} or 255 not in ontology.unlabelled or len(facts) < 2:
        return []
    seen = f"all {count(len(facts), 'label map')} hold only 0 and 255, and 255 means unlabelled: 0/255 masks?"
    listed = sorted(one.id for one in ontology.classes)
    cure = f"if white means a class, write its id instead of 255; the ontology has ids {listed[0]}..{listed[-1]}"
    return [Finding("mask-0-255", "warning", seen, cure, label_cases(facts))]


def _undeclared(bad: list[PairFacts], facts: list[PairFacts]) -> Finding | None:
    """An id for "don't care" that the ontology doesn't declare."""
    unknown = {id for fact in bad for id in fact.label.unknown}
    if len(unknown) != 1 or not unknown <= set(DONT_CARE):
        return None
    (id,) = unknown
    pixels = sum(fact.label.unknown[id] for fact in bad)
    seen = f'id {id} in {count(len(bad), "label map")} ({pixels} pixels), which is usually "don\'t care"'
    cure = f'declare it in the ontology: "unlabelled": [{id}]'
    repair = Repair(f'the ontology declares "unlabelled": [{id}]', unlabelled=(id,))
    return Finding("unlabelled-undeclared", "error", seen, cure, label_cases(bad, _amounts), repair, unknown_pixels)


def _renumbered(bad: list[PairFacts], facts: list[PairFacts], ontology: Ontology) -> Finding | None:
    """Ids that are the ontology's after one simple sum, all over the group."""
    present = sorted({id for fact in facts for id in fact.label.present})
    known = set(ontology.known_ids())
    for name, words, cure, after in _sums(present, ontology):
        # Every id is changed; or all but those that mean unlabelled.
        for stay in (set(), set(ontology.unlabelled) & set(present)):
            table = {id: after(id) for id in present if id not in stay}
            if table and set(table.values()) <= known and len(set(table.values())) == len(table):
                seen = f"{words}: ids {_listed(present)}, where the ontology has {_listed(sorted(known))}"
                moved = {before: int(new) for before, new in table.items() if new is not None}
                repair = Repair(f"ids changed: {cure}", _mapping(moved))
                cases = label_cases(facts, lambda fact: f"holds {_listed(list(fact.label.present))}")
                cure = f"write {cure} in every label map"
                return Finding(name, "error", seen, cure, cases, repair, unknown_pixels)
    return None


def _sums(present: list[int], ontology: Ontology) -> list[tuple[str, str, str, Callable[[int], int | None]]]:
    """(name, what was seen, the cure, id -> what it was meant to be or None) of the usual mistakes."""
    listed = len(ontology.classes)
    luma = _luma(ontology)
    sums: list[tuple[str, str, str, Callable[[int], int | None]]] = [
        ("ids-shifted", "ids count one too high: did you mean id - 1?", "id - 1", lambda id: id - 1),
        ("ids-shifted", "ids count one too low: did you mean id + 1?", "id + 1", lambda id: id + 1),
        ("ids-inverted", "ids are inverted: did you mean 255 - id?", "255 - id", lambda id: 255 - id),
    ]
    step = gcd(*present)
    if step > 1 and len(present) > 2:
        words = f"ids are multiples of {step}, stretched to be visible"
        sums.append(("ids-stretched", words, f"id / {step}", lambda id: id // step))
    if listed > 2 and len(present) > 2:
        spread = {round(rank * 255 / (listed - 1)): one for rank, one in enumerate(sorted(_ids(ontology)))}
        words = "ids are stretched over 0..255 to be visible"
        sums.append(("ids-stretched", words, f"id * {listed - 1} / 255", lambda id: spread.get(id)))
    words = "ids are the brightness of the classes' colours: a coloured label map was turned grey"
    sums.append(("colours-turned-grey", words, "each class's id", lambda id: luma.get(id)))
    return sums


def _unknown(bad: list[PairFacts], ontology: Ontology, pack: str | None) -> list[Finding]:
    if not bad:
        return []
    files: dict[int, int] = {}
    pixels: dict[int, int] = {}
    for fact in bad:
        for id, amount in fact.label.unknown.items():
            files[id], pixels[id] = files.get(id, 0) + 1, pixels.get(id, 0) + amount
    amounts = {id: f"{count(files[id], 'file')} ({pixels[id]} pixels)" for id in sorted(files)}
    present = sorted({id for fact in bad for id in fact.label.present})
    text = explain_unknown(amounts, present, ontology.known_ids(pack), ontology.name, pack)
    seen, _, cure = text.partition(": ")
    cases = label_cases(bad, _amounts)
    mark = unknown_pixels if pack is None else None
    return [Finding("unknown-ids", "error", seen, cure, cases, LEAVE_OUT, mark)]


def _amounts(fact: PairFacts) -> str:
    unknown = sorted(fact.label.unknown.items(), key=lambda item: -item[1])
    total = (fact.label.size[0] * fact.label.size[1]) if fact.label.size else 1
    shown = ", ".join(f"id {id} in {pixels / total:.2%} of the pixels" for id, pixels in unknown[:3])
    return shown + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")


def _mapping(table: dict[int, int]) -> partial[Stored]:
    return partial(map_ids, table=table)


def _luma(ontology: Ontology) -> dict[int, int]:
    """Brightness of a class's colour, as pictures are turned grey -> its id; those of two classes are left out."""
    colors = ontology.colors().numpy().astype(np.int64)
    grey = ((colors * (19595, 38470, 7471)).sum(1) + 0x8000) >> 16
    table: dict[int, list[int]] = {}
    for value, id in zip(grey.tolist(), ontology.channel_ids, strict=True):
        table.setdefault(value, []).append(id)
    return {value: ids[0] for value, ids in table.items() if len(ids) == 1}


def _ids(ontology: Ontology) -> Iterable[int]:
    return (one.id for one in ontology.classes)


def _listed(ids: list[int]) -> str:
    """Sorted ids in few words."""
    if len(ids) > 2 and ids == list(range(ids[0], ids[-1] + 1)):
        return f"{ids[0]}..{ids[-1]}"
    return ", ".join(map(str, ids[:8])) + (", ..." if len(ids) > 8 else "")
