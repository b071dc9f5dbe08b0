"""Which classes a training takes: given ones by file or name, the data's, or those of the preset's data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.cli import main
from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology

MakeFolder = Callable[..., Path]

SMALL = [
    *("--height", "32", "--width", "32", "--load-size", "36", "--batch-size", "2", "--perceptual-weight", "0"),
    *("--generator-width", "1", "--hidden", "4", "--discriminator-width", "4", "--discriminator-layers", "2"),
    *("--workers", "0", "--device", "cpu", "--images", "2"),
]


def train(data: Path, out: Path, preset: str, *more: str) -> int:
    return main(["train", "spade", "--preset", preset, *SMALL, "--data", str(data), "--out", str(out), *more])


@pytest.fixture
def plain(make_folder: MakeFolder) -> Path:
    """A data folder that does not say its classes; it holds 0..3 and 255."""
    data = make_folder()
    (data / "ontology.json").unlink()
    return data


def test_the_classes_of_the_presets_data_set(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(plain, tmp_path / "run", "coco") == 0
    said = capsys.readouterr().err
    assert f"note: {plain}: no ontology.json or classes.json there" in said
    assert "the classes of 'coco-stuff', which preset coco is for. If they hold others, give --ontology" in said
    assert Ontology.read(tmp_path / "run" / "ontology.json") == shipped_ontology("coco-stuff")


def test_they_must_fit(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(plain, tmp_path / "run", "ade20k") == 2
    said = capsys.readouterr().err
    assert "'ade20k'" in said and "255" in said and "give --ontology" in said
    assert not (tmp_path / "run").exists()


def test_the_data_go_first(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(make_folder(), tmp_path / "run", "coco") == 0
    assert "coco-stuff" not in capsys.readouterr().err
    assert Ontology.read(tmp_path / "run" / "ontology.json").name == "park"


def test_by_name(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(plain, tmp_path / "run", "tiny", "--ontology", "flickr-landscapes") == 0
    assert Ontology.read(tmp_path / "run" / "ontology.json").name == "flickr-landscapes"
    assert train(plain, tmp_path / "wrong", "tiny", "--ontology", "flickr") == 2
    assert "did you mean 'flickr-landscapes'?" in capsys.readouterr().err


def test_a_preset_of_no_data_set(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(plain, tmp_path / "run", "tiny") == 2
    said = capsys.readouterr().err
    assert "no ontology.json or classes.json in it" in said and "--ontology" in said
