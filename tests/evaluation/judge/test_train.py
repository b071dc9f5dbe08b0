"""Training a judge: it learns, goes on exactly, and leaves what it must not touch."""

from __future__ import annotations

import json
import shutil
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from spadework.checkpoints import Checkpoints
from spadework.data.ontology import Ontology
from spadework.evaluation.judge import train as train_module
from spadework.evaluation.judge.ceiling import ceiling
from spadework.evaluation.judge.classes import class_weights, own_config
from spadework.evaluation.judge.folds import choose_material
from spadework.evaluation.judge.start import Start
from spadework.evaluation.judge.train import train_judge
from spadework.lock import FolderLock
from spadework.log import read_log
from spadework.segmenters.own import OwnSegmenter
from tests.cli.small import run
from tests.cli.small import start as start_command
from tests.drawn_segmenter import LEARNING, NAMES, ONTOLOGY, PACE, data_folder, fresh_segmenter, options, settings


def quiet(line: str) -> None: ...


def train(
    root: Path, out: Path, *, start: Start | None = None, resume: bool = False, pace: Any = PACE, **changes: Any
) -> OwnSegmenter:
    material = choose_material([root], "all")
    return train_judge(material, out, settings(**changes), pace, start=start, resume=resume, tell=quiet)


def test_it_learns_drawn_classes(tmp_path: Path) -> None:
    """Four classes in four colours: a few hundred images are enough to beat chance (a mean IoU of 0.14) by far."""
    segmenter = train(data_folder(tmp_path / "park"), tmp_path / "judge", **LEARNING)
    scores = segmenter.read_report(tmp_path / "judge")["ceiling"]["test"]
    assert scores["mean_iou"] > 0.4 and scores["accuracy"] > 0.6
    assert scores["photos"] == 4 and tuple(scores["class_iou"]) == NAMES and scores["classes_averaged"] == 4
    assert sum(map(sum, scores["confusion"])) == scores["pixels"] == 4 * 32 * 48 - scores["ignored"]

    # What the folder says is what the segmenter read from it does.
    again = ceiling(OwnSegmenter.read(tmp_path / "judge"), choose_material([tmp_path / "park"], "all").held_out["test"])
    assert again == scores
    lines = read_log(tmp_path / "judge")
    assert lines[-1]["images"] == 240 and lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    record = json.loads((tmp_path / "judge/segmenter.json").read_text())["training"]
    assert (record["seed"], record["fold"], record["photos"], record["held_out"]) == (0, "all", 12, {"test": 4})
    assert Ontology.read(tmp_path / "judge/ontology.json") == ONTOLOGY


def test_kills_and_interruptions_change_nothing(tmp_path: Path) -> None:
    """kill -9, then SIGTERM, then on to the end: the weights of an undisturbed training, to the last bit."""
    root = data_folder(tmp_path / "park")
    command = ["train-segmenter", root, "--fold", "all", *options(images=160), "--resume", "--out"]
    code, _, errors = run(*command, tmp_path / "whole")
    assert code == 0, errors
    command.append(tmp_path / "judge")

    killed = start_command(*command)
    wait_for(tmp_path / "judge/checkpoints/000000048.pt", killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with pytest.raises(ValueError, match="its training has not ended"):
        OwnSegmenter.read(tmp_path / "judge")

    stopped = start_command(*command)
    wait_for(tmp_path / "judge/checkpoints/000000096.pt", stopped)
    stopped.send_signal(signal.SIGTERM)
    output, errors = stopped.communicate(timeout=120)
    assert stopped.returncode == 130 and "is saved; go on with --resume" in output, errors

    code, output, errors = run(*command)
    assert code == 0, errors
    assert "test: 4 real photos, mean IoU" in output
    assert (tmp_path / "judge/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    ours, theirs = (OwnSegmenter.read_report(tmp_path / name)["ceiling"] for name in ("judge", "whole"))
    assert ours == theirs
    assert [line["images"] for line in read_log(tmp_path / "judge")] == list(range(16, 161, 16))


def wait_for(path: Path, process: Any) -> None:
    """Until a file is there, or its maker has ended."""
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists(), process.communicate(timeout=1)


def test_a_kill_while_measuring_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = data_folder(tmp_path / "park")

    def killed(*rest: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train_module, "ceiling", killed)
        train(root, tmp_path / "judge")
    newest = Checkpoints(tmp_path / "judge/checkpoints").latest()
    assert newest is not None and newest.images == 48
    segmenter = train(root, tmp_path / "judge", resume=True)
    for key, value in segmenter.network.state_dict().items():
        assert torch.equal(value, newest.state["network"][key]), key


def test_seeds_and_folds_give_other_weights(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park")
    train(root, tmp_path / "one", images=8)
    train(root, tmp_path / "two", images=8, seed=1)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    key = max(one, key=lambda key: one[key].numel())
    assert not torch.equal(one[key], two[key])


def test_a_segmenter_starts_from_another(tmp_path: Path) -> None:
    """One image's worth of learning at a rate of almost nothing: what comes out is what it started from."""
    root = data_folder(tmp_path / "park")
    first = train(root, tmp_path / "first", **LEARNING)
    data_folder(tmp_path / "more", first=50)
    second = train(
        tmp_path / "more",
        tmp_path / "second",
        start=Start(start_from=tmp_path / "first"),
        **{**LEARNING, "images": 8, "learning_rate": 1e-9, "height": 64, "width": 64},
    )
    for (name, ours), theirs in zip(second.network.named_parameters(), first.network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6), name

    # Its record and its photos are those of both.
    record = json.loads((tmp_path / "second/segmenter.json").read_text())["training"]
    assert record["start_from"] == {"weights_sha256": first.weights[0].sha256, "training": first.training_record}
    photos = {name: (tmp_path / name / "photos.sha256").read_text().splitlines() for name in ("first", "second")}
    assert len(photos["first"]) == 12 and photos["second"][:12] == photos["first"] and len(photos["second"]) == 24


def test_other_classes_keep_all_but_the_last_layer(tmp_path: Path) -> None:
    first, other = fresh_segmenter(), fresh_segmenter(classes=3)
    assert not other.start_from(first, "first")
    ours, theirs = other.network.state_dict(), first.network.state_dict()
    different = {key.partition(".")[0] for key in ours if not torch.equal(ours[key], theirs[key])}
    assert different == {"segmentation_head"}


def test_a_start_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    root, out = data_folder(tmp_path / "park"), tmp_path / "judge"
    train(root, tmp_path / "first", images=8)
    start = Start(start_from=tmp_path / "first")
    with pytest.raises(ValueError, match=r"first is a fpn with encoder .*, but this one a unet with encoder"):
        train(root, out, images=8, start=start, architecture="unet")
    shutil.move(root / "train/photos/p3.png", root / "test/photos/p3.png")
    shutil.move(root / "train/labels/p3.png", root / "test/labels/p3.png")
    with pytest.raises(ValueError, match=r"has learnt from 1 of the 5 photos that would be measured on \(test\)"):
        train(root, out, images=8, start=start)
    with pytest.raises(ValueError, match=r"missing is no segmenter: it has no segmenter\.json"):
        train(root, out, images=8, start=Start(start_from=tmp_path / "missing"))
    with pytest.raises(ValueError, match="give one of them"):
        Start(encoder_weights=root, start_from=root)
    assert not out.exists()


def test_what_is_begun_is_not_overwritten(tmp_path: Path) -> None:
    root, out = data_folder(tmp_path / "park"), tmp_path / "judge"
    train(root, out, images=8)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file() and path.name != ".lock"}
    with pytest.raises(ValueError, match="holds a segmenter or its training: add --resume"):
        train(root, out, images=8)
    with pytest.raises(ValueError, match="seed was 0, now 1"):
        train(root, out, images=8, seed=1, resume=True)
    data_folder(tmp_path / "other", first=50)
    with pytest.raises(ValueError, match="photos_sha256 was"):
        train(tmp_path / "other", out, images=8, resume=True)
    lock = FolderLock(out)
    with pytest.raises(ValueError, match="another training"):
        train(root, out, images=8, resume=True)
    lock.release()

    told: list[str] = []
    material = choose_material([root], "all")
    train_judge(material, out, settings(images=8), PACE, resume=True, tell=told.append)
    assert told == [f"{out}: this segmenter is finished; nothing was left to do"]
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path for path in before if after[path] != before[path]} <= {out / "training.json"}


def test_folders_of_something_else_are_left_alone(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park")
    with pytest.raises(ValueError, match=r"park holds .*, which no training wrote there"):
        train(root, root)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file is a file: --out takes a folder"):
        train(root, tmp_path / "file")
    assert not (root / ".lock").exists()


def test_a_loss_that_is_no_number_stops(tmp_path: Path) -> None:
    root = data_folder(tmp_path / "park")
    with pytest.raises(FloatingPointError, match=r"stopped after \d+ images: the loss is .*lower learning rate"):
        train(root, tmp_path / "judge", images=400, learning_rate=1e30, jitter=0.0)


def test_unlabelled_pixels_teach_nothing(tmp_path: Path) -> None:
    segmenter = train(data_folder(tmp_path / "park"), tmp_path / "judge", images=8)
    segmenter.train()
    photos = torch.full((2, 3, 32, 32), 100, dtype=torch.uint8)
    target = torch.full((2, 32, 32), -1)
    target[:, :8] = 2
    weights = torch.ones(4)
    torch.manual_seed(0)
    some = train_module._loss(segmenter, photos, target, weights, "float32")
    torch.manual_seed(0)
    logits = segmenter(photos)[:, :, :8]
    expected = torch.nn.functional.cross_entropy(logits, target[:, :8])
    torch.testing.assert_close(some, expected)
    nothing = train_module._loss(segmenter, photos, torch.full((2, 32, 32), -1), weights, "float32")
    assert nothing == 0


def test_outputs_are_the_labelled_classes() -> None:
    config = own_config(ONTOLOGY, settings())
    assert (config.classes, config.ids) == (NAMES, (0, 1, 2, 3))

    # Unlabelled may be a listed class in the middle: its index is passed over.
    entries = [{"id": id, "name": name} for id, name in ((0, "sky"), (4, "other"), (9, "lake"))]
    middle = Ontology.from_json({"name": "x", "classes": entries, "unlabelled": [4]})
    assert (own_config(middle, settings()).classes, own_config(middle, settings()).ids) == (("sky", "lake"), (0, 9))
    lonely = Ontology.from_json({"name": "x", "classes": entries[:2], "unlabelled": [4]})
    with pytest.raises(ValueError, match="'x' has 1 labelled class: a segmenter tells at least 2 apart"):
        own_config(lonely, settings())


def test_rare_classes_weigh_more_where_asked() -> None:
    shares = {"sky": 0.4, "grass": 0.2, "house": 0.1, "unlabelled": 0.3}
    assert class_weights(shares, ("sky", "grass", "house", "road"), 0.0).tolist() == [1, 1, 1, 1]
    weights = class_weights(shares, ("sky", "grass", "house", "road"), 1.0)
    torch.testing.assert_close(weights / weights[0], torch.tensor([1.0, 2, 4, 4]))
    share = torch.tensor([4.0, 2, 1, 0]) / 7
    torch.testing.assert_close((weights * share).sum(), torch.tensor(1.0))


def test_the_rate_rises_and_falls() -> None:
    chosen = settings(learning_rate=1.0, batch_size=8)
    rates = [chosen.rate_at(images, 800) for images in range(0, 800, 8)]
    assert rates[0] == pytest.approx(8 / 40) and max(rates) > 0.98 and rates.index(max(rates)) in (4, 5)
    assert rates[-1] < 0.001 and all(a > b for a, b in pairwise(rates[5:]))
