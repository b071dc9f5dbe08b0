"""The repaired copy: where it may go, what it lists, what it keeps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.doctor.examine import examine
from spadework.data.doctor.fix import repaired_copy
from spadework.data.doctor.report import Report
from tests.data.doctor import faults
from tests.data.doctor.packs import Pack, drawn_pack


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return drawn_pack(tmp_path / "pack")


def refused(report: Report, out: Path, match: str) -> None:
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(ValueError, match=match):
        repaired_copy(report, out)
    assert sorted(out.parent.rglob("*")) == before


def test_places_that_are_refused(pack: Pack, tmp_path: Path) -> None:
    report = examine(pack.root)
    refused(report, pack.root / "copy", "inside the original")
    refused(report, pack.root, "inside the original")
    (tmp_path / "link").symlink_to(pack.root, target_is_directory=True)
    refused(report, tmp_path / "link" / "copy", "inside the original")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    refused(report, tmp_path / "full", "not empty")
    refused(examine(pack.root, limit=3), tmp_path / "copy", "leave --quick out")


def test_merged_packs_are_refused(pack: Pack, tmp_path: Path) -> None:
    ids = {str(id): id for id in (*range(6), 255)}
    merged = {**pack.ontology.to_json(), "name": "merged", "from_pack": {"pack": ids}}
    (tmp_path / "merged.json").write_text(json.dumps(merged))
    report = examine(tmp_path / "merged.json")
    assert report.pairs == 16 and not report.count("error")
    refused(report, tmp_path / "copy", "repair each of them on its own")


def test_nothing_that_could_be_kept(pack: Pack, tmp_path: Path) -> None:
    for path in pack.labels():
        path.write_bytes(b"")
    refused(examine(pack.root), tmp_path / "copy", "none of its 16 pairs can be repaired")


def test_what_is_sound_keeps_its_bytes(pack: Pack, tmp_path: Path) -> None:
    faults.smaller_label(pack)
    changed = pack.files("train", "labels")[1]
    (tmp_path / "copy").mkdir()  # An empty folder may be there.
    changes = repaired_copy(examine(pack.root), tmp_path / "copy")
    assert [(change.path, change.finding) for change in changes] == [(changed, "sizes-differ")]
    for path, content in pack.bytes().items():
        copied = tmp_path / "copy" / path.relative_to(pack.root)
        if path not in (changed, pack.root / "ontology.json") and "instances" not in path.parts:
            assert copied.read_bytes() == content, path
    assert Image.open(tmp_path / "copy/train/labels" / changed.name).size == (96, 72)


def test_every_change_is_listed(pack: Pack, tmp_path: Path) -> None:
    faults.unknown(pack)
    faults.across_splits(pack)
    (pack.root / "val/photos/stray.jpg").write_bytes(pack.files("val", "photos")[0].read_bytes())
    repaired_copy(examine(pack.root), tmp_path / "copy")
    listing = json.loads((tmp_path / "copy/repairs.json").read_text())
    assert listing["pairs"] == 17 and listing["copied"] == 15
    assert sorted((change["finding"], change["change"]) for change in listing["changes"]) == [
        ("duplicate-across-splits", "left out"),
        ("photo-without-label", "left out"),
        ("unknown-ids", "left out"),
    ]


def test_of_a_duplicate_the_one_that_is_measured_on_stays(pack: Pack, tmp_path: Path) -> None:
    faults.across_splits(pack)
    repaired_copy(examine(pack.root), tmp_path / "copy")
    assert len(list((tmp_path / "copy/val/photos").iterdir())) == 6
    assert not list((tmp_path / "copy/train/photos").glob("copied*"))


def test_smoothed_edges_come_back(pack: Pack, tmp_path: Path) -> None:
    """Smoothed in place by a filter three pixels wide, then repaired: almost every pixel is the original's again."""
    path = pack.files("train", "labels")[0]
    original = faults.ids_of(path)
    padded = np.pad(original, 1, mode="edge")
    rows, columns = original.shape
    windows = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    faults.save(path, np.mean(windows, 0).round().astype(np.int64))
    wrong = (faults.ids_of(path) != original).mean()
    repaired_copy(examine(pack.root), tmp_path / "copy")
    left = (faults.ids_of(tmp_path / "copy/train/labels" / path.name) != original).mean()
    assert wrong > 0.05 and left < wrong / 3


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "MPO", "PNG"])
def test_a_photo_without_its_rotation_looks_the_same(format: str, pack: Pack, tmp_path: Path) -> None:
    label = faults.not_square(pack)
    path = next(photo for photo in pack.files("train", "photos") if photo.stem == label.stem)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(path).convert("RGB")
    path.unlink()
    name = path.with_suffix({"WEBP": ".webp", "MPO": ".jpg", "PNG": ".png", "JPEG": ".jpg"}[format])
    picture.save(name, format, exif=exif, **({"save_all": True, "quality": 98} if format == "MPO" else {}))
    changes = repaired_copy(examine(pack.root), tmp_path / "copy")
    assert [change.finding for change in changes] == ["exif-rotation"]

    before, after = Image.open(name), Image.open(tmp_path / "copy/train/photos" / name.name)
    assert after.getexif().get(0x0112, 1) == 1 and after.size == before.size
    assert np.array_equal(after.convert("RGB"), before.convert("RGB"))


def test_a_rotation_that_stands_in_the_xmp_is_taken_out_too(pack: Pack, tmp_path: Path) -> None:
    label = faults.not_square(pack)
    path = next(photo for photo in pack.files("train", "photos") if photo.stem == label.stem)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.open(path).convert("RGB").save(path, "JPEG", xmp=xmp, quality=95)
    assert Image.open(path).getexif().get(0x0112) == 6
    changes = repaired_copy(examine(pack.root), tmp_path / "copy")
    assert [change.finding for change in changes] == ["exif-rotation"]
    after = Image.open(tmp_path / "copy/train/photos" / path.name)
    assert after.getexif().get(0x0112, 1) == 1 and after.size == Image.open(path).size
    assert after.quantization == Image.open(path).quantization


def test_a_kill_leaves_no_copy_under_its_name(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    report = examine(pack.root)
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        repaired_copy(report, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    monkeypatch.undo()
    repaired_copy(report, tmp_path / "copy")
    assert not examine(tmp_path / "copy").count("error")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "pack"]
