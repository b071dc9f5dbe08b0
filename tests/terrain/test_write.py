"""Data folders of terrain: the same bytes however they were made, nothing lost by a kill, nothing mixed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.cli import main
from spadework.data.folder import FolderDataset
from spadework.terrain import Layout, Style, write
from spadework.terrain.write import RENDERER, SPLITS, Order, as_picture, style_seed, write_terrain

ORDER = Order(count=3, size=(32, 48), seed=5, styles=2, val=1)


def contents(folder: Path) -> dict[str, str]:
    """Every file and its hash."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".lock")
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terrain") / "data"
    assert write_terrain(ORDER, folder) == 4
    return folder


def test_what_is_there(written: Path) -> None:
    assert len(contents(written)) == 4 * 2 * 3 + 2
    manifest = json.loads((written / "manifest.json").read_text())
    assert manifest["complete"] is True
    assert manifest["layouts"] == {"train": [5, 6, 7], "val": [1_000_000_005]}
    layout = Layout.draw(6, (32, 48))
    label = np.asarray(Image.open(written / "train/labels/000000006_s1.png"))
    assert np.array_equal(label, layout.label_map.numpy())
    ids = np.asarray(Image.open(written / "train/instances/000000006_s1.png"))
    assert np.array_equal(ids, layout.instance_map.numpy())
    photo = np.asarray(Image.open(written / "train/photos/000000006_s1.jpg")).astype(float)
    drawn = np.asarray(as_picture(layout.photo(Style.draw(style_seed(6, 1))))).astype(float)
    assert np.abs(photo - drawn).mean() < 4, "but for JPEG's losses"


def test_training_reads_it(written: Path) -> None:
    data = FolderDataset(written, split="train")
    assert len(data) == 6
    photo, label_map, instance_map = data.read(0)
    assert photo is not None and instance_map is not None
    assert photo.size == (48, 32)
    assert label_map.shape == instance_map.shape == (32, 48)
    assert data.ontology.name == "landscapes"


def test_any_number_of_processes(tmp_path: Path, written: Path) -> None:
    write_terrain(ORDER, tmp_path / "two", processes=2)
    assert contents(tmp_path / "two") == contents(written)


def test_it_goes_on_after_a_kill(tmp_path: Path, written: Path) -> None:
    """Killed at some moment, with what such a kill may leave behind, the same call makes the same folder."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "spadework", "terrain", "--out", str(out), "--count", "3", "--size", "32", "48"]
    command += ["--seed", "5", "--styles", "2", "--val", "1", "--processes", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(out.glob("train/labels/*.png"))) > 2:  # the first layout is done, the second begun
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    process.wait()
    (out / "train" / "photos" / ".000000007_s0.jpg.1-1.partial").write_bytes(b"cut short")
    labels = (file for file in contents(out) if file.startswith("train/labels") and file.endswith(".png"))
    before = {file: (out / file).stat().st_mtime_ns for file in labels}
    assert before, "it was killed too early"
    drawn = write_terrain(ORDER, out)
    assert drawn < 4
    assert contents(out) == contents(written)
    finished = [file for file in before if all((file.replace("_s0", s) in before) for s in ("_s0", "_s1"))]
    assert all((out / file).stat().st_mtime_ns == before[file] for file in finished), "finished work is not done again"


def test_nothing_is_left_to_do_and_more_may_join(tmp_path: Path) -> None:
    order = Order(count=1, size=(32, 32), styles=1)
    assert write_terrain(order, tmp_path) == 1
    assert write_terrain(order, tmp_path) == 0
    assert write_terrain(replace(order, count=2, test=1), tmp_path) == 2
    (tmp_path / "train/photos/000000001_s0.jpg").unlink()
    assert write_terrain(replace(order, count=2, test=1), tmp_path) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"size": (32, 64)}, "size"), ({"styles": 3}, "styles 1"), ({"seed": 9}, "seed"), ({"count": 0}, "1 or more")],
)
def test_other_options_are_refused(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    order = Order(count=1, size=(32, 32), styles=1)
    write_terrain(order, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=complaint):
        write_terrain(replace(order, **change), tmp_path)  # type: ignore[arg-type]
    assert contents(tmp_path) == before


def test_pictures_of_another_version_are_not_mixed_in(tmp_path: Path) -> None:
    order = Order(count=1, size=(32, 32), styles=1)
    write_terrain(order, tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"terrain": {RENDERER}', '"terrain": 1'))
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="drawn by version 1 of the renderer"):
        write_terrain(replace(order, count=2), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("killed_at", ["write_json_atomic", "sweep_partial", "shipped_ontology"])
def test_a_kill_in_the_first_moments(tmp_path: Path, killed_at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order(count=1, size=(32, 32), styles=1)

    def kill(*rest: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(write, killed_at, kill)
        write_terrain(order, tmp_path)
    assert write_terrain(order, tmp_path) == 1


def test_folders_of_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file: choose a folder"):
        write_terrain(ORDER, tmp_path / "file")
    (tmp_path / "file").unlink()
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds files that are no terrain"):
        write_terrain(ORDER, tmp_path)
    assert set(contents(tmp_path)) == {"mine.txt"}


@pytest.mark.parametrize(
    "wrong", [{"count": -1}, {"styles": 0}, {"styles": 1001}, {"seed": -1}, {"seed": 999_999_999, "count": 2}]
)
def test_impossible_orders(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Order(**{"count": 1, **wrong})  # type: ignore[arg-type]


def test_splits_never_share_a_layout() -> None:
    """Whatever the first seed: the ranges themselves are apart."""
    orders = [Order(count=3, val=3, test=3, seed=seed) for seed in (0, 2, 999_999_997)]
    seeds = {split: {seed for order in orders for s, seed in order.layouts() if s == split} for split in SPLITS}
    assert not seeds["train"] & seeds["val"] and not seeds["train"] & seeds["test"] and not seeds["val"] & seeds["test"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["terrain", "--count", "2", "--size", "32", "--sheet", str(sheet)]) == 0
    assert Image.open(sheet).size == (2 * (2 * 36 + 4) - 4, 32 + 8)
    assert main(["terrain", "--styles-of", "3", "--size", "32", "48", "--sheet", str(sheet)]) == 0
    assert main(["terrain", "--out", str(tmp_path / "data"), "--count", "1", "--size", "32", "--styles", "1"]) == 0
    assert "1 photos; 1 layouts drawn now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing to draw to"),
        (["--styles-of", "3", "--out", "x"], "give --sheet FILE too"),
        (["--sheet", "sheet.gif"], "ends in .jpg or .png"),
        (["--sheet", "nowhere/sheet.png"], "there is no folder"),
        (["--out", "x", "--size", "20"], "expected sides"),
        (["--out", "x", "--size", "64", "64", "64"], "expected a side, or height and width"),
        (["--out", "x", "--processes", "0"], "expected 1 or more"),
    ],
)
def test_wrong_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["terrain", *arguments]) == 2
    assert complaint in capsys.readouterr().err
    assert contents(tmp_path) == {}
