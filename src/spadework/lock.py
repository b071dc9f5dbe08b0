"""One writer per folder: a lock that dies with its process."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import warnings
import weakref
from pathlib import Path

from spadework.atomic import explain_disk_full

_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


class FolderLock:
    """Holds the file `.lock` of a folder from its making until `release`, or until the process ends.

    Raises ValueError, naming the holder, when another process (or another lock of this one) holds it.
    """

    def __init__(self, folder: Path, work: str = "training", option: str = "--out") -> None:
        self.folder = folder
        self.work = work
        """What its holder does there, for messages."""
        self.option = option
        """How the user names the folder, for messages."""
        self._descriptor: int | None = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take(self._descriptor)
        except BaseException:
            self.release()
            raise
        _held.add(self)

    def release(self) -> None:
        """Give the lock back; doing so twice is harmless."""
        _held.discard(self)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 300, 0).decode(errors="replace").strip() or "unknown"
            raise ValueError(
                f"another {self.work} ({holder}) is writing in {self.folder}: "
                f"wait for its end or stop it, or choose another {self.option}"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            warnings.warn(
                f"{self.folder}: this file system has no locks; make sure that no other {self.work} writes there",
                stacklevel=2,
            )

        # Leave word for whoever comes second.
        with explain_disk_full(self.folder / ".lock", safe="all that was in the folder is untouched"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


# A forked child (a worker of the data loader) shares the open file and would keep the lock when its parent is killed,
# so every child closes it; that leaves the parent's lock as it is.

_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def _release_in_child() -> None:
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_release_in_child)
