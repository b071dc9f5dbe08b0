"""Several processes from the command line: how they begin, stop, are lost, and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from spadework.training.children import STARTER, end_with_parent
from spadework.training.launch import launch
from spadework.training.settings import Settings
from tests.cli.small import run, start, train_arguments
from tests.training.forked import CONTEXT
from tests.training.learning import comparable
from tests.training.test_loop import last_state, wait_for

MakeFolder = Callable[..., Path]

OPTIONS = (
    *("--norm", "sync_batch", "--batch-size", "4", "--generator-width", "2", "--precision", "float64"),
    *("--checkpoint-every", "4", "--evaluate-every", "1000", "--log-every", "4", "--learning-rate", "2e-6"),
)
"""Steps so small that a hundred of them do not magnify rounding (see `learning`)."""
TOGETHER = (*OPTIONS, "--devices", "2")
AVERAGED = ("--average", "0.9", "--checkpoint-every", "100")
"""Averaged weights get statistics of their own: by the first process alone, while the others wait."""


def weights(out: Path) -> dict[str, torch.Tensor]:
    networks = last_state(out)["networks"]
    return {f"{name}.{key}": value for name, network in networks.items() for key, value in network.items()}


def assert_alike(one: Path, other: Path) -> None:
    first, second = comparable(weights(one)), comparable(weights(other))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=1e-8)


def processes_of(out: Path) -> list[int]:
    """The processes whose command line names a run folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(out).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until_gone(out: Path) -> None:
    deadline = time.monotonic() + 300
    while processes_of(out) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(out) == []


@pytest.fixture
def plain(make_folder: MakeFolder, tmp_path: Path) -> tuple[Path, Path]:
    """A data folder, and the run of one process on it."""
    data = make_folder(count=5)
    code, _, errors = run(*train_arguments(data, tmp_path / "alone", 12, *OPTIONS, *AVERAGED))
    assert code == 0, errors
    return data, tmp_path / "alone"


@pytest.mark.slow
def test_two_processes_make_the_run_of_one(plain: tuple[Path, Path], tmp_path: Path) -> None:
    """Through Fabric: one output, one writer, the same losses and weights."""
    data, alone = plain
    code, output, errors = run(*train_arguments(data, tmp_path / "together", 12, *TOGETHER, *AVERAGED))
    assert (code, errors) == (0, "")
    assert output.count("images seen, on 2 processes (cpu)") == 1 and output.count("12/12 images") == 1
    assert_alike(alone, tmp_path / "together")
    assert sorted(path.name for path in (tmp_path / "together/samples").iterdir()) == ["000000012.png"]
    assert processes_of(tmp_path / "together") == []


@pytest.mark.slow
def test_torchrun(plain: tuple[Path, Path], tmp_path: Path) -> None:
    data, alone = plain
    arguments = train_arguments(data, tmp_path / "run", 12, *OPTIONS, *AVERAGED)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "spadework", *arguments], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert "on 2 processes (cpu)" in done.stdout
    assert_alike(alone, tmp_path / "run")


@pytest.mark.slow
def test_slurm(plain: tuple[Path, Path], tmp_path: Path) -> None:
    """Two tasks with the variables that srun sets; there is no cluster here."""
    data, alone = plain
    arguments = train_arguments(data, tmp_path / "run", 12, *OPTIONS, *AVERAGED)
    tasks = []
    for rank in range(2):
        told = {"NTASKS": 2, "NTASKS_PER_NODE": 2, "NNODES": 1, "PROCID": rank, "LOCALID": rank, "NODEID": 0}
        told |= {"JOB_ID": 10_000 + os.getpid() % 9_000, "NODELIST": "localhost", "JOB_NAME": "test"}
        slurm = {f"SLURM_{name}": str(value) for name, value in told.items()}
        environment = os.environ | {"OMP_NUM_THREADS": "1", **slurm}
        tasks.append(subprocess.Popen([sys.executable, "-m", "spadework", *arguments], env=environment))
    assert [task.wait(900) for task in tasks] == [0, 0]
    assert_alike(alone, tmp_path / "run")


@pytest.mark.slow
def test_stopping_and_going_on_with_another_number(make_folder: MakeFolder, tmp_path: Path) -> None:
    """SIGTERM to the first process: all save and stop. What two began, one ends."""
    data, out = make_folder(count=5), tmp_path / "run"
    assert run(*train_arguments(data, tmp_path / "alone", 400, *OPTIONS, "--checkpoint-every", "400"))[0] == 0
    training = start(*train_arguments(data, out, 400, *TOGETHER))
    wait_for(out / "checkpoints/000000008.pt", training)
    training.send_signal(signal.SIGTERM)
    output, errors = training.communicate(timeout=600)
    assert training.returncode == 130, errors
    assert output.count("is saved; go on with --resume") == 1 and "Traceback" not in errors
    wait_until_gone(out)
    assert 8 <= last_state(out)["images"] < 400

    code, _, errors = run(*train_arguments(data, out, 400, *OPTIONS, "--checkpoint-every", "400", "--resume"))
    assert code == 0, errors
    assert_alike(tmp_path / "alone", out)


@pytest.mark.slow
def test_photos_that_go_away_for_a_while(make_folder: MakeFolder, tmp_path: Path) -> None:
    """All that two processes have done is saved before they stop, though no checkpoint was due."""
    data, out = make_folder(count=5), tmp_path / "run"
    training = start(*train_arguments(data, out, 100_000, *TOGETHER, "--checkpoint-every", "4000"))
    wait_for(out / "log.jsonl", training)
    (data / "photos").rename(data / "away")
    output, errors = training.communicate(timeout=600)
    assert training.returncode in (1, 2) and "photos/p" in errors and "Traceback" not in errors
    assert output.count("is saved; once this is mended, go on with --resume") == 1
    wait_until_gone(out)
    seen = last_state(out)["images"]
    assert f"everything up to image {seen} is saved" in output
    (data / "away").rename(data / "photos")
    code, output, errors = run(*train_arguments(data, out, seen + 4, *TOGETHER, "--checkpoint-every", "4", "--resume"))
    assert code == 0 and f"{seen} of {seen + 4} images seen" in output, errors


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["another", "first"])
def test_a_killed_process_ends_all(lost: str, make_folder: MakeFolder, tmp_path: Path) -> None:
    """Nobody waits for ever for a process that was killed, and what was saved is whole."""
    data, out = make_folder(count=5), tmp_path / "run"
    training = start(*train_arguments(data, out, 100_000, *TOGETHER))
    wait_for(out / "checkpoints/000000008.pt", training)
    others = [process for process in processes_of(out) if process != training.pid]
    os.kill(training.pid if lost == "first" else others[0], signal.SIGKILL)
    _, errors = training.communicate(timeout=600)
    if lost == "another":
        assert training.returncode == 1
        assert "error: another process of this training has ended" in errors and "Traceback" not in errors
    wait_until_gone(out)
    assert last_state(out)["images"] >= 8


def orphan() -> None:
    """A process whose starter has ended before it could look for it."""
    os.environ[STARTER] = "0"
    end_with_parent()
    time.sleep(3600)


def test_a_process_whose_starter_is_gone_ends() -> None:
    process = CONTEXT.Process(target=orphan)
    process.start()
    process.join()
    assert process.exitcode == 1


def check_starts(count: int, data: Path, tmp_path: Path) -> None:
    for number in range(count):
        out = tmp_path / f"run{number}"
        code, output, errors = run(*train_arguments(data, out, 4, *TOGETHER))
        assert (code, errors) == (0, ""), f"start {number}"
        assert "4/4 images" in output and processes_of(out) == []


@pytest.mark.slow
def test_three_starts_of_three_end_well(make_folder: MakeFolder, tmp_path: Path) -> None:
    check_starts(3, make_folder(count=5), tmp_path)


@pytest.mark.soak
def test_fifty_starts_of_fifty_end_well(make_folder: MakeFolder, tmp_path: Path) -> None:
    check_starts(50, make_folder(count=5), tmp_path)


# Wrong input.


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        (Settings(device="cpu", devices=0), {}, "--devices 0 --nodes 1: expected at least 1 of each"),
        (Settings(device="cpu", nodes=-1), {}, "--devices 1 --nodes -1: expected at least 1 of each"),
        (Settings(device="cuda", devices=99), {}, r"--devices 99, but this machine has \d+ CUDA GPUs"),
        (Settings(device="cpu", nodes=2), {}, "machines must find each other. Start with torchrun or srun"),
        (Settings(device="mps", devices=2), {}, "there is one MPS device"),
        (
            Settings(device="cpu", devices=3),
            {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"},
            "--devices 3 --nodes 1, but 2 processes on each of 1 machines were started",
        ),
        (Settings(device="cpu"), {"SLURM_NTASKS": "2"}, "SLURM started 2 tasks: say how many on each machine"),
    ],
)
def test_impossible_numbers_of_processes(
    settings: Settings, environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MASTER_ADDR", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        launch(settings)
