"""Photos and label maps on disk as samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from spadework.data.doctor.look_at_all import QUICK
from spadework.data.doctor.quick import Check, check_pairs
from spadework.data.label_map import read_instance_map, read_photo, read_small_label_map
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset, names_fingerprint
from spadework.data.pairs import SPLITS, Pair, find_pairs, splits_of
from spadework.data.preprocess import Preprocess
from spadework.data.sizes import check_sizes

ONTOLOGY_FILES = ("ontology.json", "classes.json")


class FolderDataset(PairDataset):
    """The pairs of one or several data folders.

    A root is a folder (see `find_pairs`) or the JSON file of an ontology with `from_pack`, which stands for the folders
    beside it that it names. The ontology is the given one, that JSON file's, or the root's `ontology.json` or
    `classes.json`. With several roots the names of samples begin with their pack's.
    """

    def __init__(
        self,
        roots: str | Path | Sequence[str | Path],
        *,
        split: str | None = None,
        ontology: Ontology | None = None,
        settings: Preprocess | None = None,
        training: bool = True,
        photos_required: bool = True,
    ) -> None:
        paths = [Path(roots)] if isinstance(roots, str | Path) else [Path(root) for root in roots]
        if not paths:
            raise ValueError("no data folder given")
        super().__init__(ontology or common_ontology(paths), settings, training)
        folders = [folder for path in paths for folder in data_folders(path)]
        self.splits = frozenset.intersection(*(splits_of(folder) for folder in folders))
        """The splits that every folder has."""
        self.pairs = [
            pair
            for folder in folders
            for pair in _pairs_of(folder, split, self.ontology, photos_required, prefix=len(folders) > 1)
        ]
        _reject_same_names(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def shard_sizes(self) -> tuple[int, ...]:
        """One: any file of a folder is as near as any other."""
        return (len(self),)

    def name(self, index: int) -> str:
        """The files' common stem; with the pack's name before it where several packs are merged."""
        return self.pairs[index].name

    def read(self, index: int) -> tuple[Image.Image | None, Tensor, Tensor | None]:
        """Pair `index` as it lies on disk: RGB photo, [H, W] class indices, [H, W] object ids."""
        pair = self.pairs[index]
        label_map = read_small_label_map(pair.label, self.ontology, pack=pair.pack)
        instance_map = None if pair.instance is None else read_instance_map(pair.instance)
        photo = None if pair.photo is None else read_photo(pair.photo)
        check_sizes(pair, label_map, None if photo is None else photo.size, instance_map)
        return photo, label_map, instance_map

    def check(self, limit: int = QUICK) -> Check:
        """The doctor's quick form: up to `limit` evenly spread pairs, one ValueError that sums up what is wrong."""
        return check_pairs(self.pairs, self.ontology, limit)

    def fingerprint(self) -> dict[str, Any]:
        """The number of pairs, and a hash of their names in their order."""
        return {"pairs": len(self), "names_sha256": names_fingerprint(pair.name for pair in self.pairs)}


def data_folders(root: Path) -> list[Path]:
    """The data folders that a root stands for."""
    if root.suffix.lower() != ".json":
        return [root]
    packs = Ontology.read(root).from_pack
    if packs is None:
        raise ValueError(f"{root}: it has no 'from_pack'; give the data folder, and this file as its ontology")
    missing = [pack for pack in packs if not (root.parent / pack).is_dir()]
    if missing:
        raise ValueError(f"{root}: from_pack names {', '.join(missing)}, but there is no such folder beside the file")
    return [root.parent / pack for pack in packs]


def common_ontology(roots: list[Path]) -> Ontology:
    """The ontology that all roots bring along."""
    found: dict[Path, Ontology] = {}
    for root in roots:
        path = root if root.suffix.lower() == ".json" else ontology_file(root)
        if path is None:
            names = " or ".join(ONTOLOGY_FILES)
            raise ValueError(f"{root}: no {names} in it; add one, or give the ontology (--ontology FILE)")
        found[path] = Ontology.read(path)
    first_path, first = next(iter(found.items()))
    for path, ontology in found.items():
        if ontology != first:
            raise ValueError(f"{first_path} and {path} differ; give one ontology whose from_pack maps the ids of both")
    return first


def ontology_file(root: Path) -> Path | None:
    """The ontology beside a folder's data; for a split's folder also the one above it."""
    folders = [root, root.parent] if root.name in SPLITS else [root]
    files = [folder / name for folder in folders for name in ONTOLOGY_FILES]
    return next((path for path in files if path.is_file()), None)


def _pairs_of(
    folder: Path, split: str | None, ontology: Ontology, photos_required: bool, *, prefix: bool
) -> list[Pair]:
    pack = pack_of(folder, ontology)
    name = pack or (folder.parent.name if folder.name in SPLITS else folder.name)
    pairs = find_pairs(folder, split, photos_required=photos_required)
    return [replace(pair, name=f"{name}_{pair.name}" if prefix else pair.name, pack=pack) for pair in pairs]


def pack_of(folder: Path, ontology: Ontology) -> str | None:
    """The pack whose ids a folder's label maps hold, or None when they are the ontology's own."""
    if ontology.from_pack is None:
        return None
    file = ontology_file(folder)
    own = None if file is None else Ontology.read(file).name
    if own == ontology.name:
        return None
    for name in (own, folder.name, folder.parent.name if folder.name in SPLITS else None):
        if name in ontology.from_pack:
            return name
    if own is not None:
        packs = ", ".join(ontology.from_pack)
        raise ValueError(f"{file}: ontology {ontology.name!r} maps the ids of {packs}, not of {own!r}; add a from_pack")
    return None


def _reject_same_names(pairs: list[Pair]) -> None:
    seen: dict[str, Pair] = {}
    for pair in pairs:
        if pair.name in seen:
            other = seen[pair.name].label
            raise ValueError(f"{other} and {pair.label} would both be called {pair.name!r}; rename one of the folders")
        seen[pair.name] = pair
