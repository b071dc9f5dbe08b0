"""Nothing is lost: trainings that are killed again and again, files that are damaged, pairs that can't be read."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from spadework.log import read_log
from spadework.systems.spade import Spade
from spadework.training.run import Run
from tests.cli.small import train_arguments
from tests.training import forked
from tests.training.test_loop import CONFIG, SETTINGS, assert_same, last_state, learn

MakeFolder = Callable[..., Path]

EVERY = 4
"""Images between checkpoints; a batch is 2."""
OFTEN = (
    *("--checkpoint-every", str(EVERY), "--log-every", "2", "--sample-every", "8", "--evaluate-every", "12"),
    *("--best-by", "sharpness"),
)
LISTED = ("images", "losses", "learning_rates", "scores", "skipped")


def results(folder: Path) -> dict[str, bytes]:
    """The files of a finished run that must not depend on what happened on the way."""
    names = ["model.safetensors", "ontology.json", "config.json", "best/model.safetensors", "best/best.json"]
    return {name: (folder / name).read_bytes() for name in names}


def told(folder: Path) -> list[dict[str, Any]]:
    """The lines of the log, without times and speeds."""
    return [{name: line[name] for name in LISTED if name in line} for line in read_log(folder)]


def sheets(folder: Path) -> dict[str, bytes]:
    """The sample sheets that were due; interruptions leave more."""
    due = (path for path in (folder / "samples").iterdir() if int(path.stem) % 8 == 0)
    return {path.name: path.read_bytes() for path in due}


# Kills.


def kill_somewhere(process: BaseProcess, folder: Path, number: int, how: str, delay: float) -> None:
    """After some time, or as soon as a checkpoint is being written."""
    assert process.pid is not None
    end = time.monotonic() + delay
    if how == "saving":
        checkpoints = folder / "checkpoints"
        while process.is_alive():
            if checkpoints.is_dir() and any(name.endswith(".partial") for name in os.listdir(checkpoints)):
                break
            time.sleep(0.0005)
    else:
        while process.is_alive() and time.monotonic() < end:
            time.sleep(0.001)
    if process.is_alive():
        os.kill(process.pid, number)
    process.join()


def kill_again_and_again(data: Path, folder: Path, images: int, kills: int) -> dict[str, int]:
    """Train with that many kills on the way, then to the end; what was lost is checked at each of them."""
    dice = random.Random(0)
    arguments = train_arguments(data, folder, images, *OFTEN, "--resume")
    seen = {"SIGKILL": 0, "SIGTERM": 0, "while saving": 0, "survived": 0}
    second = 1.0
    for kill in range(kills):
        began = time.monotonic()
        process = forked.start(arguments, folder.with_suffix(".told"))
        number = dice.choice([signal.SIGKILL, signal.SIGTERM])
        how = "saving" if dice.random() < 0.3 else "any time"
        kill_somewhere(process, folder, number, how, dice.uniform(0.1, 1.5) * second)
        second = max(min(time.monotonic() - began, 20), 0.5) if kill < 3 else second

        # What ends by SIGTERM has saved; what ends by SIGKILL has lost less than an interval of what it had logged.
        assert process.exitcode in (0, 130, -number), folder.with_suffix(".told").read_text()
        seen[signal.Signals(number).name] += process.exitcode != 0
        seen["while saving"] += how == "saving"
        seen["survived"] += process.exitcode == 0
        checkpoints = Run(folder).checkpoints()
        logged = max((line["images"] for line in read_log(folder)), default=0)
        kept = max((int(path.stem) for path in checkpoints), default=0)
        assert logged - kept <= EVERY
        if checkpoints:
            assert last_state(folder)["images"] == kept
        assert len(checkpoints) <= 5  # a kill may come before older ones are deleted
        if kept == images:
            shutil.rmtree(folder)  # Done before its time: once more.
    assert forked.run(arguments, folder.with_suffix(".told")) == 0, folder.with_suffix(".told").read_text()
    return seen


@pytest.mark.parametrize(
    ("kills", "images"),
    [
        pytest.param(8, 60, marks=pytest.mark.slow, id="8 kills"),
        pytest.param(100, 240, marks=pytest.mark.soak, id="100 kills"),
    ],
)
def test_killed_again_and_again_it_ends_as_if_undisturbed(
    make_folder: MakeFolder, tmp_path: Path, kills: int, images: int
) -> None:
    data = make_folder(count=5)
    assert forked.run(train_arguments(data, tmp_path / "whole", images, *OFTEN), tmp_path / "whole.told") == 0
    seen = kill_again_and_again(data, tmp_path / "run", images, kills)
    print(seen)
    assert_same(last_state(tmp_path / "run"), last_state(tmp_path / "whole"))
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    assert told(tmp_path / "run") == told(tmp_path / "whole")
    assert sheets(tmp_path / "run") == sheets(tmp_path / "whole")
    assert not list((tmp_path / "run").rglob("*.partial"))


# Damage.


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder and, beside it, a run of 12 images and an undisturbed one of 16."""
    from tests.data.pictures import ids, painted

    root = tmp_path_factory.mktemp("trained")
    for kind in ("photos", "labels"):
        (root / "park" / kind).mkdir(parents=True)
    for number in range(5):
        from PIL import Image

        label = ids(number)
        Image.fromarray(label).save(root / "park/labels" / f"p{number}.png")
        painted(label).save(root / "park/photos" / f"p{number}.png")
    from spadework.data.ontology import Ontology, SemanticClass
    from tests.data.pictures import COLORS

    classes = tuple(SemanticClass(id, str(id), COLORS[id]) for id in range(4))
    Ontology("park", classes, unlabelled=(255,)).write(root / "park/ontology.json")
    learn(root / "park", root / "run", 12)
    learn(root / "park", root / "whole", 16)
    return root


def newest(run: Path) -> Path:
    return Run(run).checkpoints()[-1]


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(bytes(data))


def zeros_at_the_end(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def all_but_the_oldest(run: Path) -> None:
    for path in Run(run).checkpoints()[1:]:
        cut(path, 1000)


def older_log(run: Path) -> None:
    path = run / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * 64 + b"\n" + b"".join(lines[1:]))


DAMAGE: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "checkpoint cut in half": (lambda run: cut(newest(run), newest(run).stat().st_size // 2), "is damaged"),
    "checkpoint cut by a byte": (lambda run: cut(newest(run), newest(run).stat().st_size - 1), "is damaged"),
    "checkpoint empty": (lambda run: cut(newest(run), 0), "is damaged"),
    "checkpoint with its second half zero": (lambda run: zeros_at_the_end(newest(run)), "is damaged"),
    "checkpoint with a bit flipped at the start": (lambda run: flip(newest(run), 0.0), "is damaged"),
    "checkpoint with a bit flipped in the middle": (lambda run: flip(newest(run), 0.5), "is damaged"),
    "checkpoint with a bit flipped in its checksum": (lambda run: flip(newest(run), 1.0), "is damaged"),
    "checkpoint with more behind it": (lambda run: newest(run).open("ab").write(b"more"), "is damaged"),
    "checkpoint of another kind": (lambda run: newest(run).write_text("<html>404</html>" * 99), "is damaged"),
    "checkpoint that leads nowhere": (
        lambda run: (newest(run).rename(run / "gone"), newest(run).with_name("000000012.pt").symlink_to(run / "no")),
        "is damaged",
    ),
    "all checkpoints but the oldest": (all_but_the_oldest, "is damaged"),
    "newest checkpoint deleted": (lambda run: newest(run).unlink(), None),
    "model cut": (lambda run: cut(run / "model.safetensors", 100), None),
    "model deleted": (lambda run: (run / "model.safetensors").unlink(), None),
    "config cut": (lambda run: cut(run / "config.json", 20), None),
    "config deleted": (lambda run: (run / "config.json").unlink(), None),
    "ontology deleted": (lambda run: (run / "ontology.json").unlink(), None),
    "log cut in a line": (lambda run: cut(run / "log.jsonl", (run / "log.jsonl").stat().st_size - 9), None),
    "log with zeros in the middle": (older_log, "log.jsonl, line 2"),
    "log deleted": (lambda run: (run / "log.jsonl").unlink(), None),
    "events overwritten": (lambda run: [p.write_bytes(b"?") for p in (run / "events").iterdir()], None),
    "events deleted": (lambda run: shutil.rmtree(run / "events"), None),
    "sample sheet cut": (lambda run: [cut(path, 50) for path in (run / "samples").iterdir()], None),
    "what a killed writer left": (lambda run: (run / ".model.safetensors.1-2.partial").write_bytes(b"x"), None),
    "lock of a dead process": (lambda run: (run / ".lock").write_text("process 1 on elsewhere\n"), None),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_found_and_survived(trained: Path, tmp_path: Path, damage: str) -> None:
    """What is damaged is named, and the training ends as if nothing had been."""
    do, said = DAMAGE[damage]
    shutil.copytree(trained / "run", tmp_path / "run")
    do(tmp_path / "run")
    if said is None:
        learn(trained / "park", tmp_path / "run", 16, resume=True)
    else:
        with pytest.warns(UserWarning, match=said):
            learn(trained / "park", tmp_path / "run", 16, resume=True)
    assert_same(last_state(tmp_path / "run"), last_state(trained / "whole"))
    for name in ("model.safetensors", "config.json", "ontology.json"):
        assert (tmp_path / "run" / name).read_bytes() == (trained / "whole" / name).read_bytes()
    assert read_log(tmp_path / "run")[-1]["images"] == 16
    assert (tmp_path / "run/page.html").stat().st_size > 1000


def test_at_least_twenty_kinds() -> None:
    assert len(DAMAGE) >= 20


# Pairs that can't be read in the middle of a training.


class SpoilAfter(Spade):
    """Damages a photo on disk when some images have been seen."""

    spoil: Callable[[], object] = staticmethod(lambda: None)

    def turns(self, batch: Any, progress: Any, draw: Any) -> Any:
        if progress.images == 4:
            self.spoil()
        return super().turns(batch, progress, draw)


def spoiling(data: Path) -> Callable[[], Spade]:
    def make() -> Spade:
        system = SpoilAfter(CONFIG)
        system.spoil = lambda: (cut(data / "photos/p3.png", 60), cut(data / "labels/p1.png", 40))  # type: ignore
        return system

    return make


def test_a_photo_that_breaks_on_the_way_is_named_counted_and_replaced(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with a stop between, and whatever the loaders: what stands in depends on seed and position alone."""
    settings = replace(SETTINGS, checkpoint_every=8)
    data = make_folder("one", count=5)
    learn(data, tmp_path / "whole", 24, settings=settings, make_system=spoiling(data))
    errors = capsys.readouterr().err
    assert errors.count("left out, another picture in its place") == 2
    assert "p3.png" in errors and "p1.png" in errors
    skipped = [line["skipped"] for line in read_log(tmp_path / "whole")]
    assert skipped[1] == 0 and skipped == sorted(skipped) and skipped[-1] >= 4

    # Stopped and resumed: the same weights, the same count.
    data = make_folder("two", count=5)
    learn(data, tmp_path / "parts", 16, settings=settings, make_system=spoiling(data))
    learn(data, tmp_path / "parts", 24, settings=settings, resume=True)
    assert_same(last_state(tmp_path / "parts"), last_state(tmp_path / "whole"))
    assert read_log(tmp_path / "parts")[-1]["skipped"] == skipped[-1]


def test_a_photo_that_breaks_on_the_way_can_stop_the_training(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=5)
    settings = replace(SETTINGS, on_bad_photo="stop")
    with pytest.raises((ValueError, OSError), match=r"p[13]\.png"):
        learn(data, tmp_path / "run", 24, settings=settings, make_system=spoiling(data))
    assert last_state(tmp_path / "run")["images"] >= 4


def test_when_nothing_can_be_read_it_stops(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that was seen is saved before, and once the photos are back it ends as it would have."""
    data = make_folder(count=5)
    learn(data, tmp_path / "whole", 24)

    def make() -> Spade:
        system = SpoilAfter(CONFIG)
        system.spoil = lambda: (data / "photos").rename(data / "away")  # type: ignore[method-assign]
        return system

    never = replace(SETTINGS, checkpoint_every=100)
    with pytest.raises((ValueError, OSError), match=r"p\d\.png"):
        learn(data, tmp_path / "run", 24, make_system=make, settings=never)
    assert last_state(tmp_path / "run")["images"] == 6
    assert "everything up to image 6 is saved" in capsys.readouterr().out
    (data / "away").rename(data / "photos")
    learn(data, tmp_path / "run", 24, resume=True)
    assert_same(last_state(tmp_path / "run"), last_state(tmp_path / "whole"))


# Numbers that are none.


class Explodes(Spade):
    """Its losses are fine, its gradients overflow after some images; or a loss is no number."""

    where = "gradient"

    def turns(self, batch: Any, progress: Any, draw: Any) -> Any:
        for player, losses in super().turns(batch, progress, draw):
            if progress.images < 6:
                yield player, losses
            elif self.where == "loss":
                yield player, {name: loss * float("nan") for name, loss in losses.items()}
            elif player == "generator":
                yield player, losses
            else:
                weight = next(self.discriminator.parameters())
                yield player, {**losses, "root": ((weight - weight.detach()) ** 2).sum().sqrt()}


def test_the_batch_of_a_loss_that_is_no_number_is_kept(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()

    def make() -> Spade:
        system = Explodes(CONFIG)
        system.where = "loss"
        return system

    with pytest.raises(FloatingPointError, match=r"after 6 images: .*the batch is kept in .*000000006\.pt, the last"):
        learn(data, tmp_path / "run", 20, make_system=make)
    kept = torch.load(tmp_path / "run/failures/000000006.pt", weights_only=True)
    assert kept["images"] == 6 and "not a finite number" in kept["error"]
    (part,) = kept["parts"]
    assert part["positions"] == [6, 7] and part["photo"].shape == (2, 3, 32, 32) and len(part["names"]) == 2
    assert (tmp_path / "run/failures/000000006.png").stat().st_size > 100
    assert last_state(tmp_path / "run")["images"] == 4


def test_weights_that_are_no_numbers_never_become_a_checkpoint(make_folder: MakeFolder, tmp_path: Path) -> None:
    """The square root's gradient at 0 is not finite though the loss is; a checkpoint is due right after."""
    with pytest.raises(FloatingPointError, match=r"after 8 images: discriminator\..* holds .*000000004\.pt, is good"):
        learn(make_folder(), tmp_path / "run", 20, make_system=lambda: Explodes(CONFIG))
    assert last_state(tmp_path / "run")["images"] == 4
    assert [path.name for path in Run(tmp_path / "run").checkpoints()] == ["000000004.pt"]
