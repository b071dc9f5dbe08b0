"""The shipped ontologies: what their owners published, and the released networks' channels."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.data.label_map import read_label_map
from spadework.data.ontology import Ontology
from spadework.data.shipped import SHIPPED, find_ontology, ontology_of_preset, shipped_ontology
from spadework.systems import PRESETS

DATA = Path(os.environ.get("SPADEWORK_DATA", ""))
needs_data = pytest.mark.skipif("SPADEWORK_DATA" not in os.environ, reason="SPADEWORK_DATA names no folder")

# Name, classes listed, channels with unlabelled, its index, ids that mean it, things.
FACTS = [
    ("coco-stuff", 182, 183, 182, (182, 255), 91),
    ("flickr-landscapes", 182, 183, 182, (182, 255), 91),
    ("gaugan-demo", 32, 33, 32, (182, 255), 0),
    ("ade20k", 151, 151, 0, (0,), 100),
    ("ade20k-outdoor", 151, 151, 0, (0,), 100),
    ("cityscapes", 35, 35, 0, (0,), 10),
    ("cityscapes-19", 19, 20, 19, (255,), 8),
    ("facades", 13, 13, 0, (0,), 8),
    ("landscapes", 13, 14, 13, (255,), 2),
]


@pytest.mark.parametrize(("name", "classes", "channels", "index", "unlabelled", "things"), FACTS)
def test_sizes(name: str, classes: int, channels: int, index: int, unlabelled: tuple[int, ...], things: int) -> None:
    ontology = shipped_ontology(name)
    assert (ontology.name, len(ontology.classes), ontology.channels) == (name, classes, channels)
    assert (ontology.unlabelled_index, ontology.unlabelled) == (index, unlabelled)
    assert sum(each.thing for each in ontology.classes) == things


def test_all_are_looked_at() -> None:
    assert set(SHIPPED) == {name for name, *_ in FACTS}


@pytest.mark.parametrize("name", SHIPPED)
def test_files(tmp_path: Path, name: str) -> None:
    ontology = Ontology.read(SHIPPED[name])
    assert ontology.note, "it says where ids, names and colours come from"
    assert len({each.color for each in ontology.classes}) == len(ontology.classes), "each class can be painted"
    if name != "facades":
        missing = [each.name for each in ontology.classes if each.group is None and each.id not in ontology.unlabelled]
        assert missing == []

    # Nothing is lost on the way through a file, not even the order of the entries.
    ontology.write(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(SHIPPED[name].read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_painted_and_read_again(name: str) -> None:
    ontology = shipped_ontology(name)
    index = torch.arange(ontology.channels).repeat(2, 1)
    assert torch.equal(read_label_map(ontology.colorize(index).numpy(), ontology), index)


@pytest.mark.parametrize("name", ["coco-stuff", "ade20k", "cityscapes", "facades"])
def test_ids_are_the_channels_of_the_released_networks(name: str) -> None:
    ontology = shipped_ontology(name)
    listed = [each.id for each in ontology.classes]
    assert listed == list(range(len(listed)))
    assert ontology.to_index(torch.tensor(listed)).tolist() == listed


def test_the_ids_that_files_hold_for_unlabelled() -> None:
    assert shipped_ontology("coco-stuff").to_index(np.array([0, 181, 182, 255])).tolist() == [0, 181, 182, 182]
    assert shipped_ontology("cityscapes-19").to_index(np.array([18, 255])).tolist() == [18, 19]

    # Files of the other kind are not taken for these.
    with pytest.raises(ValueError, match="label 255"):
        shipped_ontology("cityscapes").to_index(np.array([0, 18, 255]))


def test_sets_that_share_their_classes() -> None:
    for name, other in (("ade20k-outdoor", "ade20k"), ("flickr-landscapes", "coco-stuff")):
        assert replace(shipped_ontology(name), name=other) == shipped_ontology(other)


def test_cityscapes_19_are_cityscapes_classes() -> None:
    by_name = {each.name: each for each in shipped_ontology("cityscapes").classes}
    for each in shipped_ontology("cityscapes-19").classes:
        assert replace(by_name[each.name], id=each.id) == each
    names = [each.name for each in shipped_ontology("cityscapes-19").classes]
    assert names[:3] == ["road", "sidewalk", "building"] and names[18] == "bicycle"
    assert (by_name["road"].id, by_name["bicycle"].id) == (7, 33)


# The GauGAN demo.


def test_the_red_byte_of_the_demo_is_the_id() -> None:
    coco = {each.id: each.name for each in shipped_ontology("coco-stuff").classes}
    for each in shipped_ontology("gaugan-demo").classes:
        assert each.color[0] == each.id
        assert coco[each.id] in (each.name, f"{each.name}-other")


def test_a_map_of_the_demo_becomes_one_of_coco_stuff(tmp_path: Path) -> None:
    demo, coco = shipped_ontology("gaugan-demo"), shipped_ontology("coco-stuff")
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:2], picture[2:, :3], picture[2:, 3:] = (0x9C, 0xEE, 0xDD), (0xA8, 0xC8, 0x32), (0x69, 0x69, 0x69)
    Image.fromarray(picture).save(tmp_path / "old.png")
    label_map = coco.to_index(demo.to_ids(read_label_map(tmp_path / "old.png", demo)))
    assert np.array_equal(label_map.numpy(), picture[..., 0])
    assert [coco.names[index] for index in (156, 168, 105)] == ["sky-other", "tree", "clouds"]


# By name.


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'coco-stuf' is unknown; did you mean 'coco-stuff'\? there are ade20k"):
        shipped_ontology("coco-stuf")


def test_a_file_or_a_name(tmp_path: Path, ontology: Ontology, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ontology.write(tmp_path / "mine.json")
    ontology.write(tmp_path / "facades")
    assert find_ontology("mine.json") == find_ontology(tmp_path / "mine.json") == find_ontology("facades") == ontology
    assert find_ontology("ade20k").channels == 151
    with pytest.raises(ValueError, match=r"ade20: there is no such file, and ontology 'ade20' .* mean 'ade20k'"):
        find_ontology("ade20")
    with pytest.raises(ValueError, match=r"folder/ade20k: can't read the ontology"):
        find_ontology("folder/ade20k")


def test_presets_and_their_ontologies() -> None:
    found = {name: ontology_of_preset(name) for name in PRESETS["spade"]}
    assert [name for name, ontology in found.items() if ontology is None] == ["tiny"]
    for name, ontology in found.items():
        if ontology is not None:
            assert ontology.channels == PRESETS["spade"][name].config.classes
    assert ontology_of_preset(None) is None


# Against what the owners' own files say.


@needs_data
def test_names_of_coco_stuff() -> None:
    theirs = Ontology.read(DATA / "cocostuff-samples" / "classes.json")
    assert shipped_ontology("coco-stuff").names[:182] == theirs.names[:182]


@needs_data
def test_names_of_ade20k() -> None:
    lines = (DATA / "ade20k-samples" / "objectInfo150.txt").read_text().splitlines()[1:]
    theirs = {int(line.split("\t")[0]): line.split("\t")[4].split(",")[0].strip() for line in lines if line}
    assert {each.id: each.name for each in shipped_ontology("ade20k").classes[1:]} == theirs
    assert len(theirs) == 150


@needs_data
@pytest.mark.parametrize(
    ("name", "pattern"), [("coco-stuff", "cocostuff-samples/*_label/*.png"), ("ade20k", "ade20k-samples/annotations/*")]
)
def test_real_label_maps(name: str, pattern: str) -> None:
    files = sorted(DATA.glob(pattern))
    assert files
    for file in files:
        label_map = read_label_map(file, shipped_ontology(name))
        stored = torch.from_numpy(np.array(Image.open(file), dtype=np.int64))
        expected = stored.masked_fill(stored == 255, 182) if name == "coco-stuff" else stored
        assert torch.equal(label_map, expected)
