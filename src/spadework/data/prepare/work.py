"""Making outputs: in this process, or in several."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spadework.atomic import write_atomic
from spadework.data.prepare.plan import Made, Output
from spadework.data.prepare.record import Record, sha256
from spadework.data.prepare.source import SourceFile, SourceTree
from spadework.workers import fresh_processes, leave_signals_to_the_parent

CHUNK = 8
"""Outputs handed to a process at once."""


@dataclass(frozen=True)
class Fault:
    """An output that could not be made."""

    target: str
    message: str


@dataclass(frozen=True)
class Job:
    """An output with all that making it needs, ready for another process."""

    target: str
    source: SourceFile
    content: bytes | None
    """The source's bytes when they come from an archive; otherwise they are read where the job is done."""
    make: Callable[..., Made]
    fetched: tuple[Any, ...]


def make_all(
    outputs: Sequence[Output], tree: SourceTree, folder: Path, *, copy: bool, workers: int
) -> Iterator[Record | Fault]:
    """Make the outputs; yields what became of each, in no particular order.

    Archives are read by this process alone, in their own order; `workers` other ones decode, convert and write.
    """
    ordered = sorted(outputs, key=lambda output: (str(output.source.location), output.source.offset or 0))
    if workers <= 1 or len(ordered) <= CHUNK:
        for output in ordered:
            yield _ready_and_do(output, tree, folder, copy)
        return
    with ProcessPoolExecutor(workers, fresh_processes(__name__), initializer=leave_signals_to_the_parent) as pool:
        pending: set[Future[list[Record | Fault]]] = set()
        try:
            for start in range(0, len(ordered), CHUNK):
                ready = [_ready(output, tree) for output in ordered[start : start + CHUNK]]
                yield from (fault for fault in ready if isinstance(fault, Fault))
                jobs = [job for job in ready if isinstance(job, Job)]
                pending.add(pool.submit(_do_all, jobs, folder, copy))
                while len(pending) >= 2 * workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield from future.result()
            for future in pending:
                yield from future.result()
        except BrokenProcessPool:
            raise OSError(
                "one of the working processes was killed, perhaps for want of memory; what is finished is kept: "
                "run the same command again, with fewer --workers"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ready_and_do(output: Output, tree: SourceTree, folder: Path, copy: bool) -> Record | Fault:
    job = _ready(output, tree)
    return job if isinstance(job, Fault) else _do(job, folder, copy)


def _ready(output: Output, tree: SourceTree) -> Job | Fault:
    """The output with its bytes, if they come from an archive."""
    try:
        content = None if output.source.offset is None else tree.read(output.source)
        return Job(output.target, output.source, content, output.make, output.fetch())
    except ValueError as error:
        return Fault(output.target, str(error))


def _do_all(jobs: Sequence[Job], folder: Path, copy: bool) -> list[Record | Fault]:
    return [_do(job, folder, copy) for job in jobs]


def _do(job: Job, folder: Path, copy: bool) -> Record | Fault:
    """Make one file and put it in its place."""
    source, target = job.source, folder / job.target
    try:
        content = source.location.read_bytes() if job.content is None else job.content
    except OSError as error:
        return Fault(job.target, f"{source.location}: can't be read ({error.strerror or error})")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            made = job.make(content, source.name, *job.fetched)
    except ValueError as error:
        return Fault(job.target, str(error))
    remark = "; ".join(str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    written = content if made.content is None else made.content
    target.parent.mkdir(parents=True, exist_ok=True)
    as_it_is = made.content is None and job.content is None
    if copy or not as_it_is or not _link(source.location, target):
        target.unlink(missing_ok=True)  # it may be a symbolic link to something that must stay
        write_atomic(target, lambda file: file.write(written))
    written_hash = sha256(written)
    source_hash = written_hash if made.content is None else sha256(content)
    size = made.size
    return Record(job.target, len(written), written_hash, size, source.name, len(content), source_hash, remark or None)


def _link(source: Path, target: Path) -> bool:
    """Make the target another name of the source file; False where the file system can't do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        return False
    return True


def room_needed(outputs: Sequence[Output], folder: Path, copy: bool) -> tuple[int, int]:
    """About how many bytes the outputs will take, as far as they can't be links, and how many are free."""
    device = folder.stat().st_dev
    apart = [
        output.source.bytes
        for output in outputs
        if copy or output.source.offset is not None or output.source.location.stat().st_dev != device
    ]
    return sum(apart), shutil.disk_usage(folder).free
