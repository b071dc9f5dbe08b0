"""Which result belongs to which label map: by name, the same name for both systems of a question."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spadework.data.pair_dataset import PairDataset
from spadework.data.pairs import PHOTO_EXTENSIONS

LONGEST = 60
"""Characters of a system's name."""


@dataclass(frozen=True)
class Pairing:
    """The label maps for which two systems have a result."""

    results: tuple[tuple[int, tuple[Path, Path]], ...]
    """The label map's index, our picture and theirs; in the order of the data."""
    notes: tuple[str, ...]
    """What was left out."""


def pair_results(data: PairDataset, our_name: str, ours: Path, their_name: str, theirs: Path) -> Pairing:
    """Pair the results of two systems; raises ValueError where nothing pairs or a name is there twice."""
    if ours.resolve() == theirs.resolve():
        raise ValueError(f"{our_name} and {their_name} are the same folder, {ours}: name two folders of results")
    our_files, their_files = find_results(ours), find_results(theirs)
    names = {data.name(index): index for index in range(len(data))}
    both = [name for name in names if name in our_files and name in their_files]
    for folder, files in ((ours, our_files), (theirs, their_files)):
        if not any(name in files for name in names):
            raise ValueError(
                f"{folder}: none of its pictures has the name of a label map; it holds {_some(files)}, the label maps "
                f"are called {_some(names)}. Results pair with label maps by name, up to the extension"
            )
    if not both:
        raise ValueError(
            f"{ours} ({_some(our_files)}) and {theirs} ({_some(their_files)}) have no label map in common: "
            "make results of both systems for the same label maps"
        )

    # A system may lack some.
    notes = []
    for name, files in ((our_name, our_files), (their_name, their_files)):
        if missing := [label_map for label_map in names if label_map not in files]:
            notes.append(f"{name} has no picture for {len(missing)} of {len(names)} label maps ({_some(missing)})")
    return Pairing(tuple((names[name], (our_files[name], their_files[name])) for name in both), tuple(notes))


def find_results(folder: Path) -> dict[str, Path]:
    """Name -> picture, of all pictures below a folder; raises ValueError where there are none, or two of a name."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    found: dict[str, Path] = {}
    for base, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        for path in (Path(base, file) for file in sorted(files)):
            if path.suffix.lower() not in PHOTO_EXTENSIONS or path.name.startswith("."):
                continue
            if path.stem in found:
                raise ValueError(
                    f"{found[path.stem]} and {path} have one name: name the folder that holds the results alone"
                )
            found[path.stem] = path
    if not found:
        raise ValueError(f"{folder}: no pictures in it ({', '.join(sorted(PHOTO_EXTENSIONS))})")
    return found


def check_names(ours: str, theirs: Mapping[str, Path]) -> None:
    """Raise ValueError for names of systems that are empty, too long, unprintable or there twice."""
    if not theirs:
        raise ValueError("no competitor given: --theirs NAME=DIR names one and its folder of results")
    seen: set[str] = set()
    for name in (ours, *theirs):
        if not name.strip() or len(name) > LONGEST or not name.isprintable():
            raise ValueError(f"system {name!r}: expected a name of 1 to {LONGEST} printable characters")
        if name.casefold() in seen:
            raise ValueError(f"two systems are called {name!r}: give each a name of its own")
        seen.add(name.casefold())


def _some(names: Mapping[str, object] | list[str]) -> str:
    shown = list(names)[:3]
    return ", ".join(shown) + (", ..." if len(names) > 3 else "")
