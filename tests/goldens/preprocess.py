"""Goldens of kind "preprocess": stored pixels through our data code give what the originals' loaders gave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spadework.data.label_map import read_instance_map, read_label_map, read_photo
from spadework.data.ontology import Ontology
from spadework.data.preprocess import Preprocess, geometry_at, preprocess
from spadework.data.shipped import shipped_ontology
from spadework.sample import unpack
from spadework.semantics import instance_edges
from tests.goldens.case import Case, below
from tests.goldens.pipeline import identity_ontology

COCO_FIRST = "coco-stuff, unlabelled first"

# System -> data set -> the shipped ontology that reads its ids.
ONTOLOGIES = {
    "ccfpse": {"coco": "coco-stuff", "ade20k": "ade20k", "cityscapes": "cityscapes"},
    "oasis": {"coco": COCO_FIRST, "ade20k": "ade20k", "cityscapes": "cityscapes"},
}


def run(case: Case) -> None:
    """Assert every tensor of one case."""
    seen: set[str] = set()
    for name, item in case.config["items"].items():
        made = make(case.system, item, below(case.inputs, name))
        for key in below(case.outputs, name):
            compare(case, f"{name}/{key}", made)
            seen.add(f"{name}/{key}")
    assert seen and seen == set(case.outputs), f"{case.name}: outputs of no item: {sorted(set(case.outputs) - seen)}"


def make(system: str, item: dict[str, Any], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that our data code makes of the pixels of one item."""
    unknown = set(inputs) - {"image_u8", "label_u8", "instance_raw"}
    assert not unknown, f"unknown inputs {sorted(unknown)}"
    instance_map = read_instance_map(inputs["instance_raw"]) if "instance_raw" in inputs else None
    label_map = read_ids(system, item, inputs["label_u8"])
    settings, position, flip = geometry_settings(system, item)
    height, width = label_map.shape
    assert [height, width] == item["source_size"]
    geometry = geometry_at(settings, (width, height), position, flip)
    photo = read_photo(inputs["image_u8"].numpy())
    packed, label_map, instance_map = preprocess(photo, label_map, instance_map, geometry)
    assert packed is not None
    made = {"image": unpack(packed)[None], "label_index": label_map[None, None]}
    if instance_map is not None:
        made["instance"] = instance_map[None, None]
        made["edges"] = instance_edges(instance_map[None])[None]
    return made


def read_ids(system: str, item: dict[str, Any], ids: Tensor) -> Tensor:
    """The ids of an item's file as class indices in the original's order."""
    name = ONTOLOGIES[system].get(item["dataset_mode"])
    if name == COCO_FIRST:
        return read_label_map(ids, coco_first(), pack="coco-stuff")
    ontology = identity_ontology(item["label_nc"]) if name is None else shipped_ontology(name)
    if 255 in ids and 255 not in ontology.known_ids():
        # No file of this set holds 255; the originals would make it label_nc, whatever that is.
        ontology = identity_ontology(item["label_nc"])
    return read_label_map(ids, ontology)


def coco_first() -> Ontology:
    """COCO-Stuff with the numbers of its own name table, 0 being unlabelled; its files hold one less, and 255."""
    stored = shipped_ontology("coco-stuff")
    unlabelled = replace(stored.classes[0], id=0, name="unlabelled", color=(0, 0, 0), thing=False, key=None)
    classes = [unlabelled, *(replace(each, id=each.id + 1) for each in stored.classes)]
    ids = {each.id: each.id + 1 for each in stored.classes} | {255: 0}
    return Ontology(COCO_FIRST, tuple(classes), (0,), {"coco-stuff": ids})


def geometry_settings(system: str, item: dict[str, Any]) -> tuple[Preprocess, tuple[int, int], bool]:
    """Our settings for an item, the place of its crop, and whether it is mirrored."""
    sizes = {name: item[name] for name in ("load_size", "crop_size", "aspect_ratio")}
    if system == "ccfpse":
        settings = Preprocess(mode=item["preprocess_mode"], parity=True, **sizes)
        return settings, tuple(item["crop_pos"] or (0, 0)), item["flip"]
    position = (item["crop_x"], item["crop_y"])
    if position == (None, None):
        return Preprocess(mode="fixed", **sizes), (0, 0), item["flipped"]
    return Preprocess(mode="resize_and_crop", **sizes), position, item["flipped"]


def compare(case: Case, key: str, made: dict[str, Tensor]) -> None:
    """One output: photos within the case's tolerance, everything else exactly."""
    what = key.rsplit("/", 1)[1]
    assert what in made, f"{case.name}: nothing makes {key}"
    actual, expected = made[what].double(), case.outputs[key].double()
    assert actual.shape == expected.shape, f"{case.name}: {key} is {list(actual.shape)}, not {list(expected.shape)}"
    atol = case.facts["tolerance"]["atol"] if what == "image" else 0
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol, msg=lambda text: f"{case.name}: {key}\n{text}")
