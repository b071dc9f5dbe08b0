"""Finding photos, label maps and instance maps that belong together in a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")
PHOTO_FOLDERS = ("photos", "images")
LABEL_FOLDERS = ("labels", "masks", "annotations")
INSTANCE_FOLDERS = ("instances",)

PHOTO_EXTENSIONS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp"}
LABEL_EXTENSIONS = PHOTO_EXTENSIONS | {".npy"}


@dataclass(frozen=True)
class Pair:
    """The files of one sample."""

    name: str
    """The files' common stem; with the pack's name before it where several packs are merged."""
    photo: Path | None
    label: Path
    instance: Path | None = None
    pack: str | None = None
    """The pack whose ids the label map holds, when they go through `Ontology.from_pack`."""


def find_pairs(root: str | Path, split: str | None = None, *, photos_required: bool = True) -> list[Pair]:
    """The pairs below a data folder, in natural order of their label maps' paths.

    Looks in ROOT/SPLIT, for ROOT/SPLIT_img, _label, _inst, and (without a split or for "train") in ROOT itself; without
    a split "train" is taken where there is one. Folders are photos or images; labels, masks or annotations; instances.
    Listings go into subfolders; files pair by stem. Raises ValueError that lists what doesn't pair up.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder")
    photos, labels, instances = _find_folders(root, split)
    if photos is None and photos_required:
        raise ValueError(f"{labels}: no folder {_either(PHOTO_FOLDERS)} beside it; found {_content(labels.parent)}")
    return _pair_up(root, photos, labels, instances, photos_required)


def splits_of(root: Path) -> frozenset[str]:
    """The splits that a data folder has."""
    return frozenset(split for split in SPLITS if (root / split).is_dir() or (root / f"{split}_label").is_dir())


def _find_folders(root: Path, split: str | None) -> tuple[Path | None, Path, Path | None]:
    """The folders of photos, label maps and instance maps."""
    name = split or "train"
    if (root / name).is_dir():
        base = root / name
    elif (root / f"{name}_label").is_dir():
        photos, instances = root / f"{name}_img", root / f"{name}_inst"
        return _if_there(photos), root / f"{name}_label", _if_there(instances)
    elif name == "train":
        base = root
    else:
        hint = "; leave the split out to take the whole folder" if _one_of(root, LABEL_FOLDERS) else ""
        raise ValueError(f"{root}: no split {name!r}: neither {name}/ nor {name}_label/ in {_content(root)}{hint}")
    labels = _one_of(base, LABEL_FOLDERS)
    if labels is None:
        splits = "" if base != root else f", nor in {name}/, nor a folder {name}_label"
        raise ValueError(f"{base}: no folder {_either(LABEL_FOLDERS)} in it{splits}; found {_content(base)}")
    return _one_of(base, PHOTO_FOLDERS), labels, _one_of(base, INSTANCE_FOLDERS)


def _one_of(base: Path, names: tuple[str, ...]) -> Path | None:
    present = [base / name for name in names if (base / name).is_dir()]
    if len(present) > 1:
        raise ValueError(f"{base}: both {present[0].name}/ and {present[1].name}/ are there; keep or rename one")
    return present[0] if present else None


def _if_there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _pair_up(
    root: Path, photos: Path | None, labels: Path, instances: Path | None, photos_required: bool
) -> list[Pair]:
    problems: list[str] = []
    label_of = _by_stem(labels, LABEL_EXTENSIONS, problems)
    photo_of = _by_stem(photos, PHOTO_EXTENSIONS, problems) if photos else {}
    instance_of = _by_stem(instances, LABEL_EXTENSIONS, problems) if instances else {}
    if not label_of and not problems:
        raise ValueError(
            f"{labels}: no label maps in it ({', '.join(sorted(LABEL_EXTENSIONS))}); found {_content(labels)}"
        )

    # What has no partner.
    _list_missing("photo", "label map", photo_of, label_of, problems)
    if photos_required:
        _list_missing("label map", "photo", label_of, photo_of, problems)
    if instances:
        _list_missing("instance map", "label map", instance_of, label_of, problems)
        _list_missing("label map", "instance map", label_of, instance_of, problems)
    if problems:
        raise ValueError(
            f"{root}: files don't pair up: {'; '.join(problems)}. "
            "Files that belong together have the same name up to the extension: rename, add or remove these"
        )
    return [Pair(stem, photo_of.get(stem), path, instance_of.get(stem)) for stem, path in label_of.items()]


def _by_stem(folder: Path, extensions: set[str], problems: list[str]) -> dict[str, Path]:
    """Stem -> file of all files below a folder in natural order; two files of one stem are added to the problems."""
    files: dict[str, list[Path]] = {}
    for path in sorted(_files(folder), key=lambda path: _natural(path.relative_to(folder))):
        if path.suffix.lower() in extensions and not path.name.startswith("."):
            files.setdefault(path.stem, []).append(path)
    twice = [paths for paths in files.values() if len(paths) > 1]
    if twice:
        shown = ", ".join(" and ".join(str(path.relative_to(folder)) for path in paths[:2]) for paths in twice[:3])
        problems.append(f"{_number(len(twice), 'stem')} with several files in {folder.name}/ ({shown}{_more(twice)})")
    return {stem: paths[0] for stem, paths in files.items()}


def _files(folder: Path) -> list[Path]:
    return [Path(base, name) for base, _, names in os.walk(folder, followlinks=True) for name in names]


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sort key that counts: a2 before a10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if index % 2 else (-1, part) for index, part in enumerate(parts)]


def _list_missing(
    what: str, partner: str, files: dict[str, Path], partners: dict[str, Path], problems: list[str]
) -> None:
    missing = [path for stem, path in files.items() if stem not in partners]
    if missing:
        shown = ", ".join(path.name for path in missing[:3])
        problems.append(f"{_number(len(missing), what)} without {partner} ({shown}{_more(missing)})")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _more(items: list[object] | list[Path] | list[list[Path]]) -> str:
    return ", ..." if len(items) > 3 else ""


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(f"{name}/" for name in names)


def _content(folder: Path) -> str:
    """The first few entries of a folder."""
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    return ", ".join(entries[:8]) + (", ..." if len(entries) > 8 else "") if entries else "nothing"
