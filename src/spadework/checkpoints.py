"""Checkpoints: what a training goes on from after any end, and what must then be as it was.

A checkpoint's file is what torch.save writes, and after it one line with the SHA-256 of all bytes before: state and
checksum are one file, so they cannot be of different age; torch.load reads it as it is.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from spadework.atomic import DiskFullError, write_atomic

_NAME = re.compile(r"\d{9,}\.pt")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """What a training goes on from."""

    images: int
    """Images seen when it was written."""
    state: dict[str, Any]
    """What was saved, all tensors on the CPU."""
    path: Path
    """Where it was read from."""


class Checkpoints:
    """The files `<images>.pt` of a folder; making this object touches nothing on disk.

    `keep` is the number of newest ones that stay.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}: a run keeps at least 1 checkpoint")
        self.folder = folder
        self.keep = keep

    def path(self, images: int) -> Path:
        """`<images>.pt`."""
        return self.folder / f"{images:09d}.pt"

    def paths(self) -> list[Path]:
        """The files, oldest first, unread."""
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), key=images_of)

    def save(self, images: int, state: dict[str, Any]) -> Path:
        """Write `<images>.pt`, then delete the ones before the newest `keep`.

        The state may hold tensors, numbers, strings, None, and lists, tuples and dicts of them: what can be read again
        without executing anything; others raise ValueError at once. Raises DiskFullError when there is no room.
        """
        path = self.path(images)
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self._up_to(images)
        try:
            write_atomic(path, lambda file: _write_state(file, state, path))
        except DiskFullError as error:
            if before:
                error.safe = f"the last complete checkpoint, {before[-1]}, is untouched"
            raise

        for old in self._up_to(images)[: -self.keep]:
            old.unlink()
        return path

    def latest(self) -> Checkpoint | None:
        """The newest complete checkpoint, or None before the first.

        A damaged file is named in a warning and the one before it is taken; when all are damaged, ValueError lists
        them.
        """
        damaged: list[tuple[Path, str]] = []
        for path in reversed(self.paths()):
            try:
                damage = _damage_of(path)
            except OSError as error:
                damage = f"it can't be read: {error.strerror}"
            if damage is None:
                for file, what in damaged:
                    warnings.warn(f"{file} is damaged ({what}): going on from {path.name} instead", stacklevel=2)
                return Checkpoint(images_of(path), torch.load(path, map_location="cpu", weights_only=True), path)
            damaged.append((path, damage))
        if damaged:
            listed = ", ".join(f"{path.name} ({what})" for path, what in damaged)
            raise ValueError(
                f"{self.folder}: every checkpoint is damaged: {listed}; "
                "restore one from a copy, or start a new run with another --out"
            )
        return None

    def _up_to(self, images: int) -> list[Path]:
        # Files beyond the present images are damaged ones that were passed over: neither counted nor deleted.
        return [path for path in self.paths() if images_of(path) <= images]


def images_of(path: Path) -> int:
    """The images seen, from the file's name."""
    return int(path.stem)


def require_same(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A training goes on as it began; raises ValueError that names what differs."""
    before, now = _flat(stored), _flat(wanted)
    different = [
        f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(
            f"this run began with other settings or data: {'; '.join(different)}. "
            "Resume it as it began, or choose another --out"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


# The file.


def _write_state(file: BinaryIO, state: dict[str, Any], path: Path) -> None:
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


def _damage_of(path: Path) -> str | None:
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
