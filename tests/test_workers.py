"""Processes that work for another one: who may end them."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from spadework.training.run import Run
from spadework.workers import leave_signals_to_the_parent
from tests.cli.small import start, train_arguments

PARENT = """
import multiprocessing, time
from tests.test_workers import begin
child = begin()
print(child.pid, flush=True)
time.sleep(60)
"""


def work(ready: object) -> None:
    leave_signals_to_the_parent()
    ready.set()  # type: ignore[attr-defined]
    time.sleep(60)


def begin() -> BaseProcess:
    """A worker that has begun."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    worker = context.Process(target=work, args=[ready], daemon=True)
    worker.start()
    assert ready.wait(30)
    return worker


def test_only_its_parent_ends_a_worker() -> None:
    worker = begin()
    for name in ("TERM", "INT"):
        subprocess.run(["kill", f"-{name}", str(worker.pid)], check=True)
    worker.join(0.5)
    assert worker.is_alive()
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_worker_ends_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert _alive(worker)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(worker)


def test_a_sigterm_to_all_processes_of_a_training_saves(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    """As schedulers send it: to the loaders, too."""
    arguments = train_arguments(make_folder(count=5), tmp_path / "run", 4000, "--checkpoint-every", "1000000")
    training = start(*arguments, "--workers", "2", "--log-every", "2")
    log = tmp_path / "run/log.jsonl"
    while training.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.02)
    loaders = Path(f"/proc/{training.pid}/task/{training.pid}/children").read_text().split()
    assert len(loaders) >= 2
    subprocess.run(["kill", "-TERM", *loaders, str(training.pid)], check=True)
    output, _ = training.communicate(timeout=120)
    checkpoint = Run(tmp_path / "run").latest_checkpoint()
    assert training.returncode == 130 and checkpoint is not None and checkpoint.images > 0
    assert f"everything up to image {checkpoint.images} is saved" in output


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"
