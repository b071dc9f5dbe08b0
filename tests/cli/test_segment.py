"""`spadework segment` and `train-segmenter` as a user meets them, and photos labelled for a data set."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.cli import main
from spadework.data.folder import FolderDataset
from spadework.data.label_map import read_label_map
from spadework.segmenters.own import OwnSegmenter
from tests.drawn_segmenter import ONTOLOGY, data_folder, fresh_segmenter, options

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "own-segmenter.md").read_text(encoding="utf-8")


def test_the_documented_commands_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In their order, trainings made short; a generator is stood in for by photos of other label maps."""
    monkeypatch.chdir(tmp_path)
    data_folder(Path("park"))
    photo(Path("holiday-photos/beach.jpg"))
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    for words in [shlex.split(line) for block in blocks for line in block.splitlines()]:
        if words[:2] == ["spadework", "generate"]:
            data_folder(Path("other"), first=300, test=0)
            shutil.copytree("other/photos", words[-1])
        elif words[0] == "cp":
            shutil.copytree("other/labels", words[-1])
        else:
            more = options(images=8) if words[1].startswith("train-") else []
            assert main([*words[1:], *more]) == 0, capsys.readouterr().err
    made = ("judge/report.json", "labels/beach.png", "data/holiday/manifest.json", "fake-against-real/report.json")
    assert all(Path(file).is_file() for file in made)


def test_every_file_of_a_segmenter_is_documented(judge: Path) -> None:
    for file in judge.iterdir():
        assert f"`{file.name}`" in DOCS


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """A segmenter with random weights."""
    torch.manual_seed(0)
    fresh_segmenter().write(tmp_path / "judge", ONTOLOGY, {}, "")
    return tmp_path / "judge"


def photo(path: Path, width: int = 40, height: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_photos_become_label_maps(judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    single = photo(tmp_path / "single.jpg", 33, 50)
    photo(tmp_path / "more/photos/a.png")
    photo(tmp_path / "more/photos/deep/b.webp", 64, 32)
    out, colors = tmp_path / "maps", tmp_path / "colors"
    arguments = ["segment", str(single), str(tmp_path / "more"), "--segmenter", str(judge), "--out", str(out)]
    assert main([*arguments, "--colors", str(colors)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / f"{name}.png") for name in ("single", "a", "deep/b")]
    segmenter = OwnSegmenter.read(judge)
    for name, path in (("single", single), ("deep/b", tmp_path / "more/photos/deep/b.webp")):
        expected = segmenter.label(Image.open(path).convert("RGB"))
        with Image.open(out / f"{name}.png") as written:
            assert written.mode == "P" and np.array_equal(np.array(written), expected.numpy())
        assert torch.equal(read_label_map(out / f"{name}.png", ONTOLOGY), expected)
        assert torch.equal(read_label_map(colors / f"{name}.png", ONTOLOGY), expected)


def test_wrong_input_ends_with_2(judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = photo(tmp_path / "in/a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "in/broken.jpg").write_text("nothing")
    out = ["--out", str(tmp_path / "out")]
    by_judge = ["--segmenter", str(judge)]
    for arguments, message in [
        ([*by_judge, *out], "no photos given"),
        (["nowhere.jpg", *by_judge, *out], "nowhere.jpg: there is no such file or folder"),
        ([str(tmp_path / "empty"), *by_judge, *out], "no photos in it"),
        ([str(one), str(photo(tmp_path / "b/a.jpg")), *by_judge, *out], "would both become a.png"),
        ([str(one), "--segmenter", str(tmp_path / "empty"), *out], "is no segmenter: it has no segmenter.json"),
        ([str(one), *by_judge, "--out", str(tmp_path / "in")], "is one of the files to read"),
        ([str(one), *by_judge, *out, "--colors", str(tmp_path / "in")], "is one of the files to read"),
        ([str(one), *by_judge, *out, "--colors", str(tmp_path / "out")], "--out and --colors are one folder"),
        ([str(tmp_path / "in/broken.jpg"), *by_judge, *out], "broken.jpg"),
    ]:
        assert main(["segment", *arguments]) == 2, arguments
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_segmenter_labels_photos_for_a_data_set(
    judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own classes, not COCO-Stuff's; the same command goes on, and another segmenter is noticed."""
    for name in "abcdef":
        photo(tmp_path / f"mine/{name}.jpg")
    command = ["prepare", "flickr-landscapes", str(tmp_path / "mine"), str(tmp_path / "data"), "--val", "0"]
    assert main([*command, "--segmenter", str(judge)]) == 0, capsys.readouterr().err
    data = FolderDataset(tmp_path / "data", split="train")
    assert len(data) == 6 and data.ontology == ONTOLOGY
    segmenter = OwnSegmenter.read(judge)
    for pair in data.pairs:
        assert pair.photo is not None
        expected = segmenter.label(Image.open(pair.photo).convert("RGB"))
        assert torch.equal(read_label_map(pair.label, ONTOLOGY), expected)
    assert main([*command, "--segmenter", str(judge)]) == 0
    assert "nothing was left to do" in capsys.readouterr().out

    torch.manual_seed(1)
    fresh_segmenter().write(tmp_path / "other", ONTOLOGY, {}, "")
    assert main([*command, "--segmenter", str(tmp_path / "other")]) == 2
    assert "own segmenter" in capsys.readouterr().err
    assert main([*command, "--segmenter", str(judge), "--labels", str(tmp_path / "mine")]) == 2
    assert "label maps come from one of them" in capsys.readouterr().err


def test_training_one_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = data_folder(tmp_path / "park"), tmp_path / "judge"
    command = ["train-segmenter", str(root), "--out", str(out), *options(images=16)]
    assert main(command) == 0, capsys.readouterr().err
    assert "test: 4 real photos, mean IoU " in capsys.readouterr().out
    record = json.loads((out / "segmenter.json").read_text())["training"]
    assert record["fold"] == "judge" and record["photos"] == len((out / "photos.sha256").read_text().splitlines()) < 12
    assert main(command) == 2 and "add --resume to go on" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0 and "nothing was left to do" in capsys.readouterr().out
    assert main([*command[:3], str(tmp_path / "else"), *options(images=16), "--encoder-weights", "none.pth"]) == 2
    assert "none.pth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["park", "--architecture", "unt"], "did you mean 'unet'?"),
        (["park", "--width", "100"], "expected multiples of 32"),
        (["park", "--batch-size", "1"], "batch size 1"),
        (["park", "--hold-out", "2"], "expected a share between 0 and 1"),
        (["park", "--log-every", "0"], "expected 1 or more"),
    ],
)
def test_wrong_options_end_with_2_and_write_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    data_folder(Path("park"), test=0)
    try:
        code = main(["train-segmenter", *arguments, "--out", "judge"])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert not Path("judge").exists()
