"""Commands for systems so small that a training takes seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

TINY = [
    *("--preset", "tiny", "--height", "32", "--width", "32", "--load-size", "36", "--batch-size", "2"),
    *("--generator-width", "1", "--hidden", "4", "--discriminator-width", "4", "--discriminator-layers", "2"),
    *("--workers", "0", "--device", "cpu"),
]


def train_arguments(data: Path, out: Path, images: int, *more: str) -> list[str]:
    """`spadework train` of a very small SPADE."""
    return ["train", "spade", *TINY, "--data", str(data), "--out", str(out), "--images", str(images), *more]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """The command line in a process of its own, with one thread, that Ctrl-C can reach.

    Where the tests themselves were begun in the background of a shell, interrupts are ignored, and children inherit it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "spadework", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = start(*arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors
