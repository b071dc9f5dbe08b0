"""The file of a checkpoint: what torch.save writes, and after it one line with the SHA-256 of all bytes before.

State and checksum are one file, so they cannot be of different age; torch.load reads it as it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import torch

_CHUNK = 1 << 20


def images_of(path: Path) -> int:
    """The images seen, from the file's name."""
    return int(path.stem)


def write_state(file: BinaryIO, state: dict[str, Any], path: Path) -> None:
    """Fill an open, named file that will become `path`.

    Raises ValueError for a state that cannot be read again without executing anything.
    """
    hashing = _Hashing(file)
    torch.save(state, hashing)  # type: ignore[arg-type]
    file.write(_seal(hashing.sha256.hexdigest()))

    # Better refused now than unreadable when the run is to go on.
    if foreign := torch.serialization.get_unsafe_globals_in_checkpoint(file.name):
        raise ValueError(
            f"{path}: a checkpoint holds tensors and plain values only, but the state has {', '.join(foreign)}"
        )


def damage_of(path: Path) -> str | None:
    """What is wrong with a checkpoint file, or None when it is as it was written."""
    size = path.stat().st_size
    left = size - len(_seal("0" * 64))
    if left <= 0:
        return f"{size} bytes, too short"
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            sha256.update(chunk)
            left -= len(chunk)
        seal = file.read()
    return None if seal == _seal(sha256.hexdigest()) else "truncated or altered: its checksum does not fit"


def _seal(digest: str) -> bytes:
    return f"\nsha256 {digest}\n".encode()


class _Hashing:
    """What torch.save needs of a file, with the checksum of all that passed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()
