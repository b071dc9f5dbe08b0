"""Shards fetched from afar, kept in a folder that never grows over its limit.

Any number of processes of one machine share a folder: each shard is fetched once, by whoever comes first, and those
that were not read for the longest time make room. A shard's file is named after its content. A kill at any moment
leaves nothing that is taken for a shard.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from pathlib import Path
from queue import SimpleQueue

from filelock import FileLock, Timeout

from spadework.atomic import readable_bytes
from spadework.data.shards.index import Shard
from spadework.data.shards.storage import Storage


class ShardCache:
    """The shards of a storage, one by one on this machine."""

    def __init__(self, storage: Storage, folder: Path, limit: int) -> None:
        """`limit` in bytes is for the folder as a whole; what other runs fetched there counts."""
        self.storage = storage
        self.folder = folder
        self.limit = limit
        self._ahead: tuple[int, SimpleQueue[Shard]] | None = None

    def path(self, shard: Shard) -> Path:
        """The shard's file, fetched first where it isn't there; gone again as soon as others need its place."""
        path = self._file(shard)
        try:
            os.utime(path)  # It was read now: others make room first.
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock(path):
                if not path.exists():
                    self._fetch(shard, path)
        return path

    def drop(self, shard: Shard) -> None:
        """Forget a shard: its copy here is damaged."""
        self._file(shard).unlink(missing_ok=True)

    def ask_ahead(self, shard: Shard) -> None:
        """Have a shard fetched in the background; whatever goes wrong is met when it is read."""
        if self._file(shard).exists():
            return
        if self._ahead is None or self._ahead[0] != os.getpid():  # Threads don't come along into a forked process.
            self._ahead = os.getpid(), SimpleQueue()
            threading.Thread(target=self._fetch_all, args=(self._ahead[1],), daemon=True).start()
        self._ahead[1].put(shard)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_ahead": None}

    def _fetch_all(self, shards: SimpleQueue[Shard]) -> None:
        while True:
            shard = shards.get()
            path = self._file(shard)
            # What others are fetching already is left to them.
            with contextlib.suppress(OSError, ValueError, Timeout), self._lock(path, timeout=0):
                if not path.exists():
                    self._fetch(shard, path)

    def _fetch(self, shard: Shard, path: Path) -> None:
        """Fetches a shard, whose lock is held, into room that was reserved for it."""
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.partial")
        reserved = self._reserve(shard.bytes, path)
        try:
            self.storage.fetch(shard.file, partial)
            if partial.stat().st_size != shard.bytes:
                raise ValueError(
                    f"{self.storage.name(shard.file)} has {partial.stat().st_size} bytes, expected {shard.bytes}: "
                    "it is damaged; copy it anew, or delete it where it was made and run `spadework shards` again"
                )
            with self._bookkeeping():
                os.replace(partial, path)
                reserved.unlink()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(f"{self.folder}: no room for a shard: lower --cache-size or move --cache") from None
            raise
        finally:
            partial.unlink(missing_ok=True)
            reserved.unlink(missing_ok=True)

    def _reserve(self, size: int, path: Path) -> Path:
        """Makes room for a file that is about to come, waiting for that of others to arrive where it must."""
        reserved = path.with_suffix(".reserved")
        while True:
            with self._bookkeeping():
                if self._make_room(size):
                    reserved.write_text(str(size))
                    return reserved
            time.sleep(0.05)

    def _make_room(self, size: int) -> bool:
        """Deletes the shards that were not read for the longest time; False where that isn't enough."""
        self._sweep()
        files: list[tuple[int, int, Path]] = []
        used = 0
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # One that arrived, or was dropped, in between.
                if path.suffix == ".reserved":
                    used += int(path.read_text() or 0)
                elif path.suffix == ".tar":
                    files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        used += sum(bytes for _, bytes, _ in files)
        for _, bytes, path in sorted(files):
            if used + size <= self.limit:
                break
            path.unlink(missing_ok=True)
            used -= bytes
        return used + size <= self.limit

    def _sweep(self) -> None:
        """Deletes what killed processes left half-fetched: nobody holds its lock."""
        for reserved in list(self.folder.glob("*.reserved")):
            with contextlib.suppress(Timeout), self._lock(reserved.with_suffix(".tar"), timeout=0):
                for partial in self.folder.glob(f"{reserved.stem}.*.partial"):
                    partial.unlink(missing_ok=True)
                reserved.unlink(missing_ok=True)

    def _file(self, shard: Shard) -> Path:
        return self.folder / f"{shard.table_sha256[:40]}.tar"

    def _bookkeeping(self) -> FileLock:
        """Who adds up sizes must not see anything come or go."""
        return FileLock(self.folder / ".lock")

    def _lock(self, path: Path, timeout: float = -1) -> FileLock:
        return FileLock(path.with_suffix(".lock"), timeout=timeout)


def require_room(limit: int, shards: list[int], window: int) -> None:
    """Raise ValueError unless the cache may hold all shards, in bytes, that are read at the same time."""
    needed = sum(sorted(shards)[-window:])
    if limit < needed:
        raise ValueError(
            f"--cache-size is {readable_bytes(limit)}, but {min(window, len(shards))} shards of this set are mixed at "
            f"a time and take {readable_bytes(needed)}: give it at least that (twice as much, and none is waited for), "
            "or make smaller shards (--shard-size)"
        )
