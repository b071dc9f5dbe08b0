"""Train on fake, test on real: three segmenters, resumed where they stood; nobody sees the answers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spadework.cli import main
from spadework.evaluation.train_on_fake import train_on_fake
from tests.drawn_segmenter import LEARNING, ONTOLOGY, PACE, data_folder, options, settings


def protocol(root: Path, fake: Path, out: Path, tell: Any = None, **changes: Any) -> dict[str, Any]:
    return train_on_fake([root], fake, out, settings(**changes), PACE, tell=tell or (lambda line: None))


def fakes(folder: Path, *, noise: bool = False) -> Path:
    """Generated photos for other label maps: as good as real ones, or of noise that no label map explains."""
    data_folder(folder, first=200, test=0)
    if noise:
        for file in (folder / "photos").iterdir():
            pixels = np.random.default_rng(int(file.stem[1:])).integers(0, 256, (32, 48, 3), np.uint8)
            Image.fromarray(pixels).save(file)
    return folder


@pytest.mark.slow
def test_noise_teaches_less_than_photos(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park")
    report = protocol(root, fakes(tmp_path / "noise", noise=True), tmp_path / "out", **LEARNING)
    trained = report["trained_on"]
    assert {name: each["photos"] for name, each in trained.items()} == {"real": 12, "fake": 12, "both": 24}
    scores = {name: each["scores"]["test"]["mean_iou"] for name, each in trained.items()}
    assert scores["real"] > 0.4 > 0.25 > scores["fake"]
    assert report["measured_on"] == {"test": 4}
    assert json.loads((tmp_path / "out/report.json").read_text()) == report


def test_what_is_finished_stays(tmp_path: Path) -> None:
    root, fake = data_folder(tmp_path / "park"), fakes(tmp_path / "fake")
    whole = protocol(root, fake, tmp_path / "whole")

    def stop_at_both(line: str) -> None:
        if line == "on both photos:":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        protocol(root, fake, tmp_path / "out", stop_at_both)
    finished = {name: (tmp_path / "out" / name / "segmenter.json").stat().st_mtime_ns for name in ("real", "fake")}
    assert not (tmp_path / "out/both").exists() and not (tmp_path / "out/report.json").exists()
    assert protocol(root, fake, tmp_path / "out") == whole
    for name, time in finished.items():
        assert (tmp_path / "out" / name / "segmenter.json").stat().st_mtime_ns == time
    with pytest.raises(ValueError, match="seed was 0, now 1"):
        protocol(root, fake, tmp_path / "out", seed=1)


def test_fakes_of_the_label_maps_measured_on_are_refused(tmp_path: Path) -> None:
    root, fake = data_folder(tmp_path / "park"), fakes(tmp_path / "fake")
    names = ["p1000.png", "p1001.png"]
    for name in names:
        shutil.copy(fake / "photos/p200.png", fake / "photos" / name)
        shutil.copy(root / "test/labels" / name, fake / "labels" / name)
    # The second map is also smaller: the fake was made at another size.
    small = Image.open(fake / "labels" / names[1]).resize((24, 16), Image.Resampling.NEAREST)
    small.save(fake / "labels" / names[1])
    Image.open(fake / "photos" / names[1]).resize((24, 16)).save(fake / "photos" / names[1])
    with pytest.raises(ValueError, match=r"2 generated photos \(p1000, p1001\) show label maps of the split 'test'"):
        protocol(root, fake, tmp_path / "out")
    assert not (tmp_path / "out").exists()

    # The same names for other label maps are nobody's business.
    for name in names:
        shutil.copy(fake / "photos/p200.png", fake / "photos" / name)
        shutil.copy(fake / "labels/p200.png", fake / "labels" / name)
    assert protocol(root, fake, tmp_path / "out", images=8)["trained_on"]["fake"]["photos"] == 14


def test_fakes_have_the_classes_of_the_real_photos(tmp_path: Path) -> None:
    root, fake = data_folder(tmp_path / "park"), fakes(tmp_path / "fake")
    (fake / "ontology.json").unlink()
    assert protocol(root, fake, tmp_path / "out", images=8)["trained_on"]["both"]["photos"] == 24
    replace(ONTOLOGY, name="meadow").write(fake / "ontology.json")
    with pytest.raises(ValueError, match=r"ontology\.json differs from the ontology of the real photos, 'park'"):
        protocol(root, fake, tmp_path / "other")


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, fake, out = data_folder(tmp_path / "park"), fakes(tmp_path / "fake"), tmp_path / "out"
    command = ["train-on-fake", str(fake), "--data", str(root), "--out", str(out), *options(images=8)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    for name, count in (("real", 12), ("fake", 12), ("both", 24)):
        assert f"trained on {name} ({count} photos), measured on test: mean IoU " in printed
    assert main(["train-on-fake", "nowhere", "--data", str(root), "--out", str(out), *options(images=8)]) == 2
    assert "nowhere: there is no such folder" in capsys.readouterr().err
