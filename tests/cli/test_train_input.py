"""Wrong input to `spadework train`: one readable error, exit code 2, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.cli import main
from spadework.cli.train_options import read_options
from spadework.systems import VARIANTS
from tests.cli.small import train_arguments

MakeFolder = Callable[..., Path]


def refuse(data: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Runs the training, which must be refused, and returns what it said."""
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} if data.is_dir() else {}
    code = main(train_arguments(data, out, 4, *more))
    said = capsys.readouterr().err
    assert code == 2, said
    assert said.startswith("error: ") and "Traceback" not in said
    assert not out.exists()
    assert before == {path: path.read_bytes() for path in before}
    return said


def save(path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(path)


def test_missing_photo(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    (data / "photos/p3.png").unlink()
    said = refuse(data, tmp_path / "run", capsys)
    assert "p3.png" in said and "photo" in said


def test_unreadable_photo(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    (data / "photos/p2.png").write_bytes(b"no picture at all")
    said = refuse(data, tmp_path / "run", capsys)
    assert "photos/p2.png" in said


def test_sizes_that_differ(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    save(data / "labels/p1.png", np.zeros((20, 30), np.uint8))
    said = refuse(data, tmp_path / "run", capsys)
    assert "p1.png" in said and "30" in said and "20" in said and "32" in said and "24" in said


def test_id_outside_the_ontology(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    save(data / "labels/p1.png", np.full((24, 32), 9, np.uint8))
    said = refuse(data, tmp_path / "run", capsys)
    assert "9" in said and "0..3" in said and "p1.png" in said


def test_mask_of_0_and_255(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    classes = json.loads((data / "ontology.json").read_text())
    classes["unlabelled"] = []
    (data / "ontology.json").write_text(json.dumps(classes))
    for path in (data / "labels").iterdir():
        save(path, np.where(np.indices((24, 32))[0] > 9, 255, 0).astype(np.uint8))
    said = refuse(data, tmp_path / "run", capsys)
    assert "255" in said and "0/255 mask" in said and "5 label maps" in said


def test_colours_that_are_no_class(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder()
    save(data / "labels/p0.png", np.full((24, 32, 3), (0, 120, 240), np.uint8))
    said = refuse(data, tmp_path / "run", capsys)
    assert "p0.png" in said and "240" in said and "sky" in said


def test_no_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str], make_folder: MakeFolder) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "ontology.json").write_bytes((make_folder() / "ontology.json").read_bytes())
    said = refuse(empty, tmp_path / "run", capsys)
    assert "labels" in said and "masks" in said
    ontology = str(empty / "ontology.json")
    said = refuse(tmp_path / "nowhere", tmp_path / "run", capsys, "--ontology", ontology)
    assert "there is no such folder" in said


def test_sizes_the_generator_cannot_take(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refuse(make_folder(), tmp_path / "run", capsys, "--width", "40", "--load-size", "44")
    assert "40x32" in said and "take 32x32 or 64x32" in said


def test_perceptual_loss_without_weights(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refuse(make_folder(), tmp_path / "run", capsys, "--perceptual-weight", "10")
    assert "--vgg vgg19-dcbb9e9d.pth" in said and "--perceptual-weight 0" in said


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--sample-every", "0"), "sample-every 0: expected 1 or more"),
        (("--evaluate-every", "-1"), "evaluate-every -1: expected 1 or more"),
        (("--images", "0"), "images 0: expected 1 or more"),
        (("--batch-size", "0"), "batch size 0"),
        (("--hand-drawn", "2"), "hand_drawn 2.0 is a share of the samples: 0 to 1"),
        (("--average", "1"), "average 1.0: expected 0 up to below 1"),
        (("--width", "64", "--height", "64"), "load size 36 is smaller than the width 64"),
        (("--classes", "5"), "--classes: the data say this; leave it out"),
        (("--best-by", "miou"), "did you mean 'mean_iou'?"),
        (("--best-by", "mean_iou"), "a judge gives this score; add --judge"),
    ],
)
def test_numbers_that_make_no_sense(
    options: tuple[str, ...],
    complaint: str,
    make_folder: MakeFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complaint in refuse(make_folder(), tmp_path / "run", capsys, *options)


def test_photos_alone_for_a_test(make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = make_folder(inside="train")
    (data / "test/photos").mkdir(parents=True)
    Image.new("RGB", (32, 24)).save(data / "test/photos/a.png")
    assert main(train_arguments(data, tmp_path / "run", 2)) == 0
    assert "samples will show training pictures" in capsys.readouterr().err
    assert list((tmp_path / "run/samples").iterdir())


def test_the_system_comes_before_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--preset", "tiny", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "oasis"]) == 2
    assert "name the system before its options: spadework train oasis" in capsys.readouterr().err


def test_explicit_options_go_before_those_of_a_variant() -> None:
    arguments = ["spade", "--preset", "tiny", "--variant", "compact", "--data", "d", "--out", "o"]
    compact = VARIANTS["spade"]["compact"]
    assert {name: getattr(read_options(arguments).config, name) for name in compact} == compact
    assert read_options([*arguments, "--generator-width", "24"]).config.generator_width == 24


def test_unknown_names_get_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "did you mean 'train'?" in capsys.readouterr().err
    assert main(["train", "spad"]) == 2
    assert "did you mean 'spade'?" in capsys.readouterr().err
    assert main(["train", "spade", "--preset", "cityscape"]) == 2
    assert "did you mean 'cityscapes'?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit_:
        main(train_arguments(tmp_path, tmp_path / "run", 4, "--generator-wdith", "3"))
    assert exit_.value.code == 2
    assert "--generator-width" in capsys.readouterr().err


def test_help_shows_every_option_of_the_config(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["train", "spade", "--preset", "cityscapes", "--help"])
    assert exit_.value.code == 0
    said = capsys.readouterr().out
    for option in ("--generator-width", "--gan-loss", "--batch-size", "--seed", "--resume", "--upsamplings"):
        assert option in said
    assert "default: more" in said
