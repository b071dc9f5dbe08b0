"""Which photos are learnt from: halves that share none, and none that is measured on."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from spadework.data.folder import FolderDataset
from spadework.evaluation.judge.folds import choose_material, drawn, fold_of, photo_digests
from tests.drawn_segmenter import data_folder


def test_the_halves_share_nothing_and_leave_nothing_out(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park", count=40)
    judge, loss, whole = (choose_material([root], fold) for fold in ("judge", "loss", "all"))
    assert judge.digests and loss.digests
    assert set(judge.digests).isdisjoint(loss.digests)
    assert set(judge.digests) | set(loss.digests) == set(whole.digests) and len(whole.digests) == 40
    assert [len(material.training) for material in (judge, loss)] == [len(judge.digests), len(loss.digests)]
    assert {split: len(pairs) for split, pairs in judge.held_out.items()} == {"test": 4}
    assert len({material.seed(seed) for material in (judge, loss, whole) for seed in range(5)}) == 15


def test_a_photo_stays_in_its_half_under_any_name(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park", count=20)
    before = set(choose_material([root], "judge").digests)
    for kind in ("photos", "labels"):
        for number, file in enumerate(sorted((root / "train" / kind).iterdir())):
            file.rename(file.with_name(f"x{20 - number}.png"))
    data_folder(tmp_path / "more", count=10, first=500, test=0)
    assert set(choose_material([root], "judge").digests) == before
    assert before < set(choose_material([root, tmp_path / "more"], "judge").digests)


def test_the_listing_is_what_sha256sum_writes(tmp_path: Path) -> None:
    material = choose_material([data_folder(tmp_path / "park")], "all")
    lines = material.listing.splitlines()
    assert len(lines) == 12
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "park/train/photos" / name).read_bytes()).hexdigest() == digest


def test_photos_measured_on_are_not_learnt_from(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park")
    for kind in ("photos", "labels"):
        shutil.copy(root / "test" / kind / "p1000.png", root / "train" / kind / "again.png")
    material = choose_material([root], "all")
    assert len(material.digests) == 12 and "again" not in material.listing


def test_without_splits_a_share_is_held_out(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park", count=20, test=0)
    material = choose_material([root], "all", hold_out=0.25, seed=1)
    held_out = material.held_out["held out"]
    assert (len(held_out), len(material.training)) == (5, 15)
    assert set(photo_digests(held_out)).isdisjoint(material.digests)
    again, other = (choose_material([root], "all", hold_out=0.25, seed=seed) for seed in (1, 2))
    assert again.digests == material.digests != other.digests
    assert len(choose_material([root], "all", hold_out=0.001).held_out["held out"]) == 1
    judge, loss = (choose_material([root], fold, hold_out=0.25, seed=1) for fold in ("judge", "loss"))
    assert sorted(judge.digests + loss.digests) == sorted(material.digests)


@pytest.mark.parametrize("share", [0.0, 1.0, -1, 2])
def test_shares_that_leave_nothing(share: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        choose_material([data_folder(tmp_path / "park", test=0)], "all", hold_out=share)


def test_too_few_photos_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 photo: it takes at least 2"):
        choose_material([data_folder(tmp_path / "one", count=1, test=0)], "all")
    root = data_folder(tmp_path / "few", count=1)
    (digest,) = photo_digests(FolderDataset(root))
    other = "loss" if fold_of(digest) == "judge" else "judge"
    assert len(choose_material([root], fold_of(digest)).digests) == 1
    with pytest.raises(ValueError, match=r"of 1 photos none is left to train on.*--fold all"):
        choose_material([root], other)


def test_drawing_depends_on_the_photo_alone() -> None:
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(50)]
    assert drawn(digests, 0.2, 3) == drawn([*reversed(digests), digests[0]], 0.2, 3)


def test_real_photos_fall_into_two_halves() -> None:
    data = Path(os.environ.get("SPADEWORK_DATA", "")) / "camvid"
    if not data.is_dir():
        pytest.skip("$SPADEWORK_DATA has no camvid")
    judge, loss = (choose_material([data], fold) for fold in ("judge", "loss"))
    assert len(judge.digests) + len(loss.digests) == 367 and 140 < len(judge.digests) < 230
    assert set(judge.digests).isdisjoint(loss.digests)
