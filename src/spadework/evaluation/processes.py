"""Many pieces of work in one process or several, each with one thread.

With one thread a network's sums are added up in one order, so the results are the same bits in one process and in many.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

import torch

Piece = TypeVar("Piece")

FEW = 2
"""Fewer pieces are done sooner than other processes are started."""

Progress = Callable[[str, int, int], None]
"""Told (what is done, pieces done, pieces to do)."""


class Work(ABC, Generic[Piece]):
    """Pieces of work that write what they make; it travels to other processes."""

    title: str
    """What is done, for people."""

    @abstractmethod
    def is_done(self, piece: Piece) -> bool:
        """Whether a piece was finished, now or by an interrupted run."""

    @abstractmethod
    def start(self) -> Callable[[Piece], None]:
        """Load what the work needs, once in each process; returns what does a piece."""


def finish(work: Work[Piece], pieces: Sequence[Piece], processes: int, progress: Progress | None = None) -> None:
    """Do all pieces that are not done yet.

    Raises what a piece raised (ValueError and OSError; anything else as RuntimeError with its traceback), and OSError
    when a process was killed. Finished pieces stay.
    """
    left = [piece for piece in pieces if not work.is_done(piece)]
    done = len(pieces) - len(left)
    tell = progress or (lambda title, done, total: None)
    tell(work.title, done, len(pieces))
    if not left:
        return
    if processes <= 1 or len(left) <= FEW:
        with one_thread():
            do = work.start()
            for number, piece in enumerate(left, 1):
                do(piece)
                tell(work.title, done + number, len(pieces))
        return
    for number, _ in enumerate(_in_processes(work, left, min(processes, len(left))), 1):
        tell(work.title, done + number, len(pieces))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread inside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _in_processes(work: Work[Piece], pieces: Sequence[Piece], count: int) -> Iterator[None]:
    """Hand a new piece to whichever process is free; yields once per finished piece."""
    context = multiprocessing.get_context("spawn")  # forks of a process with threads (torch's) may hang
    workers: dict[Connection, SpawnProcess] = {}
    queue = iter(pieces)
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work), daemon=True)
            process.start()
            theirs.close()
            workers[ours] = process
            _hand(next(queue), ours, process, work.title)
        busy = set(workers)
        while busy:
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                _raise_what_went_wrong(connection, workers[connection], work.title)
                yield
                following = next(queue, None)
                if following is None:
                    busy.discard(connection)
                else:
                    _hand(following, connection, workers[connection], work.title)
    finally:
        for connection, process in workers.items():
            connection.close()
            process.terminate()
        for process in workers.values():
            process.join()


def _hand(piece: object, connection: Connection, process: SpawnProcess, title: str) -> None:
    """Give a process its next piece."""
    try:
        connection.send(piece)
    except ConnectionError:
        _raise_what_went_wrong(connection, process, title)


def _raise_what_went_wrong(connection: Connection, process: SpawnProcess, title: str) -> None:
    """Take a process's answer about its piece."""
    try:
        kind, text, notes = connection.recv()
    except (EOFError, ConnectionError):
        process.join(5)
        raise OSError(
            f"{title}: a process was killed (exit code {process.exitcode}), perhaps for want of memory; what is "
            "finished is kept: run the same command again, with fewer --processes"
        ) from None
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if kind is not None:
        raise {"ValueError": ValueError, "OSError": OSError}.get(kind, RuntimeError)(text)


def _serve(connection: Connection, work: Work[Any]) -> None:
    """A process's life: piece after piece until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted parent ends its processes itself
    torch.set_num_threads(1)
    do: Callable[[Any], None] | None = None
    while True:
        try:
            piece = connection.recv()
        except (EOFError, ConnectionError):
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default", UserWarning)
            try:
                do = do or work.start()
                do(piece)
                kind, text = None, ""
            except (ValueError, OSError) as error:
                kind, text = ("ValueError" if isinstance(error, ValueError) else "OSError"), str(error)
            except Exception:
                kind, text = "RuntimeError", traceback.format_exc()
        notes = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
        try:
            connection.send((kind, text, notes))
        except ConnectionError:
            return
