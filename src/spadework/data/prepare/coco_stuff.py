"""COCO-Stuff: photos of COCO 2017, pixel maps of 182 classes, instance maps drawn from COCO's annotations.

The pixel maps hold 0..181 (the class's number in COCO-Stuff less one) and 255 for unlabelled; they stay as they are. As
in SPADE, an instance map is the label map with every annotated polygon painted over it in the annotations' order, a
number per object; crowds are not objects. Only the edges between numbers count. Here objects are numbered from 1000, so
that none of them looks like a class, and drawn by COCO's own library, so that their edges fit those of the pixel maps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from spadework.data.label_map import read_label_map
from spadework.data.ontology import Ontology
from spadework.data.prepare.making import CopyLabelMap, copy_photo, open_picture, png_bytes
from spadework.data.prepare.plan import Made, Output, Part, Plan, chosen_splits, count_note, paired
from spadework.data.prepare.source import SourceFile, SourceTree
from spadework.data.shipped import shipped_ontology

Polygons = Sequence[np.ndarray]
"""The outline of one object: x, y, x, y, ... in pixels, possibly in several pieces."""

SPLITS = {"train": "train", "val": "val"}
PUBLISHED = {"train": 118287, "val": 5000}

PHOTOS = Part(
    "photos",
    re.compile(r"(?:^|/)(train|val)2017/(\d{12})\.jpg$"),
    "train2017/000000000009.jpg",
    "train2017.zip and val2017.zip (cocodataset.org, 2017 Train and Val images)",
)
LABELS = Part(
    "pixel maps",
    re.compile(r"(?:^|/)(train|val)2017/(\d{12})\.png$"),
    "train2017/000000000009.png",
    "stuffthingmaps_trainval2017.zip (github.com/nightrome/cocostuff); the stuff-only maps "
    "stuff_train2017_pixelmaps.zip of cocodataset.org are others",
)
ANNOTATIONS = re.compile(r"(?:^|/)instances_(train|val)2017\.json$")

FIRST_OBJECT = 1000


@dataclass(frozen=True)
class CocoStuff:
    """COCO-Stuff, 182 classes: 118,287 + 5,000 pairs with instance maps.

    From train2017.zip, val2017.zip, annotations_trainval2017.zip (cocodataset.org) and stuffthingmaps_trainval2017.zip
    (github.com/nightrome/cocostuff).
    """

    name: ClassVar[str] = "coco-stuff"
    archives: ClassVar[tuple[str, ...]] = (
        *("train2017", "val2017", "annotations_trainval2017", "stuffthingmaps_trainval2017"),
    )

    splits: tuple[str, ...] = ()
    """train, val; both unless given."""
    instances: bool = True
    """Draw instance maps from instances_{train,val}2017.json; needs `pip install "spadework[datasets]"`."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        return {"splits": [*chosen_splits(self.splits, SPLITS).values()], "instances": self.instances}

    def plan(self, tree: SourceTree) -> Plan:
        """Photos and pixel maps as they are, instance maps from the pixel maps and annotations."""
        splits, ontology = chosen_splits(self.splits, SPLITS), shipped_ontology("coco-stuff")
        photos, labels = PHOTOS.find(tree, splits), LABELS.find(tree, splits)
        cure = f"The pixel maps are in {LABELS.archive}; to prepare one split alone, give --splits"
        paired(str(tree.root), photos, labels, ("photos", "pixel maps"), cure)
        outputs = []
        for split, name in sorted(photos):
            outputs.append(Output(f"{split}/photos/{name}.jpg", photos[split, name], copy_photo))
            outputs.append(Output(f"{split}/labels/{name}.png", labels[split, name], CopyLabelMap(ontology)))
        if self.instances:
            _require_pycocotools()
            annotations = _annotations(tree, splits)
            for split, name in sorted(photos):
                fetch = partial(annotations[split].polygons, int(name))
                draw = DrawInstances(ontology)
                outputs.append(Output(f"{split}/instances/{name}.png", labels[split, name], draw, fetch))
        return Plan(outputs, ontology, count_note(PUBLISHED, splits.values(), photos))


@dataclass(frozen=True)
class DrawInstances:
    """A pixel map and the polygons of its objects -> an instance map of 16 bits."""

    ontology: Ontology

    def __call__(self, content: bytes, name: str, objects: Sequence[Polygons]) -> Made:
        # The library's own masks: it is what the pixel maps were made with.
        from pycocotools import mask as coco_mask

        label_map = self.ontology.to_ids(read_label_map(open_picture(content, name), self.ontology)).numpy()
        instance_map = label_map.astype(np.uint16)
        height, width = instance_map.shape
        for number, polygons in enumerate(objects):
            pieces = coco_mask.frPyObjects([piece.tolist() for piece in polygons], height, width)
            instance_map[coco_mask.decode(coco_mask.merge(pieces)).astype(bool)] = FIRST_OBJECT + number
        return Made((width, height), png_bytes(Image.fromarray(instance_map)))


class Annotations:
    """The objects of all photos of a split, read when first asked for."""

    def __init__(self, tree: SourceTree, file: SourceFile) -> None:
        self._tree = tree
        self._file = file
        self._objects: dict[int, list[Polygons]] | None = None

    def polygons(self, image_id: int) -> tuple[list[Polygons]]:
        """The outlines of a photo's objects in the annotations' order, without crowds."""
        if self._objects is None:
            self._objects = _read_objects(self._tree.read(self._file), self._file)
        return (self._objects.get(image_id, []),)


def _annotations(tree: SourceTree, splits: dict[str, str]) -> dict[str, Annotations]:
    files = tree.match(ANNOTATIONS)
    missing = [split for split in splits if (split,) not in files]
    if missing:
        raise ValueError(
            f"{tree.root}: no instances_{missing[0]}2017.json in it, which instance maps are drawn from; it is in "
            "annotations_trainval2017.zip (cocodataset.org, 2017 Train/Val annotations). Put it there, or leave "
            "instance maps out with --no-instances: edges are then those of the label map"
        )
    return {splits[split]: Annotations(tree, files[(split,)]) for split in splits}


def _read_objects(content: bytes, file: SourceFile) -> dict[int, list[Polygons]]:
    """Photo -> outlines; all else in the file is forgotten while it is read, because it is large."""

    def keep(entry: dict[str, Any]) -> Any:
        if "segmentation" in entry:
            pieces = entry["segmentation"]
            crowd = not isinstance(pieces, list)
            return int(entry["image_id"]), None if crowd else [np.array(piece) for piece in pieces if len(piece) >= 6]
        return entry.get("annotations") if "annotations" in entry else entry if "counts" in entry else None

    try:
        annotations = json.loads(content, object_hook=keep)
        objects: dict[int, list[Polygons]] = {}
        for image_id, polygons in annotations:
            if polygons:
                objects.setdefault(image_id, []).append(polygons)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{file.name}: not COCO's instance annotations ({error}); is the file whole? Download it again"
        ) from None
    return objects


def _require_pycocotools() -> None:
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError:
        raise ValueError(
            'drawing instance maps needs pycocotools: pip install "spadework[datasets]", or leave them out with '
            "--no-instances: edges are then those of the label map"
        ) from None
