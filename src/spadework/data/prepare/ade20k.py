"""ADE20K, the 150 classes of its scene parsing challenge, from either of the two archives that are called ADE20K.

ADEChallengeData2016 is what the papers use: photos of at least 512 pixels on the short side, label maps with ids 0
(anything else) and 1..150, which stay as they are. ADE20K_2016_07_26, the full release, holds the same photos in their
own sizes and more than 3000 classes in folders by scene; its classes become the 150 by the table in `ade20k_full`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from spadework.data.prepare.ade20k_full import FULL_PHOTOS, ConvertFullRelease, full_release, full_seg_maps
from spadework.data.prepare.making import CopyLabelMap, copy_photo
from spadework.data.prepare.plan import Key, Output, Part, Plan, chosen_splits, count_note, paired
from spadework.data.prepare.source import SourceFile, SourceTree
from spadework.data.shipped import shipped_ontology

SPLITS = {"training": "train", "validation": "val"}
PUBLISHED = {"train": 20210, "val": 2000}
ARCHIVES = ("ADEChallengeData2016*", "ADE20K_*")

_ARCHIVE = "ADEChallengeData2016.zip (sceneparsing.csail.mit.edu, the scene parsing challenge of 2016)"
PHOTOS = Part(
    "photos",
    re.compile(r"(?:^|/)images/(training|validation)/(ADE_[a-z]+_\d{8})\.jpg$"),
    "ADEChallengeData2016/images/training/ADE_train_00000001.jpg",
    _ARCHIVE,
)
LABELS = Part(
    "label maps",
    re.compile(r"(?:^|/)annotations/(training|validation)/(ADE_[a-z]+_\d{8})\.png$"),
    "ADEChallengeData2016/annotations/training/ADE_train_00000001.png",
    _ARCHIVE,
)


@dataclass(frozen=True)
class Ade20k:
    """ADE20K, 150 classes and 0 for all else: 20,210 + 2,000 pairs.

    From ADEChallengeData2016.zip (sceneparsing.csail.mit.edu), as in the papers, or from ADE20K_2016_07_26.zip, the
    full release, whose photos keep their own sizes.
    """

    name: ClassVar[str] = "ade20k"
    archives: ClassVar[tuple[str, ...]] = ARCHIVES

    splits: tuple[str, ...] = ()
    """train, val; both unless given."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        return {"splits": [*chosen_splits(self.splits, SPLITS).values()]}

    def plan(self, tree: SourceTree) -> Plan:
        """Photos and label maps as they are, or the full release's label maps converted."""
        splits = chosen_splits(self.splits, SPLITS)
        photos, labels, make, notes = find_ade20k(tree, splits)
        outputs = ade20k_outputs(photos, labels, make)
        return Plan(outputs, shipped_ontology("ade20k"), notes + count_note(PUBLISHED, splits.values(), photos))


Found = tuple[dict[Key, SourceFile], dict[Key, SourceFile], "CopyLabelMap | ConvertFullRelease", list[str]]
"""Photos, label maps, what makes ours of theirs, and notes."""


def find_ade20k(tree: SourceTree, splits: dict[str, str]) -> Found:
    """The files of either archive; raises ValueError when it is neither, or both, or incomplete."""
    ontology, full = shipped_ontology("ade20k"), full_release(tree)
    if full and tree.match(LABELS.pattern):
        raise ValueError(
            f"{tree.root}: both the scene parsing challenge (annotations/) and the full release of ADE20K (_seg.png) "
            "are there; name the folder or archive of one of them"
        )
    if full:
        photos, labels = FULL_PHOTOS.find(tree, splits), full_seg_maps(tree, splits)
        make: CopyLabelMap | ConvertFullRelease = ConvertFullRelease(ontology)
        notes = [
            "this is the full release of ADE20K: classes become the 150 of the scene parsing challenge, photos keep "
            "their own sizes; the papers used ADEChallengeData2016.zip, whose photos are smaller"
        ]
    else:
        photos, labels = PHOTOS.find(tree, splits), LABELS.find(tree, splits)
        make, notes = CopyLabelMap(ontology), []
    paired(str(tree.root), photos, labels, ("photos", "label maps"), "Was unpacking interrupted? Unpack it again")
    return photos, labels, make, notes


def ade20k_outputs(
    photos: dict[Key, SourceFile], labels: dict[Key, SourceFile], make: CopyLabelMap | ConvertFullRelease
) -> list[Output]:
    """A photo and a label map for each key of `photos`."""
    outputs = []
    for split, name in sorted(photos):
        outputs.append(Output(f"{split}/photos/{name}.jpg", photos[split, name], copy_photo))
        outputs.append(Output(f"{split}/labels/{name}.png", labels[split, name], make))
    return outputs
