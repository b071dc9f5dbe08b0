"""`spadework check`: exit codes, files, and the repaired copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spadework.cli import main
from tests.data.doctor import faults
from tests.data.doctor.packs import Pack, drawn_pack


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return drawn_pack(tmp_path / "pack")


def test_a_clean_folder(pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", str(pack.root), "--json", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "16 pairs (train 10, val 6); ontology 'drawn'" in said and "nothing found" in said
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["pairs"] == 16 and data["errors"] == 0 and data["forecast"] is None
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_errors_are_1_and_a_repaired_copy_is_0(pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults.shifted(1)(pack)
    assert main(["check", str(pack.root), "--fix", str(tmp_path / "copy")]) == 1
    said = capsys.readouterr().out
    assert "ids-shifted" in said and "[--fix does it]" in said and "16 x ids changed: id - 1 (ids-shifted)" in said
    assert main(["check", str(tmp_path / "copy")]) == 0


def test_warnings_are_0(pack: Pack) -> None:
    faults.blank_photo(pack)
    assert main(["check", str(pack.root), "--quick"]) == 0


def test_nothing_to_check_is_2(pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, complaint in [
        ([str(tmp_path / "nowhere")], "there is no such folder"),
        ([str(pack.root), "--split", "test"], "no split 'test'"),
        ([str(pack.root), "--ontology", "coco-stuf"], "coco-stuff"),
        ([str(pack.root), "--preset", "tinny"], "did you mean 'tiny'?"),
        ([str(pack.root), "--quick", "--fix", str(tmp_path / "copy")], "leave --quick out"),
        ([str(pack.root), "--fix", str(pack.root / "copy")], "inside the original"),
    ]:
        assert main(["check", *arguments]) == 2, arguments
        assert complaint in capsys.readouterr().err
    assert not (tmp_path / "copy").exists() and not (pack.root / "copy").exists()


def test_a_forecast(pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(pack.root), "--preset", "tiny", "--json", str(tmp_path / "a.json")]) == 0
    assert "memory, preset tiny" in capsys.readouterr().out
    needs = json.loads((tmp_path / "a.json").read_text())["forecast"]
    assert needs["memory"] == needs["weights"] + needs["optimizers"] + needs["activations"]
    assert (needs["width"], needs["batch_size"]) == (64, 4)
