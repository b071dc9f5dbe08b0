"""`spadework generate`: files and folders, every form of label map, styles, and wrong input."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.cli import main
from spadework.data.ontology import Ontology
from spadework.model_folder import write_model
from spadework.systems import PRESETS
from spadework.systems.spade import Spade
from tests.data.pictures import ids, painted

MakeFolder = Callable[..., Path]
CONFIG = replace(
    PRESETS["spade"]["tiny"].config,
    classes=5,
    edges=True,
    height=32,
    width=32,
    generator_width=2,
    hidden=8,
    stem="style",
    style_size=8,
    encoder=True,
    encoder_width=2,
    encoder_input=32,
)


@pytest.fixture
def model(tmp_path: Path, ontology: Ontology) -> Path:
    torch.manual_seed(0)
    system = Spade(CONFIG)
    for name, parameter in system.generator.named_parameters():
        if "conv_" not in name:
            parameter.data.normal_(0, 0.2)  # fresh weights are too small to see anything
    write_model(tmp_path / "model", "spade", system, ontology)
    return tmp_path / "model"


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def generate(*arguments: Path | str) -> int:
    return main(["generate", *map(str, arguments)])


def test_every_form_of_a_label_map_gives_one_photo(model: Path, tmp_path: Path) -> None:
    label = ids(3)
    maps = tmp_path / "maps"
    maps.mkdir()
    Image.fromarray(label).save(maps / "ids.png")
    np.save(maps / "array.npy", label)
    Image.fromarray(label).save(maps / "tiff.tif")
    coloured = np.asarray(painted(label)).copy()
    coloured[label == 255] = Ontology.read(model / "ontology.json").colors()[4].numpy()
    Image.fromarray(coloured).save(maps / "coloured.png")
    palette = Image.fromarray(label, "P")
    palette.putpalette(list(range(256)) * 3)
    palette.save(maps / "palette.png")

    assert generate(model, maps, "--out", tmp_path / "photos") == 0
    photos = {path.stem: pixels(path) for path in (tmp_path / "photos").iterdir()}
    assert photos.keys() == {"ids", "array", "tiff", "coloured", "palette"}
    assert photos["ids"].shape == (24, 32, 3) and photos["ids"].std() > 1
    for name, photo in photos.items():
        assert np.array_equal(photo, photos["ids"]), name


def test_styles(model: Path, make_folder: MakeFolder, tmp_path: Path) -> None:
    """By seed, by photo, by vector: each changes the look, and each can be had again."""
    data = make_folder()
    label = data / "labels/p0.png"
    np.save(tmp_path / "vector.npy", np.linspace(-2, 2, 8, dtype=np.float32))
    looks = {
        "none": [],
        "seed 0": ["--seed", "0"],
        "seed 1": ["--seed", "1"],
        "photo": ["--style", data / "photos/p1.png"],
        "photo and seed": ["--style", data / "photos/p1.png", "--seed", "1"],
        "vector": ["--style", tmp_path / "vector.npy"],
    }
    photos = {}
    for name, options in looks.items():
        assert generate(model, label, "--out", tmp_path / name, *options) == 0
        photos[name] = pixels(tmp_path / name / "p0.png")
    assert np.array_equal(photos.pop("none"), photos["seed 0"])
    names = list(photos)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert not np.array_equal(photos[one], photos[other]), f"{one} looks like {other}"
    assert generate(model, label, "--out", tmp_path / "again", "--seed", "1") == 0
    assert np.array_equal(pixels(tmp_path / "again/p0.png"), photos["seed 1"])


def test_instance_maps_and_subfolders(model: Path, make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(instances=True)
    for kind in ("labels", "instances"):
        (data / kind / "deep").mkdir()
        (data / kind / "p4.png").rename(data / kind / "deep/p4.png")
    one = np.zeros((24, 32), np.uint8)
    Image.fromarray(one).save(data / "instances/p0.png")
    assert generate(model, data, "--out", tmp_path / "without") == 0
    assert generate(model, data, "--out", tmp_path / "with", "--instances", data / "instances") == 0
    assert pixels(tmp_path / "with/deep/p4.png").shape == (24, 32, 3)
    assert not np.array_equal(pixels(tmp_path / "with/p0.png"), pixels(tmp_path / "without/p0.png"))
    assert np.array_equal(pixels(tmp_path / "with/p1.png"), pixels(tmp_path / "without/p1.png"))


def test_wrong_input(
    model: Path, make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_folder()
    label = data / "labels/p0.png"
    wrong = tmp_path / "wrong.png"
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(wrong)
    (tmp_path / "empty").mkdir()
    cases: list[tuple[list[Path | str], str]] = [
        ([tmp_path / "nowhere", label], "expected a model folder"),
        ([tmp_path / "empty", label], "it has no config.json"),
        ([model], "no label maps given"),
        ([model, tmp_path / "nowhere.png"], "there is no such file"),
        ([model, tmp_path / "empty"], "no label maps in it"),
        ([model, wrong], "wrong.png: "),
        ([model, label, data / "labels"], "would both become p0.png"),
        ([model, label, "--style", data / "nothing.jpg"], "nothing.jpg"),
        ([model, label, "--instances", tmp_path / "empty"], "empty"),
    ]
    for arguments, expected in cases:
        assert generate(*arguments, "--out", tmp_path / "photos") == 2
        said = capsys.readouterr().err
        assert expected in said and "Traceback" not in said
        assert not (tmp_path / "photos").exists()
    assert generate(model, label, "--out", data / "labels") == 2
    assert "is one of the files to read" in capsys.readouterr().err
    assert generate(model, label, "--style", data / "photos/p0.png", "--out", data / "photos") == 2
    assert "is one of the files to read" in capsys.readouterr().err
    if not torch.cuda.is_available():
        assert generate(model, label, "--out", tmp_path / "photos", "--device", "cuda") == 2
        assert "device cuda: PyTorch sees no such GPU here. Take another one (cpu)" in capsys.readouterr().err


def test_a_data_folder_stands_for_the_label_maps_of_its_splits(
    model: Path, make_folder: MakeFolder, tmp_path: Path
) -> None:
    data = make_folder(count=2, inside="train", instances=True)
    make_folder("more", count=1, inside="val", instances=True)
    shutil.move(tmp_path / "more/val", data / "val")
    (data / "train/labels/._p0.png").write_bytes(b"a desktop's own")
    assert generate(model, data, "--instances", data, "--out", tmp_path / "photos") == 0
    made = sorted(str(path.relative_to(tmp_path / "photos")) for path in (tmp_path / "photos").rglob("*.png"))
    assert made == ["train/p0.png", "train/p1.png", "val/p0.png"]
    by_hand = [model, data / "val/labels", "--instances", data / "val/instances", "--out", tmp_path / "other"]
    assert generate(*by_hand) == 0
    assert (pixels(tmp_path / "other/p0.png") == pixels(tmp_path / "photos/val/p0.png")).all()


def test_label_maps_of_one_name_are_a_question(
    model: Path, make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = make_folder() / "labels"
    np.save(labels / "p0.npy", ids(0))
    assert generate(model, labels, "--out", tmp_path / "photos") == 2
    assert "would both become p0.png" in capsys.readouterr().err and not (tmp_path / "photos").exists()


def test_a_seed_for_a_model_without_style_is_noted(
    make_folder: MakeFolder, tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = replace(CONFIG, stem="label_map", encoder=False)
    write_model(tmp_path / "plain", "spade", Spade(plain), ontology)
    label = make_folder() / "labels/p0.png"
    assert generate(tmp_path / "plain", label, "--out", tmp_path / "photos", "--seed", "4") == 0
    assert "note: this model has no style input" in capsys.readouterr().err
    assert generate(tmp_path / "plain", label, "--out", tmp_path / "photos", "--style", label) == 2
    assert "no style encoder" in capsys.readouterr().err


def test_forms_and_what_verbose_tells(
    model: Path, make_folder: MakeFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(count=1)
    main(["generate", str(model), str(folder), "--out", str(tmp_path / "auto"), "--verbose"])
    assert "channels: " in caplog.text and "ms with reading" in caplog.text
    main(["generate", str(model), str(folder), "--out", str(tmp_path / "dense"), "--dense"])
    difference = pixels(tmp_path / "auto/p0.png").astype(int) - pixels(tmp_path / "dense/p0.png")
    assert abs(difference).max() <= 1
