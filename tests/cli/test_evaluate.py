"""`spadework evaluate`: protocols, exit codes, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spadework.cli import main
from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology
from tests.evaluation.drawn import draw_data, draw_model

pytest.importorskip("segmentation_models_pytorch", reason="it comes with the extra `eval`")


@pytest.fixture
def data(tmp_path: Path, ontology: Ontology) -> Path:
    return draw_data(tmp_path / "park", ontology, 18)


@pytest.fixture
def judge(tmp_path: Path, ontology: Ontology) -> Path:
    """A segmenter with random weights."""
    from spadework.segmenters.own import OwnConfig, OwnSegmenter

    segmenter = OwnSegmenter(OwnConfig(("sky", "grass", "house", "road"), (0, 1, 2, 3), height=32, width=32))
    segmenter.training_record = {"fold": "judge", "seed": 0, "encoder_weights": None}
    segmenter.write(tmp_path / "judge", ontology, {}, "")
    return tmp_path / "judge"


def test_a_model(
    data: Path, judge: Path, tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = draw_model(tmp_path / "model", ontology), tmp_path / "report"
    options = ["--data", str(data), "--segmenter", str(judge), "--out", str(out), "--cache", str(tmp_path / "cache")]
    assert main(["evaluate", str(model), *options, "--processes", "1", "--diversity-maps", "2"]) == 0
    said = capsys.readouterr().out
    assert "model: 18 pictures of 32x32, protocol own" in said and "mean IoU" in said and "left out: FID" in said
    assert "The judge is independent" in said and "It was trained on none of these 18 photos" in said
    report = json.loads((out / "report.json").read_text())
    assert report["segmenter"]["weights"][0]["name"] == "model.safetensors"
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    assert main(["evaluate", str(model), *options, "--processes", "1", "--diversity-maps", "2", "--seed", "4"]) == 2
    assert "subject / seed 0, now it is 4" in capsys.readouterr().err


def test_a_data_folder_stands_for_its_photos(data: Path, judge: Path, tmp_path: Path) -> None:
    options = ["--segmenter", str(judge), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert main(["evaluate", str(data), "--data", str(data), *options, "--processes", "1"]) == 0
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())["numbers"]
    assert numbers["segmentation"]["pictures"] == numbers["segmentation"]["real_photos"]
    assert numbers["segmenter_features"]["frechet"] == pytest.approx(0, abs=1e-6)


def test_wrong_input_is_2(
    data: Path, judge: Path, tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = draw_model(tmp_path / "model", ontology), tmp_path / "out"
    city = draw_data(tmp_path / "city", ontology, 2)
    (city / "ontology.json").unlink()
    shipped_ontology("coco-stuff").write(city / "ontology.json")
    for subject, where, options, complaint in [
        (model, data, ["--protocol", "spade-2018"], "did you mean 'spade-2019'"),
        (model, data, ["--protocol", "spade-2019"], "is for coco-stuff, ade20k"),
        (model, data, ["--segmenter", str(tmp_path / "nobody")], "nobody"),
        (model, data, ["--segmenter-weights", "a.pth"], "whose weights are these?"),
        (model, data, ["--inception", str(tmp_path / "none.pth")], "none.pth"),
        (model, data, ["--split", "val"], "no split 'val'"),
        (model, data, ["--size", "0", "32"], "size"),
        (model, data, ["--diversity-styles", "1"], "2 or more"),
        (model, data, ["--processes", "-1"], "--processes -1"),
        (model, city, ["--protocol", "spade-2019", "--segmenter", str(judge)], "judged by deeplab-v2"),
        (model, city, ["--protocol", "spade-2019", "--size", "64", "64"], "leave it out"),
        (model, city, ["--protocol", "spade-2019", "--preprocessing", "ade20k"], "leaves no choice in how photos"),
        (model, data, ["--protocol", "train-on-fake", "--segmenter", "x"], "--segmenter: train-on-fake trains"),
        (tmp_path / "nobody's model", data, [], "expected a model folder"),
        (city, data, [], "no picture for 16 of 18 label maps, p2 for one"),
    ]:
        code = main(["evaluate", str(subject), "--data", str(where), "--out", str(out), *options])
        said = capsys.readouterr().err
        assert code == 2 and complaint in said, f"{options}: {said}"
        assert not out.exists()


@pytest.mark.slow
def test_train_on_fake_without_splits_generates_what_is_trained_on(
    tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of a plain folder is held out first; the classes may come from elsewhere."""
    data = draw_data(tmp_path / "park", ontology, 12)
    (data / "ontology.json").rename(tmp_path / "classes.json")
    model = draw_model(tmp_path / "model", ontology)
    options = ["--data", str(data), "--ontology", str(tmp_path / "classes.json"), "--out", str(tmp_path / "out")]
    options += ["--protocol", "train-on-fake", "--size", "32", "32", "--processes", "1", "--train-images", "16"]
    assert main(["evaluate", str(model), *options]) == 0
    assert "trained on both" in capsys.readouterr().out
    assert len(list((tmp_path / "out/generated/photos").iterdir())) == 10


@pytest.mark.slow
def test_train_on_fake(tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "park"
    for split, count, first in (("train", 12, 0), ("test", 4, 100)):
        draw_data(data / split, ontology, count, first)
    ontology.write(data / "ontology.json")
    model = draw_model(tmp_path / "model", ontology)
    options = ["--data", str(data), "--out", str(tmp_path / "out"), "--protocol", "train-on-fake", "--size", "32", "32"]
    assert main(["evaluate", str(model), *options, "--processes", "1", "--train-images", "40"]) == 0
    assert "trained on both" in capsys.readouterr().out
