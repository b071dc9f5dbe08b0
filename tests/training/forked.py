"""Trainings in processes of their own that begin at once: forked from one that has imported everything already.

They are real processes that can be killed in any way; a few seconds of imports are saved for each of them.
"""

from __future__ import annotations

import multiprocessing
import sys
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "torchvision", "lightning_fabric", "torch.utils.tensorboard", "scipy.ndimage"])


def command(arguments: list[str], told: Path) -> None:
    """What the process does: a command line; what it says goes into a file."""
    import torch

    from spadework.cli import main

    torch.set_num_threads(1)
    with told.open("a", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        code = main(arguments)
    sys.exit(code)


def start(arguments: list[str], told: Path) -> BaseProcess:
    """Begin a command line; `exitcode` is that of the command, or minus the signal that ended it."""
    process = CONTEXT.Process(target=command, args=(arguments, told))
    process.start()
    return process


def run(arguments: list[str], told: Path) -> int | None:
    """The exit code of a whole command."""
    process = start(arguments, told)
    process.join()
    return process.exitcode


