"""Instance maps of COCO-Stuff."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.prepare import CocoStuff, prepare
from tests.data.prepare import owners
from tests.data.prepare.owners import lay_out

pytest.importorskip("pycocotools", reason="pycocotools is missing; it comes with the extra `datasets`")


def instance_and_label_map(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    name = "000000000001.png"
    instance_map = np.asarray(Image.open(folder / "train" / "instances" / name))
    return instance_map, np.asarray(Image.open(folder / "train" / "labels" / name)).astype(instance_map.dtype)


def test_polygons_are_painted_over_the_label_map(tmp_path: Path) -> None:
    prepare(CocoStuff(), lay_out(owners.coco_stuff(), tmp_path / "down", "zip"), tmp_path / "out")
    instance_map, label_map = instance_and_label_map(tmp_path / "out")
    assert instance_map.dtype == np.uint16

    # Two objects, the later one over the earlier, one of them in two pieces; the crowd is none.
    expected = np.where(label_map == 255, 182, label_map)
    expected[2:10, 2:10] = 1000
    expected[2:10, 8:20] = 1001
    inside = np.array([[column - 24 > row - 16 for column in range(32)] for row in range(24)])
    triangle = instance_map[16:22, 24:30]
    assert (triangle[inside[16:22, 24:30]] == 1001).all() and (triangle != 1001).any()
    assert np.array_equal(instance_map[:16], expected[:16])
    assert np.array_equal(instance_map[22:], expected[22:]) and np.array_equal(instance_map[:, :24], expected[:, :24])


def test_without_instance_maps(tmp_path: Path) -> None:
    archives = owners.coco_stuff()
    del archives["annotations_trainval2017"]
    prepare(CocoStuff(instances=False), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")
    assert {entry.name for entry in (tmp_path / "out" / "val").iterdir()} == {"photos", "labels"}


@pytest.mark.parametrize("content", [b'{"annotations": [{"image_id"', b"[1, 2]", b'{"annotations": 3}', b"\xff\xfe"])
def test_damaged_annotations_are_named(content: bytes, tmp_path: Path) -> None:
    archives = owners.coco_stuff()
    archives["annotations_trainval2017"]["annotations/instances_val2017.json"] = content
    with pytest.raises(ValueError, match=r"instances_val2017\.json: not COCO's instance annotations"):
        prepare(CocoStuff(), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")


def test_photos_without_objects_have_their_label_map(tmp_path: Path) -> None:
    archives = owners.coco_stuff()
    nothing = json.dumps({"annotations": [], "images": []}).encode()
    archives["annotations_trainval2017"]["annotations/instances_train2017.json"] = nothing
    prepare(CocoStuff(), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")
    instance_map, label_map = instance_and_label_map(tmp_path / "out")
    assert np.array_equal(instance_map, np.where(label_map == 255, 182, label_map))
