"""The two archives that are called ADE20K, and its outdoor part."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.prepare import Ade20k, Ade20kOutdoor, prepare
from spadework.data.prepare.ade20k_full import LAST_PLACE, PLACES, SECOND_PLACES
from spadework.data.prepare.outdoor_scenes import is_outdoor
from spadework.data.shipped import shipped_ontology
from tests.data.prepare import owners
from tests.data.prepare.owners import lay_out


def test_the_full_release_becomes_the_150_classes(tmp_path: Path) -> None:
    # Wall, building, door's second place, and a class that is none of the 150.
    archives = owners.ade20k_full((2978, 312, 783, 1))
    prepared = prepare(Ade20k(), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")
    assert "this is the full release of ADE20K" in prepared.notes[0]
    label_map = np.asarray(Image.open(tmp_path / "out/train/labels/ADE_train_00000001.png"))
    assert np.array_equal(label_map, np.array([1, 2, 15, 0])[owners.blocks(1, range(4))])


def test_the_table_of_the_full_release_fits_the_names() -> None:
    # The index of 2016 is in alphabetical order, so the places of the 150 classes must be in that of their names.
    assert len(PLACES) == 150 and set(SECOND_PLACES) <= set(range(1, 151))
    everywhere = [*PLACES, *SECOND_PLACES.values()]
    assert len(set(everywhere)) == 153 and max(everywhere) <= LAST_PLACE
    names = {entry.id: entry.name.lower() for entry in shipped_ontology("ade20k").classes if entry.id}
    by_place = [names[id] for id in sorted(names, key=lambda id: PLACES[id - 1])]
    assert sum(first > second for first, second in pairwise(by_place)) <= 3, by_place


def test_the_release_of_2021_is_recognised(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_full(release=2021), tmp_path / "down", "folder")
    with pytest.raises(ValueError, match=r"full release of ADE20K of 2021 .*Get ADEChallengeData2016\.zip"):
        prepare(Ade20k(), source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_both_archives_together_are_refused(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_full() | owners.ade20k_challenge(), tmp_path / "down", "zip")
    with pytest.raises(ValueError, match=r"both the scene parsing challenge .* and the full release"):
        prepare(Ade20k(), source, tmp_path / "out")
    assert prepare(Ade20k(), source / "ADEChallengeData2016.zip", tmp_path / "out").pairs == {"train": 4, "val": 2}


@pytest.mark.parametrize("place", [3149, 6000])
def test_places_beyond_the_index_are_refused(place: int, tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_full((1, 2, 3, place)), tmp_path / "down", "zip")
    with pytest.raises(
        ValueError, match=r"ADE_train_00000001_seg\.png: its colours code no class of the index of 2016"
    ):
        prepare(Ade20k(), source, tmp_path / "out")


# Outdoors.


def names(folder: Path) -> set[str]:
    return {file.stem for file in folder.glob("*/photos/*.jpg")}


def test_outdoors_goes_by_scene(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")
    prepared = prepare(Ade20kOutdoor(), source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ADE_train_00000002", "ADE_train_00000004", "ADE_val_00000002"}
    assert "3 of 6 photos are outdoors by spadework's own table of scenes" in prepared.notes[0]
    assert prepared.notes[1].endswith("1 photos of scenes that the table does not know are left out: something_new (1)")


def test_outdoors_in_the_full_release_goes_by_folder(tmp_path: Path) -> None:
    prepare(Ade20kOutdoor(), lay_out(owners.ade20k_full(), tmp_path / "down", "folder"), tmp_path / "out")
    assert names(tmp_path / "out") == {"ADE_train_00000001"}  # An abbey; the other one shows a bathroom.


def test_a_list_of_names_decides_alone(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")
    (tmp_path / "list.txt").write_text("ADE_train_00000001\nimages/validation/ADE_val_00000001.jpg\n")
    prepare(Ade20kOutdoor(list=tmp_path / "list.txt"), source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ADE_train_00000001", "ADE_val_00000001"}
    assert FolderDataset(tmp_path / "out", split="val").ontology == shipped_ontology("ade20k-outdoor")

    # Another list is another choice.
    (tmp_path / "list.txt").write_text("ADE_train_00000002")
    with pytest.raises(ValueError, match="it was prepared with list "):
        prepare(Ade20kOutdoor(list=tmp_path / "list.txt"), source, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ADE_train_00009999", r"1 of its 1 names are not among the photos \(ADE_train_00009999\)"),
        ("", "the list is empty"),
        (None, "can't read the list"),
    ],
)
def test_a_wrong_list_is_named(text: str | None, message: str, tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")
    if text is not None:
        (tmp_path / "list.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"list\.txt: .*{message}"):
        prepare(Ade20kOutdoor(list=tmp_path / "list.txt"), source, tmp_path / "out")


def test_scenes_that_nobody_named(tmp_path: Path) -> None:
    archives = owners.ade20k_challenge()
    del archives["ADEChallengeData2016"]["ADEChallengeData2016/sceneCategories.txt"]
    with pytest.raises(ValueError, match=r"no sceneCategories\.txt in it.*--list FILE"):
        prepare(Ade20kOutdoor(), lay_out(archives, tmp_path / "down", "folder"), tmp_path / "out")


@pytest.mark.parametrize(
    ("scene", "outdoor"),
    [
        *(("street", True), ("mountain_snowy", True), ("church_outdoor", True), ("balcony_exterior", True)),
        *(("canal_urban", True), ("forest_broadleaf", True), ("stadium_baseball", True), ("wheat_field", True)),
        *(("bathroom", False), ("church_indoor", False), ("bus_interior", False), ("parking_garage_indoor", False)),
        *(("living_room", False), ("art_gallery", False), ("church/outdoor", True), ("Church Outdoor", True)),
        *(("", None), ("misc", None), ("telephone_pole", None)),
    ],
)
def test_scenes(scene: str, outdoor: bool | None) -> None:
    assert is_outdoor(scene) is outdoor


def test_real_label_maps_pass(tmp_path: Path) -> None:
    folder = Path(os.environ.get("SPADEWORK_DATA", "nowhere"), "ade20k-samples")
    if not folder.is_dir():
        pytest.skip("SPADEWORK_DATA names no folder with ade20k-samples/")
    for kind, owners_name in (("images", "images/validation"), ("annotations", "annotations/validation")):
        place = tmp_path / "down/ADEChallengeData2016" / owners_name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder / kind)
    prepared = prepare(Ade20k(splits=("val",)), tmp_path / "down", tmp_path / "out")
    assert prepared.pairs == {"val": 3} and prepared.left_out == {}
