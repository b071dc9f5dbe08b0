"""Processes that work for this one: they begin fresh, and leave signals to their parent, which saves first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.context import BaseContext
from typing import Any

LOOK_EVERY = 2.0
"""Seconds between two looks whether the parent is still there."""


def fresh_processes(module: str) -> BaseContext:
    """How to begin processes with `module` loaded, once for all where that can be: forks with threads may hang."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def leave_signals_to_the_parent(worker: int = 0) -> None:
    """Begin a process with this: Ctrl-C, or the SIGTERM of a scheduler, reaches the whole group, and the parent saves.

    A SIGTERM that the parent sends ends the process, as does the parent's end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None and hasattr(signal, "sigtimedwait"):  # It tells who sent a signal; macOS has none.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent: Any) -> None:
    """End this process when its parent says so, or is no more."""
    while parent.is_alive():
        received = signal.sigtimedwait([signal.SIGTERM], LOOK_EVERY)
        if received is not None and received.si_pid == parent.pid:
            break
    os._exit(0)
