"""Processes that work for this one: they begin fresh, and leave interrupts to their parent, which saves first."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.context import BaseContext


def fresh_processes(module: str) -> BaseContext:
    """How to begin processes with `module` loaded, once for all where that can be: forks with threads may hang."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def leave_interrupts_to_the_parent(worker: int = 0) -> None:
    """Begin a process with this: Ctrl-C reaches the whole process group, and workers end with their parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
