"""The processes that the first one of a machine has started: watched, waited for, and ended with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

GRACE = 60
"""Seconds that a training has to notice by itself that a process is missing; then it is ended."""

STARTER = "SPADEWORK_STARTED_BY"
"""Of the environment: the process that started this one, which may have ended before this one could look."""

LOST = (
    "another process of this training has ended, perhaps for want of memory (look for its message above); "
    "what was saved is whole. Run the same command again with --resume"
)


class Children:
    """Processes that this one has started; empty where it started none."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]] = ()) -> None:
        self._processes = list(processes)
        self._over = threading.Event()
        if self._processes:
            threading.Thread(target=self._watch, daemon=True, name="watch the other processes").start()

    def wait(self) -> None:
        """Until all have ended, which they are about to do."""
        self._over.set()
        for process in self._processes:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()

    def kill(self) -> None:
        """End all of them."""
        self._over.set()
        for process in self._processes:
            process.kill()
            process.wait()

    def _watch(self) -> None:
        """Waiting on a GPU for a process that has died lasts for ever: end it, after some time."""
        while not any(process.poll() for process in self._processes):
            if self._over.wait(1):
                return
        if not self._over.wait(GRACE):
            print(f"error: {LOST}", file=sys.stderr, flush=True)
            for process in self._processes:
                process.kill()
            os._exit(1)


def end_with_parent() -> None:
    """Make this process end when the one that started it does, however and however soon that ends."""
    parent = int(os.environ.get(STARTER, os.getppid()))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with the first process").start()
