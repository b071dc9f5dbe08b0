"""Cityscapes: street scenes of 2048 x 1024 pixels with fine labels (labelIds) and instances (instanceIds).

All files stay as they are; the papers' sizes are made in loading. The labels of the test split were never published
(its files mark little more than the car that carries the camera), so that it is not prepared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from spadework.data.prepare.making import CopyLabelMap, copy_instance_map, copy_photo
from spadework.data.prepare.plan import Output, Part, Plan, chosen_splits, count_note, paired
from spadework.data.prepare.source import SourceTree
from spadework.data.shipped import shipped_ontology

SPLITS = {"train": "train", "val": "val"}
PUBLISHED = {"train": 2975, "val": 500}

PHOTOS = Part(
    "photos",
    re.compile(r"(?:^|/)leftImg8bit/(train|val)/[^/]+/([^/]+)_leftImg8bit\.png$"),
    "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png",
    "leftImg8bit_trainvaltest.zip (cityscapes-dataset.com, after registration)",
)
_FINE = "gtFine_trainvaltest.zip (cityscapes-dataset.com, after registration); gtCoarse holds other ones"
LABELS = Part(
    "label maps",
    re.compile(r"(?:^|/)gtFine/(train|val)/[^/]+/([^/]+)_gtFine_labelIds\.png$"),
    "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png",
    _FINE,
)
INSTANCES = Part(
    "instance maps",
    re.compile(r"(?:^|/)gtFine/(train|val)/[^/]+/([^/]+)_gtFine_instanceIds\.png$"),
    "gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png",
    _FINE,
)


@dataclass(frozen=True)
class Cityscapes:
    """Cityscapes, labelIds and instanceIds: 2,975 + 500 pairs.

    From leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip (cityscapes-dataset.com).
    """

    name: ClassVar[str] = "cityscapes"
    archives: ClassVar[tuple[str, ...]] = ("leftImg8bit_train*", "gtFine_train*")

    splits: tuple[str, ...] = ()
    """train, val; both unless given."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        return {"splits": [*chosen_splits(self.splits, SPLITS).values()]}

    def plan(self, tree: SourceTree) -> Plan:
        """All files as they are."""
        splits, ontology = chosen_splits(self.splits, SPLITS), shipped_ontology("cityscapes")
        photos, labels, instances = (part.find(tree, splits) for part in (PHOTOS, LABELS, INSTANCES))
        cure = "Was unpacking interrupted? Unpack the archives again, or put them there as they are"
        paired(str(tree.root), photos, labels, ("photos", "label maps"), cure)
        paired(str(tree.root), labels, instances, ("label maps", "instance maps"), cure)
        outputs = []
        for split, name in sorted(photos):
            outputs.append(Output(f"{split}/photos/{name}.png", photos[split, name], copy_photo))
            outputs.append(Output(f"{split}/labels/{name}.png", labels[split, name], CopyLabelMap(ontology)))
            outputs.append(Output(f"{split}/instances/{name}.png", instances[split, name], copy_instance_map))
        return Plan(outputs, ontology, count_note(PUBLISHED, splits.values(), photos))
