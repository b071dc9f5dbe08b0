"""Finding photos, label maps and instance maps that belong together in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")
PHOTO_FOLDERS = ("photos", "images")
LABEL_FOLDERS = ("labels", "masks", "annotations")
INSTANCE_FOLDERS = ("instances",)

PHOTO_EXTENSIONS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp"}
LABEL_EXTENSIONS = PHOTO_EXTENSIONS | {".npy", ".pgm"}


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


@dataclass(frozen=True)
class Listing:
    """What lies in the folders of one split: the pairs, and what keeps others from being one."""

    pairs: list[Pair]
    """In natural order of their label maps' paths; a stem with several files is left out."""
    labels: Path
    """The folder of label maps."""
    photos_alone: list[Path]
    """Photos without label map."""
    labels_alone: list[Path]
    """Label maps without photo."""
    instances_alone: list[Path]
    """Instance maps without label map."""
    without_instance: list[Path]
    """Label maps without instance map, where others have one."""
    same_stem: list[tuple[Path, ...]]
    """Files of one kind and one stem."""
    not_read: list[Path]
    """Files without partner that would be one of those above, were they of a kind that is read."""
    photos_required: bool = True
    """Whether a label map without photo is a fault."""

    @property
    def faults(self) -> list[str]:
        """What doesn't pair up, a phrase per kind."""
        kinds = [
            ("photo", "label map", self.photos_alone),
            ("label map", "photo", self.labels_alone if self.photos_required else []),
            ("instance map", "label map", self.instances_alone),
            ("label map", "instance map", self.without_instance),
        ]
        phrases = [_same_stem(self.same_stem)] if self.same_stem else []
        phrases += [_missing(what, partner, paths) for what, partner, paths in kinds if paths]
        return phrases + ([_not_read(self.not_read)] if phrases and self.not_read else [])


def find_pairs(root: str | Path, split: str | None = None, *, photos_required: bool = True) -> list[Pair]:
    """The pairs below a data folder, in natural order of their label maps' paths.

    Looks in ROOT/SPLIT, for ROOT/SPLIT_img, _label, _inst, and (without a split or for "train") in ROOT itself; without
    a split "train" is taken where there is one. Folders are photos or images; labels, masks or annotations; instances.
    Listings go into subfolders; files pair by stem. Raises ValueError that lists what doesn't pair up.
    """
    listing = list_pairs(root, split, photos_required=photos_required)
    if listing.faults:
        raise ValueError(
            f"{root}: files don't pair up: {'; '.join(listing.faults)}. "
            "Files that belong together have the same name up to the extension: rename, add or remove these"
        )
    return listing.pairs


def list_pairs(root: str | Path, split: str | None = None, *, photos_required: bool = True) -> Listing:
    """Pairs as `find_pairs` finds them, and beside them what doesn't pair up.

    Raises ValueError only where the folders themselves are missing or empty.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder")
    photos, labels, instances = _find_folders(root, split)
    if photos is None and photos_required:
        raise ValueError(f"{labels}: no folder {_either(PHOTO_FOLDERS)} beside it; found {_content(labels.parent)}")
    return _pair_up(photos, labels, instances, photos_required)


def splits_of(root: Path) -> frozenset[str]:
    """The splits that a data folder has."""
    return frozenset(split for split in SPLITS if (root / split).is_dir() or (root / f"{split}_label").is_dir())


def every_split(root: Path) -> list[str]:
    """All splits of a data folder; pairs at its top, beside others, are its training split."""
    names = [name for name in SPLITS if name in splits_of(root)]
    at_top = "train" not in names and any((root / folder).is_dir() for folder in LABEL_FOLDERS)
    return ["train", *names] if at_top or not names else names


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


def _pair_up(photos: Path | None, labels: Path, instances: Path | None, photos_required: bool) -> Listing:
    label_of, other_labels = _by_stem(labels, LABEL_EXTENSIONS)
    photo_of, other_photos = _by_stem(photos, PHOTO_EXTENSIONS) if photos else ({}, [])
    instance_of, other_instances = _by_stem(instances, LABEL_EXTENSIONS) if instances else ({}, [])
    if not label_of:
        raise ValueError(
            f"{labels}: no label maps in it ({', '.join(sorted(LABEL_EXTENSIONS))}); found {_content(labels)}"
        )

    # A stem with several files of a kind is a question, not a pair.
    kinds = (label_of, photo_of, instance_of)
    ambiguous = {stem for files in kinds for stem, paths in files.items() if len(paths) > 1}
    pairs = [
        Pair(stem, photo_of.get(stem, [None])[0], paths[0], instance_of.get(stem, [None])[0])
        for stem, paths in label_of.items()
        if stem not in ambiguous
        and (stem in photo_of or not photos_required)
        and (stem in instance_of or instances is None)
    ]
    return Listing(
        pairs,
        labels,
        photos_alone=_without(photo_of, label_of),
        labels_alone=_without(label_of, photo_of),
        instances_alone=_without(instance_of, label_of),
        without_instance=_without(label_of, instance_of) if instances else [],
        not_read=[
            *(path for path in other_photos if path.stem in label_of and path.stem not in photo_of),
            *(path for path in other_labels if path.stem in photo_of and path.stem not in label_of),
            *(path for path in other_instances if path.stem in label_of and path.stem not in instance_of),
        ],
        same_stem=[tuple(paths) for files in kinds for paths in files.values() if len(paths) > 1],
        photos_required=photos_required,
    )


def _by_stem(folder: Path, extensions: set[str]) -> tuple[dict[str, list[Path]], list[Path]]:
    """Stem -> files with it, of all files below a folder in natural order; and those with other extensions."""
    files: dict[str, list[Path]] = {}
    others = []
    for path in sorted(_files(folder), key=lambda path: _natural(path.relative_to(folder))):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in extensions and not hidden:
            files.setdefault(_readable(path).stem, []).append(path)
        elif not hidden:
            others.append(path)
    return files, others


def _readable(path: Path) -> Path:
    """The path, unless its name cannot be written down: a ValueError."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{path.parent!a}: the file name {os.fsencode(path.name)!r} is not UTF-8; rename it, for instance by "
            "convmv -f latin1 -t utf8"
        ) from None
    return path


def _without(files: dict[str, list[Path]], partners: dict[str, list[Path]]) -> list[Path]:
    return [paths[0] for stem, paths in files.items() if stem not in partners]


def _files(folder: Path) -> list[Path]:
    return [Path(base, name) for base, _, names in os.walk(folder, followlinks=True) for name in names]


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sort key that counts: a2 before a10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if index % 2 else (-1, part) for index, part in enumerate(parts)]


def _missing(what: str, partner: str, paths: list[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:3])
    return f"{_number(len(paths), what)} without {partner} ({shown}{_more(paths)})"


def _not_read(paths: list[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:3])
    return f"{_number(len(paths), 'file')} of kinds that are not read ({shown}{_more(paths)}): save them as JPEG or PNG"


def _same_stem(groups: list[tuple[Path, ...]]) -> str:
    shown = []
    for paths in groups[:3]:
        folder = Path(os.path.commonpath([path.parent for path in paths]))
        shown.append(" and ".join(str(path.relative_to(folder.parent)) for path in paths[:2]))
    return f"{_number(len(groups), 'stem')} with several files ({', '.join(shown)}{_more(groups)})"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _more(items: Sequence[object]) -> str:
    return ", ..." if len(items) > 3 else ""


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(f"{name}/" for name in names)


def _content(folder: Path) -> str:
    """The first few entries of a folder."""
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    return ", ".join(entries[:8]) + (", ..." if len(entries) > 8 else "") if entries else "nothing"
