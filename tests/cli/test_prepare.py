"""`spadework prepare` as a user meets it; and docs/datasets.md says what is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from spadework.cli import main
from spadework.data.folder import FolderDataset
from spadework.data.prepare import DATA_SETS
from tests.data.pictures import ids
from tests.data.prepare import owners
from tests.data.prepare.owners import Archives, lay_out
from tests.data.prepare.test_folders import ONTOLOGY

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def everything_in_downloads() -> Archives:
    published = [owners.coco_stuff(), owners.ade20k_challenge(), owners.cityscapes(), owners.facades()]
    return {name: files for archives in published for name, files in archives.items()}


def test_the_documented_commands_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is missing; it comes with the extra `datasets`")
    monkeypatch.chdir(tmp_path)
    lay_out(everything_in_downloads(), Path("downloads"), "zip")
    for kind in ("my-landscapes", "my-photos"):
        lay_out(owners.landscapes(), Path(kind), "folder")
    label_maps = {f"lakes/{number:03d}.png": owners.gray(np.minimum(ids(number), 3)) for number in range(12)}
    for kind in ("my-landscapes-labels", "my-labels"):
        lay_out({"": label_maps}, Path(kind), "folder")
    ONTOLOGY.write("my-classes.json")

    assert {words[2] for words in commands()} == set(DATA_SETS)
    for words in commands():
        assert main([*words[1:], "--workers", "1"]) == 0, capsys.readouterr().err
        said = capsys.readouterr()
        assert said.out.startswith(f"{words[4]} is complete: {words[2]}, pairs: train ")
        assert len(FolderDataset(words[4], split="train")) > 0


def test_every_data_set_and_archive_is_documented() -> None:
    for name, kind in DATA_SETS.items():
        assert f"| `{name}` |" in DOCS
        for archive in re.findall(r"\w+\.zip", kind.__doc__ or ""):
            assert f"`{archive}`" in DOCS, archive


def test_what_is_said_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = str(lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")), str(tmp_path / "out")
    assert main(["prepare", "ade20k", source, target]) == 0
    said = capsys.readouterr()
    size = sum(file.stat().st_size for file in (tmp_path / "out").glob("*/*/*"))
    assert said.out == (
        f"{target} is complete: ade20k, pairs: train 4, val 2; {size / 1024:.1f} KiB; 12 of 12 files made now\n"
    )
    assert "note: train has 4 pairs; its owners published 20,210\n" in said.err
    assert re.search(r"preparing: .*/12 \[", said.err)
    assert main(["prepare", "ade20k", source, target]) == 0
    assert capsys.readouterr().out.endswith("; nothing was left to do\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no data set named; there are coco-stuff, ade20k"),
        (["ade2k", "x", "y"], "did you mean 'ade20k'?"),
        (["ade20k", "nowhere", "y"], "nowhere: there is no such folder or archive"),
        (["ade20k", ".", "y", "--workers", "0"], "--workers 0: expected 1 or more"),
        (["cityscapes", ".", "y", "--splits", "trian"], "--splits trian: there are train, val"),
    ],
)
def test_wrong_input_ends_with_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in DATA_SETS)
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "coco-stuff", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("SRC", "DST", "stuffthingmaps_trainval2017.zip", "--no-instances", "--verify"))


def test_left_out_pairs_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archives = owners.ade20k_challenge()
    path = "ADEChallengeData2016/images/validation/ADE_val_00000001.jpg"
    archives["ADEChallengeData2016"][path] = b"nothing"
    source = str(lay_out(archives, tmp_path / "down", "zip"))
    assert main(["prepare", "ade20k", source, str(tmp_path / "out")]) == 2
    assert "error: 1 faulty pair in" in capsys.readouterr().err
    assert main(["prepare", "ade20k", source, str(tmp_path / "out"), "--skip-faulty"]) == 0
    assert "note: val/ADE_val_00000001 is left out: ADEChallengeData2016.zip/" in capsys.readouterr().err
