"""Writing a file so that it is either complete or, as before, the old one.

A kill, a crash or a full disk at any moment leaves no half-written file under the file's own name.
"""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PARTIAL = re.compile(r"\..+\.\d+-\d+\.partial", re.DOTALL)
_count = itertools.count()


class DiskFullError(OSError):
    """A file could not be written for want of space, of quota, or because it would be larger than the system allows."""

    safe: str
    """What was not lost; whoever knows more than the writer of one file says it here."""

    def __init__(self, path: Path, number: int, needed: int | None, safe: str) -> None:
        super().__init__(number, os.strerror(number), str(path))
        self.path = path
        self.needed = needed
        self.free = shutil.disk_usage(path.parent).free
        self.safe = safe

    def __reduce__(self) -> tuple[Any, ...]:
        """As it was made: an OSError's own way would lose what it is about on the way from another process."""
        return type(self), (self.path, self.errno, self.needed, self.safe)

    def __str__(self) -> str:
        needed = "" if self.needed is None else f" (at least {readable_bytes(self.needed)})"
        free = f"{readable_bytes(self.free)} free in {self.path.parent}"
        if self.errno == errno.EFBIG:
            what = f"{self.path}{needed} is larger than a file may be here, with {free}"
            cure = "raise the limit on file size (ulimit -f) or choose a folder on another file system"
        elif self.errno == errno.EDQUOT:
            what = f"your disk quota has no room for {self.path}{needed}, with {free}"
            cure = "delete what you no longer need, ask for more quota, or choose a folder on another disk"
        else:
            what = f"the disk has no room for {self.path}{needed}, with {free}"
            cure = "free some space or choose a folder on another disk"
        return f"{what}; {self.safe}. Cure: {cure}."


def write_atomic(path: Path | str, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a new file, then put it in the place of `path` at once, durably.

    The folder must exist. When anything fails, the old file stays and nothing else is left behind; a full disk (or
    quota, or limit on file size) raises DiskFullError.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"cannot write {path.name}: there is no such folder", str(path.parent))
    partial = target.with_name(f".{target.name}.{os.getpid()}-{next(_count)}.partial")

    # Write beside the target, make it durable, then rename over the target.
    file = None
    try:
        with _PartialFile(partial) as file:
            write(file)
            if file.failure is not None:
                raise file.failure
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        # What the file system said counts more than what the library in between made of it.
        failure = file.failure if file is not None and isinstance(error, Exception) else None
        cause = failure or error
        if isinstance(cause, OSError) and cause.errno in _FULL:
            needed = None if file is None else file.asked
            safe = f"the {path.name} from before is untouched" if target.exists() else "nothing half-written was left"
            raise DiskFullError(path, cause.errno, needed, safe) from cause
        if cause is error:
            raise
        raise cause from error
    _sync_folder(target.parent)


def write_text_atomic(path: Path | str, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all."""
    write_atomic(path, lambda file: file.write(text.encode()))


def write_json_atomic(path: Path | str, value: Any) -> None:
    """Write a JSON file, indented, its keys in the order given; NaN and infinities raise ValueError."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sweep_partial(folder: Path) -> None:
    """Delete what killed writers left in a folder; only while nobody else writes there."""
    for path in folder.iterdir():
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


@contextmanager
def explain_disk_full(path: Path, safe: str) -> Iterator[None]:
    """Turn a full disk into a DiskFullError about `path`, for files that grow instead of being replaced."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(path, error.errno, None, safe) from error


def readable_bytes(count: int) -> str:
    """A number of bytes for people: "512 bytes", "1.5 MiB"."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count} bytes"


class _PartialFile(io.FileIO):
    """An unbuffered new file that writes all or raises, and remembers its first failure."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w")
        self.failure: OSError | None = None
        self.asked = 0

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        self.asked += len(view)
        written = 0
        try:
            while written < len(view):
                written += super().write(view[written:])
        except OSError as error:
            self.failure = self.failure or error
            raise
        return written


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder; the file itself is complete
            raise
    finally:
        os.close(descriptor)
