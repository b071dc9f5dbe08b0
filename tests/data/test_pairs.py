"""Finding pairs: layouts, order, and reports of what doesn't pair up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.data.pairs import find_pairs


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize("photos", ["photos", "images"])
@pytest.mark.parametrize("labels", ["labels", "masks", "annotations"])
def test_folder_names(tmp_path: Path, photos: str, labels: str) -> None:
    root = touch(tmp_path, f"{photos}/a.jpg", f"{labels}/a.png")
    (pair,) = find_pairs(root)
    assert (pair.name, pair.photo, pair.label) == ("a", root / photos / "a.jpg", root / labels / "a.png")
    assert pair.instance is None and pair.pack is None


def test_splits(tmp_path: Path) -> None:
    for split in ("train", "val"):
        touch(tmp_path, f"{split}/images/{split}1.jpg", f"{split}/labels/{split}1.png")
    assert [pair.name for pair in find_pairs(tmp_path)] == ["train1"]
    assert [pair.name for pair in find_pairs(tmp_path, "train")] == ["train1"]
    assert [pair.name for pair in find_pairs(tmp_path, "val")] == ["val1"]
    assert [pair.name for pair in find_pairs(tmp_path / "val")] == ["val1"]
    with pytest.raises(ValueError, match=r"no split 'test': neither test/ nor test_label/ in train/, val/"):
        find_pairs(tmp_path, "test")


def test_train_is_the_root_without_splits(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "labels/a.png")
    assert len(find_pairs(tmp_path, "train")) == 1
    with pytest.raises(ValueError, match=r"no split 'val'.*leave the split out to take the whole folder"):
        find_pairs(tmp_path, "val")


def test_suffixed_layout(tmp_path: Path) -> None:
    touch(tmp_path, "val_img/a.jpg", "val_label/a.png", "val_inst/a.png")
    (pair,) = find_pairs(tmp_path, "val")
    assert (pair.photo, pair.label) == (tmp_path / "val_img/a.jpg", tmp_path / "val_label/a.png")
    assert pair.instance == tmp_path / "val_inst/a.png"


def test_natural_order_below_subfolders(tmp_path: Path) -> None:
    names = ["a2", "a10", "b/a1", "c10/x", "c9/y"]
    touch(tmp_path, *[f"photos/{name.split('/')[-1]}.jpg" for name in names], *[f"labels/{name}.png" for name in names])
    assert [pair.name for pair in find_pairs(tmp_path)] == ["a2", "a10", "a1", "y", "x"]


def test_extensions_in_any_case_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.JPEG", "photos/b.webp", "photos/notes.txt", "photos/._a.jpg")
    touch(tmp_path, "labels/a.PNG", "labels/b.npy", "labels/Thumbs.db")
    assert [pair.name for pair in find_pairs(tmp_path)] == ["a", "b"]


def test_linked_folders(tmp_path: Path) -> None:
    touch(tmp_path, "far/photos/a.jpg", "far/labels/sub/a.png")
    (tmp_path / "near" / "labels").mkdir(parents=True)
    (tmp_path / "near" / "photos").symlink_to(tmp_path / "far" / "photos")
    (tmp_path / "near" / "labels" / "deeper").symlink_to(tmp_path / "far" / "labels")
    assert len(find_pairs(tmp_path / "near")) == 1


def test_mismatches_are_listed_by_kind(tmp_path: Path) -> None:
    touch(tmp_path, *[f"photos/p{number}.jpg" for number in range(5)], "labels/p0.png", "labels/q.png")
    touch(tmp_path, "labels/r/x.png", "labels/s/x.png", "photos/x.jpg")
    with pytest.raises(ValueError) as caught:
        find_pairs(tmp_path)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path}: files don't pair up: ")
    assert "4 photos without label map (p1.jpg, p2.jpg, p3.jpg, ...)" in text
    assert "1 label map without photo (q.png)" in text
    assert "1 stem with several files (labels/r/x.png and labels/s/x.png)" in text
    assert "rename, add or remove" in text


def test_instance_maps_must_be_complete(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "photos/b.jpg", "labels/a.png", "labels/b.png", "instances/a.png")
    with pytest.raises(ValueError, match=r"1 label map without instance map \(b.png\)"):
        find_pairs(tmp_path)


def test_without_photos(tmp_path: Path) -> None:
    touch(tmp_path, "labels/a.png", "labels/b.png")
    with pytest.raises(ValueError, match=r"no folder photos/ or images/ beside it; found labels/"):
        find_pairs(tmp_path)
    assert [pair.photo for pair in find_pairs(tmp_path, photos_required=False)] == [None, None]
    touch(tmp_path, "photos/a.jpg")
    assert [pair.photo is None for pair in find_pairs(tmp_path, photos_required=False)] == [False, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root / "gone", "there is no such folder"),
        (lambda root: touch(root, "pictures/a.jpg"), r"no folder labels/ or masks/ or annotations/ in it.*pictures/"),
        (lambda root: touch(root, "train/pictures/a.jpg"), r"train: no folder labels/ .*found pictures/"),
        (lambda root: touch(root, "photos/a.jpg", "labels/a.gif"), r"labels: no label maps in it .*found a\.gif"),
        (lambda root: touch(root, "photos/a.jpg", "images/a.jpg", "labels/a.png"), "both photos/ and images/"),
    ],
)
def test_nothing_to_find(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    root = make(tmp_path)
    with pytest.raises(ValueError, match=message):
        find_pairs(root)


def test_hidden_folders_are_left_alone(make_folder: Callable[..., Path]) -> None:
    root = make_folder(count=2)
    (root / "labels/.ipynb_checkpoints").mkdir()
    shutil.copy(root / "labels/p0.png", root / "labels/.ipynb_checkpoints/p0-checkpoint.png")
    assert [pair.name for pair in find_pairs(root)] == ["p0", "p1"]


def test_a_name_that_cannot_be_written_down_is_named(make_folder: Callable[..., Path]) -> None:
    root = make_folder(count=1)
    for kind in ("photos", "labels"):
        shutil.copy(root / kind / "p0.png", os.fsencode(root / kind) + b"/caf\xe9.png")
    with pytest.raises(ValueError, match=r"caf.xe9.png.* is not UTF-8; rename it"):
        find_pairs(root)
