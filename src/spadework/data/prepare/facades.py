"""CMP Facade Database: rectified facades with 12 classes, in two parts (base and extended).

Label maps are palette PNGs whose indices are the ids 1..12; they stay as they are. The owners name no splits: ours are
drawn by seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from spadework.data.prepare.making import CopyLabelMap, copy_photo
from spadework.data.prepare.plan import Output, Plan, paired
from spadework.data.prepare.shares import Shares, draw_splits
from spadework.data.prepare.source import SourceTree
from spadework.data.shipped import shipped_ontology

PUBLISHED = {"cmp_b": ("CMP_facade_DB_base.zip", 378), "cmp_x": ("CMP_facade_DB_extended.zip", 228)}
HOME = "cmp.felk.cvut.cz/~tylecr1/facade"

_PHOTO = re.compile(r"(?:^|/)(cmp_[bx]\d{4})\.jpg$")
_LABEL = re.compile(r"(?:^|/)(cmp_[bx]\d{4})\.png$")


@dataclass(frozen=True)
class Facades(Shares):
    """CMP Facade Database, 12 classes: 606 pairs, split by seed.

    From CMP_facade_DB_base.zip and CMP_facade_DB_extended.zip (cmp.felk.cvut.cz/~tylecr1/facade).
    """

    name: ClassVar[str] = "facades"
    archives: ClassVar[tuple[str, ...]] = ("CMP_facade_DB_*",)

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        return self.shares()

    def plan(self, tree: SourceTree) -> Plan:
        """Photos and label maps as they are."""
        ontology = shipped_ontology("facades")
        photos = {("", key[0]): file for key, file in tree.match(_PHOTO).items()}
        labels = {("", key[0]): file for key, file in tree.match(_LABEL).items()}
        if not photos or not labels:
            what = "photos (cmp_b0001.jpg)" if not photos else "label maps (cmp_b0001.png)"
            raise ValueError(
                f"{tree.root}: no {what} in it; they are in {' and '.join(name for name, _ in PUBLISHED.values())} "
                f"({HOME}). Found {tree.content()}. Put these archives, or what is in them, into {tree.root}"
            )
        paired(str(tree.root), photos, labels, ("photos", "label maps"), "Was unpacking interrupted? Unpack it again")
        notes = ["the owners name no splits: these are spadework's own, drawn by seed"]
        for part, (archive, published) in PUBLISHED.items():
            count = sum(name.startswith(part) for _, name in photos)
            if count != published:
                notes.append(f"{archive} has {published} pairs, here are {count}")

        # A split for each name.
        splits = draw_splits(sorted(name for _, name in photos), self)
        outputs = []
        for (_, name), photo in sorted(photos.items()):
            outputs.append(Output(f"{splits[name]}/photos/{name}.jpg", photo, copy_photo))
            outputs.append(Output(f"{splits[name]}/labels/{name}.png", labels["", name], CopyLabelMap(ontology)))
        return Plan(outputs, ontology, notes)
