"""Making shards: whole or not at all, taken up after a kill, and never over anything else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from spadework.cli import main
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.shards import ShardDataset, make_shards
from tests.cli.small import run, start

Make = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["shards", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Traceback" not in said
    return said


def test_the_same_whatever_the_workers(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(count=12)
    for workers in (0, 2):
        make_shards(root, tmp_path / f"shards{workers}", shard_bytes=700, workers=workers)
    assert contents(tmp_path / "shards0") == contents(tmp_path / "shards2")
    assert len(list((tmp_path / "shards0/train").glob("*.tar"))) > 2


def test_sizes(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(count=12)
    make_shards(root, tmp_path / "shards", shard_bytes=700)
    split = json.loads((tmp_path / "shards/shards.json").read_text())["splits"]["train"]
    sizes = {
        path.stem: sum((root / kind / path.name).stat().st_size for kind in ("photos", "labels"))
        for path in (root / "photos").iterdir()
    }
    names = iter(sorted(sizes, key=lambda name: int(name[1:])))
    for shard in split["shards"]:
        assert sum(sizes[next(names)] for _ in range(shard["pairs"])) <= 700
    assert next(names, None) is None


def test_splits_of_every_layout(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(count=3, inside="train")
    make_folder("more", count=2)
    (root / "val").mkdir()
    for kind in ("photos", "labels"):
        (tmp_path / "more" / kind).rename(root / "val" / kind)
    make_shards(root, tmp_path / "shards")
    assert len(ShardDataset(tmp_path / "shards")) == 3
    assert len(ShardDataset(tmp_path / "shards", split="val")) == 2
    assert ShardDataset(tmp_path / "shards").splits == {"train", "val"}


def test_a_kill_leaves_nothing_that_looks_finished(make_folder: Make, tmp_path: Path) -> None:
    """kill -9 at some moments; each time the rest is made, and what was finished stays."""
    root, target = make_folder(count=100), tmp_path / "shards"
    make_shards(root, tmp_path / "whole", shard_bytes=1)
    finished: dict[Path, int] = {}
    for wanted in (1, 60):
        process = start("shards", root, target, "--shard-size", "0.000001", "--workers", "1")
        deadline = time.monotonic() + 60
        while len(list(target.glob("train/*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert wanted <= len(list(target.glob("train/*.json"))) < 100
        with pytest.raises(ValueError, match="these shards are not finished: run `spadework shards` again"):
            ShardDataset(target)
        assert all(path.stat().st_mtime_ns == made for path, made in finished.items())
        finished = {path: path.stat().st_mtime_ns for path in sorted(target.glob("train/*.json"))[: wanted - 1]}
    code, output, errors = run("shards", root, target, "--shard-size", "0.000001")
    assert code == 0, errors
    assert "100 pairs in 100 shards" in output
    assert contents(target) == contents(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == made for path, made in finished.items())


def test_made_twice_is_made_once(make_folder: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_folder()
    assert main(["shards", str(root), str(tmp_path / "shards"), "--workers", "0"]) == 0
    assert "5 pairs in 1 shards" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").rglob("*.*") if path.name != ".lock"}
    assert main(["shards", str(root), str(tmp_path / "shards"), "--workers", "0"]) == 0
    assert "all 1 shards are there already" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_changed_photo_is_packed_anew(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    make_shards(root, tmp_path / "shards", shard_bytes=1)
    before = contents(tmp_path / "shards")
    Image.new("RGB", (32, 24), (1, 2, 3)).save(root / "photos/p2.png")
    os.utime(root / "photos/p2.png", (time.time() + 5, time.time() + 5))
    make_shards(root, tmp_path / "shards", shard_bytes=1)
    after = contents(tmp_path / "shards")
    assert {name for name in after if after[name] != before[name]} == {
        "train/00002.tar",
        "train/00002.json",
        "shards.json",
    }
    photo, _, _ = ShardDataset(tmp_path / "shards").read(2)
    assert photo is not None and photo.getpixel((0, 0)) == (1, 2, 3)


def test_changed_classes_are_followed(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    make_shards(root, tmp_path / "shards", shard_bytes=1)
    before = Ontology.read(root / "ontology.json")
    more = SemanticClass(77, "one more", (7, 7, 7))
    replace(before, classes=(*before.classes, more)).write(root / "ontology.json")

    # Killed once while they are made anew.
    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shards(root, tmp_path / "shards", shard_bytes=1, tell=stop)
    make_shards(root, tmp_path / "shards", shard_bytes=1)
    make_shards(root, tmp_path / "fresh", shard_bytes=1)
    assert contents(tmp_path / "shards") == contents(tmp_path / "fresh")
    assert "one more" in ShardDataset(tmp_path / "shards").ontology.names


def test_what_a_former_plan_left_is_deleted(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    make_shards(root, tmp_path / "shards", shard_bytes=1)
    index = json.loads((tmp_path / "shards/shards.json").read_text())
    (tmp_path / "shards/shards.json").write_text(json.dumps({**index, "complete": False}))
    make_shards(root, tmp_path / "shards")
    assert [path.name for path in sorted((tmp_path / "shards/train").iterdir())] == ["00000.json", "00000.tar"]


# Wrong input.


def test_destinations_that_hold_something_else(
    make_folder: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_folder()
    other = make_folder("other", count=4)
    before = contents(tmp_path)
    assert "holds the photos themselves" in refuse(capsys, root, root)
    assert "holds the photos themselves" in refuse(capsys, root, tmp_path)
    assert "holds something else (labels, ontology.json, photos)" in refuse(capsys, root, other)
    assert "is a file" in refuse(capsys, root, root / "ontology.json")
    assert contents(tmp_path) == before

    make_shards(root, tmp_path / "shards")
    before = contents(tmp_path)
    assert "finished shards of other pairs" in refuse(capsys, other, tmp_path / "shards")
    assert "another --shard-size" in refuse(capsys, root, tmp_path / "shards", "--shard-size", "0.00001")
    assert contents(tmp_path) == before


def test_a_second_writer_waits_for_the_first(
    make_folder: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from spadework.lock import FolderLock

    root = make_folder()
    (tmp_path / "shards").mkdir()
    lock = FolderLock(tmp_path / "shards")
    assert "is writing in" in refuse(capsys, root, tmp_path / "shards")
    lock.release()
    assert main(["shards", str(root), str(tmp_path / "shards"), "--workers", "0"]) == 0


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_pair_that_cannot_be_used(
    make_folder: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pair is read, also those that the quick check leaves out."""
    from spadework.data.folder import FolderDataset

    root = make_folder()
    Image.new("L", (32, 24), 77).save(root / "labels/p3.png")
    assert "label 77" in refuse(capsys, root, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()
    monkeypatch.setattr(FolderDataset, "check", lambda self: None)
    said = refuse(capsys, root, tmp_path / "shards", "--workers", workers)
    assert "p3.png" in said and "label 77" in said
    with pytest.raises(ValueError, match="not finished"):
        ShardDataset(tmp_path / "shards")


def test_wrong_numbers(make_folder: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_folder()
    assert "--shard-size 0" in refuse(capsys, root, tmp_path / "shards", "--shard-size", "0")
    assert "--workers -1" in refuse(capsys, root, tmp_path / "shards", "--workers", "-1")
    assert "there is no such folder" in refuse(
        capsys, tmp_path / "none", tmp_path / "shards", "--ontology", root / "ontology.json"
    )
    assert not (tmp_path / "shards").exists()


def test_a_limit_on_file_size_says_so(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(count=20)
    shell = f"ulimit -f 8; exec {sys.executable} -m spadework shards {root} {tmp_path / 'shards'} --workers 0"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "larger than a file may be here" in done.stderr, done.stderr
    assert not list((tmp_path / "shards").rglob("*.partial"))
