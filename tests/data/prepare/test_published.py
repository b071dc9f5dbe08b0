"""Every published data set, from the owners' archives and from what unpacking them gives."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.prepare import (
    DATA_SETS,
    Ade20k,
    Ade20kOutdoor,
    Cityscapes,
    CocoStuff,
    DataSet,
    Facades,
    FlickrLandscapes,
    Folders,
    prepare,
)
from spadework.data.shipped import shipped_ontology
from tests.data.prepare import owners
from tests.data.prepare.owners import Archives, lay_out

FORMS = ["folder", "zip", "tar", "tar.gz"]


def landscapes(form: str, root: Path) -> tuple[DataSet, Path]:
    photos = owners.landscapes()
    maps = {
        path.replace(".jpg", ".png"): owners.gray(owners.blocks(7, [0, 156, 181, 255])) for path in photos["photos"]
    }
    folder = lay_out(photos, root / "photos", form)
    labels = lay_out({"labels": maps}, root / "labels", form)
    if form != "folder":
        folder, labels = next(folder.iterdir()), next(labels.iterdir())
    return FlickrLandscapes(labels=labels), folder


PUBLISHED: list[tuple[DataSet, Archives, dict[str, int], set[str]]] = [
    (CocoStuff(), owners.coco_stuff(), {"train": 3, "val": 2}, {"photos", "labels", "instances"}),
    (Ade20k(), owners.ade20k_challenge(), {"train": 4, "val": 2}, {"photos", "labels"}),
    (Ade20k(), owners.ade20k_full(), {"train": 1, "val": 1}, {"photos", "labels"}),
    (Ade20kOutdoor(), owners.ade20k_challenge(), {"train": 2, "val": 1}, {"photos", "labels"}),
    (Cityscapes(), owners.cityscapes(), {"train": 3, "val": 2}, {"photos", "labels", "instances"}),
    (Facades(val=0.4), owners.facades(), {"train": 6, "val": 4}, {"photos", "labels"}),
]


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that is no picture of how it was made."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "manifest"))]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("data_set", "archives", "pairs", "kinds"), PUBLISHED, ids=[entry[0].name for entry in PUBLISHED]
)
def test_owners_files_become_a_data_folder(
    data_set: DataSet, archives: Archives, pairs: dict[str, int], kinds: set[str], form: str, tmp_path: Path
) -> None:
    if isinstance(data_set, CocoStuff):
        pytest.importorskip("pycocotools", reason="pycocotools is missing; it comes with the extra `datasets`")
    source, target = lay_out(archives, tmp_path / "down", form), tmp_path / "out"
    before = hashes(source)
    prepared = prepare(data_set, source, target)
    assert prepared.pairs == pairs
    assert hashes(source) == before

    # It can be read, and holds what it should.
    for split, count in pairs.items():
        dataset = FolderDataset(target, split=split, training=False)
        assert len(dataset) == count
        assert {entry.name for entry in (target / split).iterdir()} == kinds
        assert (dataset[0].instance_map is not None) == ("instances" in kinds)
        dataset.check()
    assert dataset.ontology == shipped_ontology(data_set.name)

    # The manifest tells each file's hash, and the owners' file it came from.
    manifest = json.loads((target / "manifest.json").read_text())
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == {
        name: value for name, value in hashes(target).items() if name != "ontology.json"
    }
    contents = {hashlib.sha256(content).hexdigest() for files in archives.values() for content in files.values()}
    assert {entry["source_sha256"] for entry in manifest["files"].values()} <= contents
    suffix = "" if form == "folder" else f".{form}"
    assert {entry["source"].split("/")[0] for entry in manifest["files"].values()} <= {
        path.split("/")[0] if form == "folder" else name + suffix for name in archives for path in archives[name]
    }


@pytest.mark.parametrize(
    ("data_set", "archives", "pairs", "kinds"), PUBLISHED, ids=[entry[0].name for entry in PUBLISHED]
)
def test_folders_and_archives_give_the_same_bytes(
    data_set: DataSet, archives: Archives, pairs: dict[str, int], kinds: set[str], tmp_path: Path
) -> None:
    results = []
    for form in FORMS:
        prepare(data_set, lay_out(archives, tmp_path / form, form), tmp_path / f"out-{form}")
        results.append(hashes(tmp_path / f"out-{form}"))
    assert results[0] and all(result == results[0] for result in results)


@pytest.mark.parametrize("form", FORMS)
def test_landscapes_with_label_maps_made_elsewhere(form: str, tmp_path: Path) -> None:
    data_set, source = landscapes(form, tmp_path)
    prepared = prepare(data_set, source, tmp_path / "out")
    assert sum(prepared.pairs.values()) == 12
    dataset = FolderDataset(tmp_path / "out", split="train", training=False)
    assert dataset.ontology == shipped_ontology("flickr-landscapes")
    assert {pair.name[:6] for pair in dataset.pairs} == {"lakes_"}
    dataset.check()


def test_every_data_set_is_tested() -> None:
    assert {entry[0].name for entry in PUBLISHED} | {FlickrLandscapes.name, Folders.name} == set(DATA_SETS)


def test_a_single_archive_will_do(tmp_path: Path) -> None:
    lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")
    prepared = prepare(Ade20k(), tmp_path / "down" / "ADEChallengeData2016.zip", tmp_path / "out")
    assert prepared.pairs == {"train": 4, "val": 2}


def test_owners_files_stay_as_they_are(tmp_path: Path) -> None:
    archives = owners.cityscapes()
    prepare(Cityscapes(), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")
    files = archives["leftImg8bit_trainvaltest"] | archives["gtFine_trainvaltest"]
    stem = "aachen_000001_000019"
    for kind, path in [
        ("photos", f"leftImg8bit/train/aachen/{stem}_leftImg8bit.png"),
        ("labels", f"gtFine/train/aachen/{stem}_gtFine_labelIds.png"),
        ("instances", f"gtFine/train/aachen/{stem}_gtFine_instanceIds.png"),
    ]:
        assert (tmp_path / "out" / "train" / kind / f"{stem}.png").read_bytes() == files[path]


def test_cityscapes_instances_keep_their_16_bits(tmp_path: Path) -> None:
    prepare(Cityscapes(), lay_out(owners.cityscapes(), tmp_path / "down", "zip"), tmp_path / "out")
    dataset = FolderDataset(tmp_path / "out", split="train", training=False)
    _, label_map, instance_map = dataset.read(1)
    assert instance_map is not None and int(instance_map.max()) > 24000
    assert ((instance_map >= 1000) == (label_map >= 24)).all()


def test_one_split_alone(tmp_path: Path) -> None:
    archives = owners.coco_stuff()
    del archives["train2017"]
    source = lay_out(archives, tmp_path / "down", "zip")
    with pytest.raises(ValueError, match=r"no photos of 'train' in it.*train2017\.zip.*Found"):
        prepare(CocoStuff(), source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert prepare(CocoStuff(splits=("val",), instances=False), source, tmp_path / "out").pairs == {"val": 2}


@pytest.mark.parametrize(
    ("data_set", "archives", "without", "message"),
    [
        (
            Cityscapes(),
            owners.cityscapes(),
            "gtFine_trainvaltest",
            r"no label maps of 'train'.*gtFine_trainvaltest\.zip",
        ),
        (Cityscapes(), owners.cityscapes(), "leftImg8bit_trainvaltest", r"no photos of 'train'.*leftImg8bit_trainva"),
        (CocoStuff(), owners.coco_stuff(), "stuffthingmaps_trainval2017", r"no pixel maps of 'train'.*stuffthingmaps_"),
        (CocoStuff(), owners.coco_stuff(), "annotations_trainval2017", r"no instances_train2017\.json.*--no-instances"),
        (Facades(), {"other": {"a.txt": b""}}, "", r"no photos \(cmp_b0001\.jpg\).*CMP_facade_DB_base\.zip"),
        (
            Ade20k(),
            owners.cityscapes(),
            "",
            r"no photos of 'training'.*ADEChallengeData2016\.zip.*Found README, gtFine",
        ),
    ],
)
def test_a_missing_archive_is_named(
    data_set: DataSet, archives: Archives, without: str, message: str, tmp_path: Path
) -> None:
    kept = {name: files for name, files in archives.items() if name != without}
    with pytest.raises(ValueError, match=message):
        prepare(data_set, lay_out(kept, tmp_path / "down", "folder"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_photo_without_label_map_is_named(tmp_path: Path) -> None:
    archives = owners.ade20k_challenge()
    del archives["ADEChallengeData2016"]["ADEChallengeData2016/annotations/training/ADE_train_00000002.png"]
    with pytest.raises(ValueError, match=r"1 photos without label maps \(ADE_train_00000002\).*Unpack it again"):
        prepare(Ade20k(), lay_out(archives, tmp_path / "down", "folder"), tmp_path / "out")


def test_other_numbers_than_published_are_told(tmp_path: Path) -> None:
    prepared = prepare(Ade20k(), lay_out(owners.ade20k_challenge(), tmp_path / "down", "folder"), tmp_path / "out")
    assert prepared.notes == [
        "train has 4 pairs; its owners published 20,210",
        "val has 2 pairs; its owners published 2,000",
    ]


def test_unknown_ids_name_the_file(tmp_path: Path) -> None:
    archives = owners.ade20k_challenge()
    path = "ADEChallengeData2016/annotations/training/ADE_train_00000001.png"
    archives["ADEChallengeData2016"][path] = owners.gray(owners.blocks(0, [151, 255]))
    with pytest.raises(ValueError, match=r"ADEChallengeData2016\.zip/.*ADE_train_00000001\.png: .*(151|255)"):
        prepare(Ade20k(), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")


# Facades.


def test_facades_splits_come_from_the_seed(tmp_path: Path) -> None:
    source = lay_out(owners.facades(20, 20), tmp_path / "down", "folder")
    names = []
    for number, data_set in enumerate(
        [Facades(val=0.3, test=0.2), Facades(val=0.3, test=0.2), Facades(val=0.3, seed=1)]
    ):
        prepare(data_set, source, tmp_path / str(number))
        names.append(
            {
                split: {file.stem for file in (tmp_path / str(number) / split / "photos").iterdir()}
                for split in [entry.name for entry in (tmp_path / str(number)).iterdir() if entry.is_dir()]
            }
        )
    assert names[0] == names[1] and set(names[0]) == {"train", "val", "test"}
    assert names[0]["val"] != names[2]["val"]
    assert sum(map(len, names[0].values())) == 40


def test_facades_palette_indices_are_the_ids(tmp_path: Path) -> None:
    archives = owners.facades()
    prepare(Facades(val=0), lay_out(archives, tmp_path / "down", "zip"), tmp_path / "out")
    dataset = FolderDataset(tmp_path / "out", split="train", training=False)
    pair = dataset.pairs[0]
    image = Image.open(io.BytesIO(archives["CMP_facade_DB_base"][f"base/{pair.name}.png"]))
    assert np.array_equal(dataset.ontology.to_ids(dataset.read(0)[1]).numpy(), np.asarray(image))


def test_shares_that_leave_nothing_are_refused(tmp_path: Path) -> None:
    source = lay_out(owners.facades(), tmp_path / "down", "folder")
    for shares in ({"val": 1.0}, {"val": 0.5, "test": 0.5}, {"val": -0.1}):
        with pytest.raises(ValueError, match="expected shares"):
            prepare(Facades(**shares), source, tmp_path / "out")
