"""Goldens of kind "pipeline": raw files through our data code give what the original's loader gave."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spadework.data.label_map import read_instance_map, read_label_map, read_photo
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.preprocess import Preprocess, geometry_at, preprocess
from spadework.sample import unpack
from spadework.semantics import instance_edges
from tests.goldens.case import Case

# What the original takes where a mode's config leaves a size open: load size in training, at test time, crop, aspect.
DEFAULTS = {
    "coco": (286, 256, 256, 1.0),
    "ade20k": (286, 256, 256, 1.0),
    "facades": (286, 256, 256, 1.0),
    "custom": (286, 256, 256, 1.0),
    "cityscapes": (512, 512, 512, 2.0),
}

OTHER_JPEG_DECODER = 2
"""How far pixels may be off where this machine decodes the photo to other bytes than the original's."""


def run(folder: Path) -> None:
    """Assert every tensor of one case."""
    case = Case(folder)
    config, files = case.config, Files(case)
    seen: set[str] = set()
    for name, mode in config["modes"].items():
        made = make(config, mode, files)
        keys = {key for key in case.outputs if key.startswith(f"{name}/")}
        assert keys, f"{case.name}: mode {name} has no outputs"
        for key in sorted(keys):
            compare(case, key, made, files.same_photo)
        seen |= keys
    assert seen == set(case.outputs), f"{case.name}: outputs of no mode: {sorted(set(case.outputs) - seen)}"


class Files:
    """The raw files of a case, checked against what the original decoded."""

    def __init__(self, case: Case) -> None:
        raw, folder = case.facts["raw_files"], case.folder.parent / "coco_samples"
        unknown = set(raw) - {"image", "label", "instance"}
        assert not unknown, f"{case.name}: unknown raw files {sorted(unknown)}"
        config = case.config
        self.photo = read_photo(folder / raw["image"]["file"])
        self.label_map = read_label_map(folder / raw["label"]["file"], identity_ontology(config["label_nc"]))
        self.instance_map = None
        if not config.get("no_instance", "instance" not in raw):
            self.instance_map = read_instance_map(folder / raw["instance"]["file"])

        # Only a photo may be decoded differently: its format leaves decoders some freedom.
        assert (
            sha256(read_instance_map(folder / raw["label"]["file"]).numpy().astype(np.uint8))
            == (raw["label"]["decoded_sha256"])
        )
        self.same_photo = sha256(np.asarray(self.photo)) == raw["image"]["decoded_sha256"]
        assert np.asarray(self.photo).shape == tuple(raw["image"]["decoded_shape"])
        if self.instance_map is not None:
            dtype = np.dtype(raw["instance"]["decoded_dtype"])
            assert sha256(self.instance_map.numpy().astype(dtype)) == raw["instance"]["decoded_sha256"]


def identity_ontology(label_nc: int) -> Ontology:
    """The original's reading of label files: every value stays, only 255 becomes `label_nc`."""
    classes = tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(255))
    return Ontology("original", classes, unlabelled=(label_nc, 255))


def make(config: dict[str, Any], mode: dict[str, Any], files: Files) -> dict[str, Tensor]:
    """The tensors that our data code makes of the raw files in one mode."""
    dataset = mode.get("dataset_mode", config["dataset_mode"])
    load_train, load_test, crop, aspect = DEFAULTS[dataset]
    settings = Preprocess(
        mode=mode.get("preprocess_mode", "fixed" if dataset == "cityscapes" else "resize_and_crop"),
        load_size=mode.get("load_size", load_train if mode.get("isTrain") else load_test),
        crop_size=mode.get("crop_size", crop),
        aspect_ratio=mode.get("aspect_ratio", aspect),
        parity=True,
    )
    x, y = mode["crop_pos_xy"]
    height, width = files.label_map.shape
    geometry = geometry_at(settings, (width, height), (x, y), mode["flip_applied"])
    photo, label_map, instance_map = preprocess(files.photo, files.label_map, files.instance_map, geometry)
    assert photo is not None
    made = {"label": label_map[None], "image": unpack(photo), "image_u8": photo}
    if instance_map is not None:
        made["instance"] = instance_map[None]
        made["edges"] = instance_edges(instance_map[None])
    return made


def compare(case: Case, key: str, made: dict[str, Tensor], same_photo: bool) -> None:
    """One output within its tolerance; an output that we don't make is a failure."""
    what = key.rsplit("/", 1)[1]
    assert what in made, f"{case.name}: nothing makes {key}"
    expected = case.outputs[key].double()
    tolerance = case.facts["tolerance"]["atol"][what]
    if not same_photo and what in ("image", "image_u8"):
        tolerance += OTHER_JPEG_DECODER * (1 if what == "image_u8" else 2 / 255)
    actual = made[what].double()
    assert actual.shape == expected.shape, f"{case.name}: {key} is {list(actual.shape)}, not {list(expected.shape)}"
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance, msg=lambda text: f"{case.name}: {key}\n{text}")


def sha256(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
