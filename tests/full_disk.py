"""Places with room for about two mebibytes, so that tests meet a disk that is really full."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOM = 2 << 20
KINDS = ["small disk", "limited file size"]


@contextmanager
def little_room(kind: str, folder: Path) -> Iterator[Path]:
    """Inside the block, files in the folder find room for ROOM bytes, all together or ("limited file size") each."""
    folder.mkdir()
    if kind == "small disk":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk is not permitted here; the limited file size is tested instead")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
        try:
            yield folder
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
