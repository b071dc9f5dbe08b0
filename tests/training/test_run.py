"""The run folder: kills, full disks, damaged files and second writers cost no complete checkpoint."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spadework.atomic import DiskFullError, write_json_atomic
from spadework.training.run import Run
from tests.full_disk import KINDS, ROOM, little_room


class Ontology:
    def write(self, path: Path) -> None:
        write_json_atomic(path, {"classes": ["sky"]})


def state(images: int, size: int = 100) -> dict[str, Any]:
    return {"images": images, "weights": torch.full((size,), float(images)), "optimizer": {"groups": [{"lr": 1e-4}]}}


def names(run: Run) -> list[str]:
    return [path.name for path in run.checkpoints()]


def leftovers(run: Run) -> list[str]:
    return [path.name for path in run.folder.rglob(".*") if path.name != ".lock"]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path, position: int, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bits
    path.write_bytes(data)


@contextmanager
def process(work: Callable[[], object]) -> Iterator[int]:
    """Do the work in a process of its own; whatever is left of it is killed at the end. Yields its id."""
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for 30 seconds in vain"
        time.sleep(0.002)


# Saving and reading back.


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.latest_checkpoint() is None
    saved = {**state(3200), "counts": (1, None, True, "x"), "random": torch.get_rng_state()}
    path = run.save_checkpoint(3200, saved)
    assert path == tmp_path / "checkpoints" / "000003200.pt"
    checkpoint = run.latest_checkpoint()
    assert checkpoint is not None
    assert (checkpoint.images, checkpoint.path) == (3200, path)
    torch.testing.assert_close(checkpoint.state["weights"], saved["weights"], rtol=0, atol=0)
    assert torch.equal(checkpoint.state["random"], saved["random"])
    assert checkpoint.state["counts"] == saved["counts"] and checkpoint.state["optimizer"] == saved["optimizer"]


def test_torch_reads_a_checkpoint_as_it_is(tmp_path: Path) -> None:
    path = Run(tmp_path).save_checkpoint(8, state(8))
    assert torch.equal(torch.load(path, weights_only=True)["weights"], state(8)["weights"])


@given(images=st.lists(st.integers(0, 10**11), unique=True, min_size=1, max_size=6).map(sorted), keep=st.integers(1, 4))
@settings(deadline=None, max_examples=15)
def test_the_newest_stay(tmp_path_factory: pytest.TempPathFactory, images: list[int], keep: int) -> None:
    run = Run(tmp_path_factory.mktemp("run"), keep=keep)
    for number in images:
        run.save_checkpoint(number, {"images": number})
        checkpoint = run.latest_checkpoint()
        assert checkpoint is not None and checkpoint.images == checkpoint.state["images"] == number
    assert run.checkpoints() == [run.checkpoint_path(number) for number in images[-keep:]]


def test_other_files_among_the_checkpoints_are_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, keep=1)
    run.save_checkpoint(1, state(1))
    others = ["best.pt", "000000001.pt.copy", "12.pt", "notes.txt"]
    for name in others:
        (tmp_path / "checkpoints" / name).write_text("mine")
    run.save_checkpoint(2, state(2))
    assert sorted(os.listdir(tmp_path / "checkpoints")) == sorted([*others, "000000002.pt"])


def test_a_state_that_could_not_be_read_again_is_refused_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.save_checkpoint(1, state(1))
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=r"000000002\.pt.*plain values only.*pathlib"):
        run.save_checkpoint(2, {"path": Path("x")})
    assert tree(tmp_path) == before


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep is 0"):
        Run(tmp_path, keep=0)


# Damage.


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("run"))
    run.save_checkpoint(1, state(1))
    run.save_checkpoint(2, state(2))
    return run


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_seen_and_the_one_before_used(two_checkpoints: Run, data: st.DataObject) -> None:
    newest = two_checkpoints.checkpoint_path(2)
    whole = newest.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1) | st.sampled_from([0, len(whole) - 1, len(whole) - 73]))
    if data.draw(st.booleans(), "truncate"):
        newest.write_bytes(whole[:position])
    else:
        flip(newest, position, data.draw(st.integers(1, 255)))
    try:
        with pytest.warns(UserWarning, match=r"000000002\.pt is damaged.*going on from 000000001\.pt"):
            checkpoint = two_checkpoints.latest_checkpoint()
        assert checkpoint is not None and checkpoint.images == checkpoint.state["images"] == 1
    finally:
        newest.write_bytes(whole)
    with warnings.catch_warnings(action="error"):
        checkpoint = two_checkpoints.latest_checkpoint()
    assert checkpoint is not None and checkpoint.images == 2


def test_bytes_added_or_zeroed_are_seen(tmp_path: Path) -> None:
    run = Run(tmp_path)
    path = run.save_checkpoint(1, state(1))
    whole = path.read_bytes()
    for damaged in (whole + b"\n", whole + whole, bytes(len(whole)), whole[: len(whole) // 2] + bytes(len(whole) // 2)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            run.latest_checkpoint()


def test_when_all_are_damaged_each_is_named(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for images in (1, 2, 3):
        flip(run.save_checkpoint(images, state(images)), 500)
    run.checkpoint_path(2).write_bytes(b"")
    before = tree(tmp_path)
    with pytest.raises(
        ValueError, match=r"every checkpoint is damaged: 000000003.*000000002.*too short.*000000001.*copy"
    ):
        run.latest_checkpoint()
    assert tree(tmp_path) == before


def test_a_damaged_newest_one_never_pushes_out_a_good_one(tmp_path: Path) -> None:
    run = Run(tmp_path, keep=1)
    run.save_checkpoint(20, state(20))
    run.save_checkpoint(30, state(30))
    flip(run.checkpoint_path(30), 500)
    run.save_checkpoint(25, state(25))
    assert names(run) == ["000000025.pt", "000000030.pt"]
    with pytest.warns(UserWarning, match="damaged"):
        checkpoint = run.latest_checkpoint()
    assert checkpoint is not None and checkpoint.images == 25
    run.save_checkpoint(35, state(35))
    assert names(run) == ["000000035.pt"]


# Kills.


def save_forever(run: Run, images: int) -> None:
    with run.lock():
        while True:
            images += 1
            run.save_checkpoint(images, state(images, size=200_000))


def test_a_kill_at_any_moment_leaves_a_complete_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path, keep=2)
    randomness = random.Random(0)
    images, half_written = 0, 0
    for _ in range(20):
        with process(lambda images=images: save_forever(run, images)):
            wait_for(lambda images=images: names(run) and int(names(run)[-1][:-3]) > images)
            time.sleep(randomness.uniform(0, 0.05))
        half_written += len(leftovers(run))

        # No warning: not even one damaged file under a checkpoint's name.
        with warnings.catch_warnings(action="error"):
            checkpoint = run.latest_checkpoint()
        assert checkpoint is not None and checkpoint.images > images
        assert torch.equal(checkpoint.state["weights"], state(checkpoint.images, size=200_000)["weights"])
        assert len(names(run)) <= 3
        images = checkpoint.images

        # The lock died with the process, and the next training clears up.
        with run.lock():
            assert leftovers(run) == []
    assert half_written > 0, "no kill came while a checkpoint was being written: the test shows nothing"


# Full disks.


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_costs_no_checkpoint(tmp_path: Path, kind: str) -> None:
    with little_room(kind, tmp_path / "disk") as disk:
        run = Run(disk)
        run.create({"system": "spade"}, Ontology())
        run.save_checkpoint(1, state(1))
        before = tree(disk)
        for _ in range(2):
            with pytest.raises(DiskFullError) as caught:
                run.save_checkpoint(2, state(2, size=ROOM // 4))
        message = str(caught.value)
        assert "000000002.pt (at least 2.0 MiB)" in message and "Cure" in message
        assert f"the last complete checkpoint, {run.checkpoint_path(1)}, is untouched" in message
        assert tree(disk) == before

        checkpoint = run.latest_checkpoint()
        assert checkpoint is not None and torch.equal(checkpoint.state["weights"], state(1)["weights"])
        run.save_checkpoint(2, state(2))
        assert names(run) == ["000000001.pt", "000000002.pt"]


def test_a_disk_that_fills_up_slowly_keeps_what_it_has(tmp_path: Path) -> None:
    with little_room("small disk", tmp_path / "disk") as disk:
        run = Run(disk, keep=50)
        with pytest.raises(DiskFullError):
            for images in range(50):
                run.save_checkpoint(images, state(images, size=60_000))
        assert leftovers(run) == []
        checkpoint = run.latest_checkpoint()
        assert checkpoint is not None and checkpoint.images == images - 1 > 4


# One writer.


def hold_lock(run: Run) -> None:
    with run.lock():
        (run.folder / "held").touch()
        time.sleep(60)


def test_a_second_training_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with process(lambda: hold_lock(run)) as holder:
        wait_for((run.folder / "held").exists)
        before = tree(run.folder)
        with (
            pytest.raises(ValueError, match=rf"another training \(process {holder} on .*\) is writing in .*run.*--out"),
            run.lock(),
        ):
            pass
        assert tree(run.folder) == before
    with run.lock():
        pass


def test_two_trainings_of_one_process_contend_too(tmp_path: Path) -> None:
    with Run(tmp_path).lock(), pytest.raises(ValueError, match="another training"), Run(tmp_path).lock():
        pass
    with Run(tmp_path).lock():
        pass


def test_many_contenders_one_winner(tmp_path: Path) -> None:
    # Each process that gets the lock notes so and keeps it; the others see the error and go.
    def contend() -> None:
        with Run(tmp_path / "run").lock():
            (tmp_path / f"won-{os.getpid()}").touch()
            time.sleep(60)

    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                contend()
            except ValueError:
                os._exit(7)
            finally:
                os._exit(1)
        children.append(child)
    gone: dict[int, int] = {}

    def reap() -> bool:
        for child in children:
            if child not in gone and (done := os.waitpid(child, os.WNOHANG))[0]:
                gone[child] = os.waitstatus_to_exitcode(done[1])
        return len(gone) == 5

    wait_for(reap)
    (winner,) = set(children) - set(gone)
    wait_for((tmp_path / f"won-{winner}").exists)
    os.kill(winner, signal.SIGKILL)
    os.waitpid(winner, 0)
    assert set(gone.values()) == {7}
    assert len(list(tmp_path.glob("won-*"))) == 1


def test_a_worker_that_outlives_its_killed_parent_holds_no_lock(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")

    def train_with_worker() -> None:
        with run.lock():
            if os.fork() == 0:
                (tmp_path / "worker.partial").write_text(str(os.getpid()))
                os.rename(tmp_path / "worker.partial", tmp_path / "worker")
                time.sleep(60)
            time.sleep(60)

    with process(train_with_worker):
        wait_for((tmp_path / "worker").exists)
        with pytest.raises(ValueError, match="another training"), run.lock():
            pass
    worker = int((tmp_path / "worker").read_text())
    os.kill(worker, 0)  # still there
    try:
        with run.lock():
            pass
    finally:
        os.kill(worker, signal.SIGKILL)


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(RuntimeError, match="loss"), run.lock():
        raise RuntimeError("loss")
    with run.lock():
        pass


# Creating.


def test_create_and_read_config(tmp_path: Path) -> None:
    run = Run(tmp_path / "a" / "b")
    config = {"system": "spade", "size": 64, "rates": {"generator": 1e-4}}
    run.create(config, Ontology())
    assert run.read_config() == config
    assert list(json.loads(run.config_path.read_text())) == ["system", "size", "rates"]
    assert json.loads(run.ontology_path.read_text()) == {"classes": ["sky"]}
    assert run.sample_path(64).parent.is_dir()
    assert run.sample_path(64).name == "000000064.png"


def test_a_run_with_checkpoints_is_refused_unless_it_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.create({"rate": 1}, Ontology())
    run.create({"rate": 2}, Ontology())  # nothing was trained yet
    run.save_checkpoint(3200, state(3200))
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=r"holds a run of 3200 images: add --resume to go on, or choose another --out"):
        run.create({"rate": 3}, Ontology())
    assert tree(tmp_path) == before
    run.create({"rate": 3}, Ontology(), overwrite=True)
    assert run.read_config() == {"rate": 3}
    assert names(run) == ["000003200.pt"]


@pytest.mark.parametrize("name", ["config.json", "ontology.json", "model.safetensors"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_model_or_data_set_is_never_overwritten(tmp_path: Path, name: str, overwrite: bool) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(ValueError, match=f"holds a {name} that no training wrote there: choose another --out"):
        Run(tmp_path).create({}, Ontology(), overwrite=overwrite)
    with pytest.raises(ValueError, match=f"holds a {name} that no training wrote there"), Run(tmp_path).lock():
        pass
    assert tree(tmp_path) == {name: b"precious"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_text("precious")
    run = Run(tmp_path / "photo.png")
    with pytest.raises(ValueError, match=r"photo\.png is a file: --out takes a folder"):
        run.create({}, Ontology())
    with pytest.raises(ValueError, match=r"photo\.png is a file: --out takes a folder"), run.lock():
        pass
    with pytest.raises(ValueError, match=r"photo\.png is not a run"):
        run.read_config()
    assert tree(tmp_path) == {"photo.png": b"precious"}


@pytest.mark.parametrize(
    ("text", "message"), [(b"{", "not a JSON file"), (b"\xff", "not a JSON file"), (b"[]", "holds a list")]
)
def test_a_broken_config_is_named(tmp_path: Path, text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=r"is not a run: it has no config\.json"):
        Run(tmp_path).read_config()
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match=rf"config\.json.*{message}"):
        Run(tmp_path).read_config()
