"""The files that a verb works through, under the names that what it makes of them will have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spadework.data.pairs import (
    INSTANCE_FOLDERS,
    LABEL_EXTENSIONS,
    LABEL_FOLDERS,
    PHOTO_EXTENSIONS,
    PHOTO_FOLDERS,
    SPLITS,
)


@dataclass(frozen=True)
class Kind:
    """What is looked for."""

    name: str
    """In the plural, for messages."""
    folders: tuple[str, ...]
    """What its folder is called in a data folder, or in each split of one."""
    ending: str
    """Of its folder where splits are called SPLIT_label."""
    extensions: frozenset[str]


LABEL_MAPS = Kind("label maps", LABEL_FOLDERS, "_label", frozenset(LABEL_EXTENSIONS))
INSTANCE_MAPS = Kind("instance maps", INSTANCE_FOLDERS, "_inst", frozenset(LABEL_EXTENSIONS))
PHOTOS = Kind("photos", PHOTO_FOLDERS, "_img", frozenset(PHOTO_EXTENSIONS))


def find_inputs(paths: Sequence[Path], kind: Kind) -> dict[str, Path]:
    """Name (a file's stem; within a folder with its subfolders) -> file, in the order given, folders sorted.

    A data folder stands for its files of this kind, those of a split under `SPLIT/`. Hidden files are left out. Raises
    ValueError for what is missing, empty or there twice.
    """
    if not paths:
        raise ValueError(f"no {kind.name} given: name files, or folders of them")
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: there is no such file or folder")
        for name, file in _files(path, kind) if path.is_dir() else [(path.stem, path)]:
            if name in found:
                raise ValueError(f"{found[name]} and {file} would both become {name}.png; take them apart")
            found[name] = file
    return found


def keep_inputs(targets: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise ValueError where what is to be written would replace what is read."""
    present = {os.path.realpath(path) for path in inputs}
    for target in targets:
        if os.path.realpath(target) in present:
            raise ValueError(f"{target} is one of the files to read: choose another folder for the results")


def _files(root: Path, kind: Kind) -> list[tuple[str, Path]]:
    found = []
    for prefix, folder in _folders(root, kind):
        files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in kind.extensions]
        names = [(file.relative_to(folder), file) for file in files]
        found += [
            (f"{prefix}{name.with_suffix('')}", file)
            for name, file in names
            if not any(part.startswith(".") for part in name.parts)
        ]
    if not found:
        raise ValueError(f"{root}: no {kind.name} in it (files ending in {', '.join(sorted(kind.extensions))})")
    return found


def _folders(root: Path, kind: Kind) -> list[tuple[str, Path]]:
    """The folders below a root that hold the kind, each with what its files' names begin with."""
    if own := _there(root / name for name in kind.folders):
        return [("", own)]
    in_splits = [
        (f"{split}/", folder)
        for split in SPLITS
        if (folder := _there([*(root / split / name for name in kind.folders), root / f"{split}{kind.ending}"]))
    ]
    return in_splits or [("", root)]


def _there(folders: Iterable[Path]) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)
