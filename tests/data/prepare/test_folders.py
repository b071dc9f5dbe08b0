"""Two folders of one's own."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.prepare import FlickrLandscapes, Folders, prepare
from spadework.data.prepare.shares import Shares, draw_splits
from tests.data.pictures import COLORS, ids, painted
from tests.data.prepare.owners import encoded, gray, photo

ONTOLOGY = Ontology(
    "park", tuple(SemanticClass(id, f"class {id}", color) for id, color in enumerate(COLORS)), unlabelled=(255,)
)


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def two_folders(root: Path, names: list[str], label: str = "{}.png") -> Path:
    """photos/ and labels/ with an ontology beside them."""
    for seed, name in enumerate(names):
        put(root / "photos" / f"{name}.jpg", photo(seed))
        put(root / "labels" / label.format(name), gray(ids(seed)))
    ONTOLOGY.write(root / "ontology.json")
    return root


def names_in(folder: Path, kind: str = "photos") -> set[str]:
    return {file.stem for file in folder.glob(f"*/{kind}/*")}


def test_two_folders_become_a_data_folder(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", [f"a{number}" for number in range(30)])
    prepared = prepare(Folders(val=0.2, test=0.2), source, tmp_path / "out")
    assert set(prepared.pairs) == {"train", "val", "test"} and sum(prepared.pairs.values()) == 30
    dataset = FolderDataset(tmp_path / "out", split="train", training=False)
    assert dataset.ontology == ONTOLOGY
    dataset.check()
    for index, pair in enumerate(dataset.pairs):
        expected = ids(int(pair.name[1:]))
        assert np.array_equal(dataset.ontology.to_ids(dataset.read(index)[1]).numpy(), expected)


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def recoloured(source: Path) -> None:
    """Give the classes in a source other names and colours."""
    classes = [SemanticClass(each.id, f"new {each.name}", each.color[::-1]) for each in ONTOLOGY.classes]
    replace(ONTOLOGY, classes=tuple(classes)).write(source / "ontology.json")


def test_classes_that_changed_are_followed(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", [f"a{number}" for number in range(6)])
    prepare(Folders(), source, tmp_path / "out", copy=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/photos/*")}
    recoloured(source)
    assert prepare(Folders(), source, tmp_path / "out", copy=True).made == 6
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/photos/*")} == before
    prepare(Folders(), source, tmp_path / "fresh", copy=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert prepare(Folders(), source, tmp_path / "out", copy=True).made == 0


@pytest.mark.parametrize("finished", [0, 1, 4])
def test_changed_classes_and_an_interruption(finished: int, tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", [f"a{number}" for number in range(6)])
    prepare(Folders(), source, tmp_path / "out", copy=True)
    first = contents(tmp_path / "out")

    # Interrupted while label maps are made anew, then gone on with; and then the change is taken back.
    def stop(what: str, done: int, total: int) -> None:
        if what == "preparing" and done > finished:
            raise KeyboardInterrupt

    recoloured(source)
    with pytest.raises(KeyboardInterrupt):
        prepare(Folders(), source, tmp_path / "out", copy=True, progress=stop)
    prepare(Folders(), source, tmp_path / "there", copy=True)
    shutil.copytree(tmp_path / "out", tmp_path / "back")
    assert 0 < prepare(Folders(), source, tmp_path / "out", copy=True).made < 6
    assert contents(tmp_path / "out") == contents(tmp_path / "there")
    ONTOLOGY.write(source / "ontology.json")
    prepare(Folders(), source, tmp_path / "back", copy=True)
    assert contents(tmp_path / "back") == first


def test_an_id_that_was_missing_can_be_added(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["a", "b"])
    replace(ONTOLOGY, classes=ONTOLOGY.classes[:-1]).write(source / "ontology.json")
    with pytest.raises(ValueError, match="run the same command again"):
        prepare(Folders(val=0), source, tmp_path / "out")
    ONTOLOGY.write(source / "ontology.json")
    prepared = prepare(Folders(val=0), source, tmp_path / "out")
    assert prepared.pairs == {"train": 2} and FolderDataset(tmp_path / "out").ontology == ONTOLOGY


def test_label_maps_can_be_looked_at(tmp_path: Path) -> None:
    prepare(Folders(val=0), two_folders(tmp_path / "mine", ["a"]), tmp_path / "out")
    with Image.open(tmp_path / "out/train/labels/a.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(painted(ids(0))))


def test_folders_that_lie_apart(tmp_path: Path) -> None:
    for seed, name in enumerate(["a", "b"]):
        put(tmp_path / "x" / f"{name}_rgb.jpg", photo(seed))
        put(tmp_path / "y" / f"{name}_mask.png", gray(ids(seed)))
        put(tmp_path / "y" / f"{name}_preview.png", photo(seed, "PNG"))
        put(tmp_path / "z" / f"{name}.png", gray(ids(seed).astype(np.uint16) * 100))
    ONTOLOGY.write(tmp_path / "park.json")
    folders = Folders(
        labels=tmp_path / "y",
        instances=tmp_path / "z",
        ontology=str(tmp_path / "park.json"),
        photo_suffix="_rgb",
        label_suffix="_mask",
        val=0,
    )
    assert prepare(folders, tmp_path / "x", tmp_path / "out").pairs == {"train": 2}
    assert names_in(tmp_path / "out") == names_in(tmp_path / "out", "instances") == {"a", "b"}
    dataset = FolderDataset(tmp_path / "out", split="train", training=False)
    assert int(dataset.read(0)[2].max()) == 25500  # type: ignore[union-attr]


def test_a_shipped_ontology_by_name(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["a", "b"])
    prepare(Folders(ontology="coco-stuff", val=0), source, tmp_path / "out")
    assert Ontology.read(tmp_path / "out/ontology.json").name == "coco-stuff"


@pytest.mark.parametrize(
    "layout",
    ["{split}/images/{name}.jpg {split}/masks/{name}.png", "photos/{split}/{name}.jpg labels/{split}/{name}.png"],
)
def test_splits_of_the_source_stay(layout: str, tmp_path: Path) -> None:
    for split, names in (("train", "ab"), ("val", "c"), ("test", "d")):
        for name in names:
            places = layout.format(split=split, name=name).split()
            put(tmp_path / "mine" / places[0], photo(ord(name)))
            put(tmp_path / "mine" / places[1], gray(ids(ord(name))))
    ONTOLOGY.write(tmp_path / "mine/ontology.json")
    assert prepare(Folders(), tmp_path / "mine", tmp_path / "out").pairs == {"train": 2, "val": 1, "test": 1}
    assert {file.stem for file in (tmp_path / "out/train/photos").iterdir()} == {"a", "b"}


def test_pairs_in_splits_and_outside_are_refused(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["train/a", "b"])
    with pytest.raises(ValueError, match=r"1 pairs lie in train/, val/ or test/ and 1 do not \(b\)"):
        prepare(Folders(), source, tmp_path / "out")


def test_names_recur_in_subfolders(tmp_path: Path) -> None:
    prepare(Folders(val=0), two_folders(tmp_path / "mine", ["x/1", "y/1"]), tmp_path / "out")
    assert names_in(tmp_path / "out") == names_in(tmp_path / "out", "labels") == {"x_1", "y_1"}
    source = two_folders(tmp_path / "clash", ["x/1", "x_1"])
    with pytest.raises(ValueError, match="two pairs would be called 'x_1'"):
        prepare(Folders(), source, tmp_path / "other")


def test_stems_pair_across_subfolders(tmp_path: Path) -> None:
    put(tmp_path / "mine/photos/monday/a.jpg", photo(0))
    put(tmp_path / "mine/labels/a.png", gray(ids(0)))
    ONTOLOGY.write(tmp_path / "mine/ontology.json")
    assert prepare(Folders(val=0), tmp_path / "mine", tmp_path / "out").pairs == {"train": 1}


@pytest.mark.parametrize("folder", ["", "photos/", "train/"])
@pytest.mark.parametrize(("photo_ending", "label_ending"), [("", "_mask"), ("_photo", ""), ("_a", "_b")])
def test_photos_and_label_maps_side_by_side(folder: str, photo_ending: str, label_ending: str, tmp_path: Path) -> None:
    for seed in range(3):
        put(tmp_path / f"mine/{folder}p{seed}{photo_ending}.png", photo(seed, "PNG"))
        put(tmp_path / f"mine/{folder}p{seed}{label_ending}.png", gray(ids(seed)))
    ONTOLOGY.write(tmp_path / "mine/ontology.json")
    prepare(Folders(val=0, photo_suffix=photo_ending, label_suffix=label_ending), tmp_path / "mine", tmp_path / "out")
    dataset = FolderDataset(tmp_path / "out", training=False)
    for seed in range(3):
        read, label_map, _ = dataset.read(seed)
        assert np.array_equal(dataset.ontology.to_ids(label_map).numpy(), ids(seed))
        assert read is not None and np.array_equal(read, Image.open(io.BytesIO(photo(seed, "PNG"))))
    again = Folders(val=0, photo_suffix=photo_ending, label_suffix=label_ending, labels=tmp_path / "mine")
    assert prepare(again, tmp_path / "mine", tmp_path / "again").pairs == {"train": 3}


def test_files_that_do_not_pair_are_listed(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["a", "b"])
    (source / "labels/b.png").rename(source / "labels/c.png")
    with pytest.raises(ValueError, match=r"1 photos without label maps \(b\); 1 label maps without photos \(c\)"):
        prepare(Folders(), source, tmp_path / "out")
    suffixed = two_folders(tmp_path / "suffixed", ["a", "b"], "{}_mask.png")
    with pytest.raises(ValueError, match="did you mean --label-suffix _mask"):
        prepare(Folders(), suffixed, tmp_path / "out")
    put(source / "photos/a.png", photo(0, "PNG"))
    with pytest.raises(ValueError, match=r"photos/a\.jpg and photos/a\.png would be one picture"):
        prepare(Folders(), source, tmp_path / "out")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    put(tmp_path / "mine/a.jpg", photo(0))
    with pytest.raises(ValueError, match=r"no ontology\.json or classes\.json in it.*--ontology"):
        prepare(Folders(), tmp_path / "mine", tmp_path / "out")
    ONTOLOGY.write(tmp_path / "mine/ontology.json")
    with pytest.raises(ValueError, match=r"no photos in it, expected a folder photos/ or images/.*--labels"):
        prepare(Folders(), tmp_path / "mine", tmp_path / "out")
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        prepare(Folders(labels=tmp_path / "nowhere"), tmp_path / "mine", tmp_path / "out")
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        prepare(Folders(), tmp_path / "nowhere", tmp_path / "out")


def test_colours_that_are_slightly_off_are_told(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", [f"a{number}" for number in range(5)])
    for label in (source / "labels").iterdir():
        label.write_bytes(encoded(Image.fromarray(np.asarray(painted(np.minimum(ids(1), 3))) // 2 * 2 + 1), "PNG"))
    prepared = prepare(Folders(val=0), source, tmp_path / "out")
    assert len(prepared.notes) == 4 and "labels/a0.png" in prepared.notes[0]
    assert prepared.notes[3] == "such remarks on 2 more files stand in manifest.json"
    assert prepare(Folders(val=0), source, tmp_path / "out").notes == prepared.notes
    files = json.loads((tmp_path / "out/manifest.json").read_text())["files"]
    assert sum("remark" in entry for entry in files.values()) == 5


def test_npy_label_maps(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["a", "b"])
    (source / "labels/a.png").unlink()
    np.save(source / "labels/a.npy", ids(0))
    prepare(Folders(val=0), source, tmp_path / "out")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/train/labels/a.png")), ids(0))
    (source / "labels/a.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"labels/a\.npy: can't be read as an NPY array"):
        prepare(Folders(val=0), source, tmp_path / "other")


def test_the_target_may_lie_in_the_source(tmp_path: Path) -> None:
    source = two_folders(tmp_path / "mine", ["a", "b"])
    for _ in range(2):
        assert prepare(Folders(val=0), source, source / "prepared").pairs == {"train": 2}


def test_label_maps_below_the_photos(tmp_path: Path) -> None:
    for seed, name in enumerate(["a", "b"]):
        put(tmp_path / "x" / f"{name}.png", photo(seed, "PNG"))
        put(tmp_path / "x/maps" / f"{name}.png", gray(ids(seed)))
    labels = FlickrLandscapes(labels=tmp_path / "x/maps", val=0)
    assert prepare(labels, tmp_path / "x", tmp_path / "out").pairs == {"train": 2}


def test_splits_are_drawn_by_name_and_seed_alone() -> None:
    names = [f"photo {number}" for number in range(2000)]
    drawn = draw_splits(names, Shares(val=0.2, test=0.1))
    assert 340 <= sum(split == "val" for split in drawn.values()) <= 460
    assert 150 <= sum(split == "test" for split in drawn.values()) <= 250
    assert draw_splits(names[::-2], Shares(val=0.2, test=0.1)) == {name: drawn[name] for name in names[::-2]}
    assert draw_splits(names, Shares(val=0.2, test=0.1, seed=1)) != drawn
    with pytest.raises(ValueError, match="none is left for training"):
        draw_splits([name for name, split in drawn.items() if split == "val"], Shares(val=0.2))
