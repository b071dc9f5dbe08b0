"""Two folders, one of photos and one of label maps, with whatever naming pairs them by their stems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from spadework.data.folder import ontology_file
from spadework.data.ontology import Ontology
from spadework.data.pairs import (
    INSTANCE_FOLDERS,
    LABEL_EXTENSIONS,
    LABEL_FOLDERS,
    PHOTO_EXTENSIONS,
    PHOTO_FOLDERS,
    SPLITS,
)
from spadework.data.prepare.making import ConvertLabelMap, copy_instance_map, copy_photo
from spadework.data.prepare.plan import Key, Output, Plan, paired
from spadework.data.prepare.shares import Shares, draw_splits
from spadework.data.prepare.source import SourceFile, SourceTree
from spadework.data.shipped import find_ontology

_CURE = "Files that belong together have the same name up to the extension (and the same path, where names recur)"


@dataclass(frozen=True)
class Folders(Shares):
    """Two folders of your own: photos, and label maps that pair with them by stem. Label maps become PNGs of ids.

    SRC holds the photos, or both: in folders of their own (photos/ or images/; labels/, masks/ or annotations/;
    instances/), or side by side, told apart by suffixes. Splits train/, val/ and test/ in it stay, otherwise they are
    drawn by seed.
    """

    name: ClassVar[str] = "folders"
    archives: ClassVar[tuple[str, ...]] = ()

    labels: Path | None = None
    """The folder (or archive) of label maps, when they are not in SRC."""
    instances: Path | None = None
    """The folder (or archive) of instance maps, named like the photos; none unless given or in SRC."""
    ontology: str | None = None
    """The classes: a JSON file, or the name of a shipped ontology; ontology.json in SRC unless given."""
    photo_suffix: str = ""
    """How the stems of photos end, beyond what they share with their label maps; other files are passed over."""
    label_suffix: str = ""
    """The same for label maps, such as _mask for a.jpg and a_mask.png."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        return {**self.shares(), "photo_suffix": self.photo_suffix, "label_suffix": self.label_suffix}

    def plan(self, tree: SourceTree) -> Plan:
        """Photos as they are, label maps as ids, instance maps as they are."""
        ontology = self._ontology(tree.root)
        if self._side_by_side(tree):
            photos = keyed(tree, (), PHOTO_EXTENSIONS, self.photo_suffix, not_ending=self.label_suffix)
            labels = keyed(tree, (), LABEL_EXTENSIONS, self.label_suffix, not_ending=self.photo_suffix)
            instances = {}
        elif self.labels is None:
            photos = keyed(tree, PHOTO_FOLDERS, PHOTO_EXTENSIONS, self.photo_suffix)
            labels = keyed(tree, LABEL_FOLDERS, LABEL_EXTENSIONS, self.label_suffix)
            instances = keyed(tree, INSTANCE_FOLDERS, LABEL_EXTENSIONS, "")
            _require_both(tree, photos, labels)
        else:
            photos = keyed(tree, (), PHOTO_EXTENSIONS, self.photo_suffix, apart_from=self.labels)
            labels = keyed(tree.beside(self.labels), (), LABEL_EXTENSIONS, self.label_suffix)
            instances = {}
        if self.instances is not None:
            instances = keyed(tree.beside(self.instances), (), LABEL_EXTENSIONS, "")
        photos, labels, instances = by_stem(photos, labels, instances)
        where = str(tree.root) if self.labels is None else f"{tree.root} and {self.labels}"
        paired(where, photos, labels, ("photos", "label maps"), _CURE + _suffix_hint(photos, labels))
        if instances:
            paired(where, labels, instances, ("label maps", "instance maps"), _CURE)

        # Names without folders, and a split for each.
        split_of, name_of = settle(where, list(photos), self)
        outputs = []
        for key in sorted(photos):
            place, name = split_of[key], name_of[key]
            photo, label = photos[key], labels[key]
            outputs.append(Output(f"{place}/photos/{name}{_suffix(photo)}", photo, copy_photo))
            outputs.append(Output(f"{place}/labels/{name}.png", label, ConvertLabelMap(ontology)))
            if instances:
                instance = instances[key]
                outputs.append(Output(f"{place}/instances/{name}{_suffix(instance)}", instance, copy_instance_map))
        return Plan(outputs, ontology)

    def _side_by_side(self, tree: SourceTree) -> bool:
        """Whether photos and label maps share their folders, such as a.jpg and a_mask.png."""
        if self.photo_suffix == self.label_suffix:
            return False
        if self.labels is None:
            parts = {part for file in tree.files for part in PurePosixPath(file.path).parts[:-1]}
            return parts.isdisjoint(LABEL_FOLDERS)
        return self.labels.resolve() == tree.root.resolve()

    def _ontology(self, root: Path) -> Ontology:
        if self.ontology is not None:
            return find_ontology(self.ontology)
        folders = [folder for folder in (root, self.labels) if folder is not None]
        file = next((file for folder in folders if (file := ontology_file(folder)) is not None), None)
        if file is None:
            raise ValueError(
                f"{root}: no ontology.json or classes.json in it that says what the label maps' numbers mean; write "
                "one (see docs/labels.md), or give --ontology: a JSON file, or the name of a shipped one (coco-stuff)"
            )
        return Ontology.read(file)


def keyed(
    tree: SourceTree,
    folders: tuple[str, ...],
    extensions: set[str],
    suffix: str,
    *,
    apart_from: Path | None = None,
    not_ending: str = "",
) -> dict[Key, SourceFile]:
    """Split ("" for none) and path without extension -> file.

    Of all pictures, or of those in folders of these names; of those whose stems end in `suffix`, which is cut off, and
    not in a longer `not_ending`. Raises ValueError when two files have one key.
    """
    found: dict[Key, SourceFile] = {}
    for file in tree.files:
        path = PurePosixPath(file.path)
        if path.suffix.lower() not in extensions or not path.stem.endswith(suffix):
            continue
        if len(not_ending) > len(suffix) and path.stem.endswith(not_ending):
            continue
        if apart_from is not None and file.offset is None and file.location.is_relative_to(apart_from):
            continue
        parts = list(path.with_name(path.stem.removesuffix(suffix)).parts)
        place = next((index for index, part in enumerate(parts[:-1]) if part in folders), None)
        if folders and place is None:
            continue

        # The split stands before or behind the folder of its kind: train/photos/a.jpg, photos/train/a.jpg.
        before, behind = ([], parts) if place is None else (parts[:place], parts[place + 1 :])
        split = next((part for part in reversed(before) if part in SPLITS), "")
        if not split and len(behind) > 1 and behind[0] in SPLITS:
            split, behind = behind[0], behind[1:]
        key = (split, "/".join(behind))
        if key in found:
            raise ValueError(
                f"{tree.root}: {found[key].name} and {file.name} would be one picture; rename or remove one of them"
            )
        found[key] = file
    return found


def by_stem(*kinds: dict[Key, SourceFile]) -> list[dict[Key, SourceFile]]:
    """The files keyed by their stems alone, unless their paths pair up already or some stem occurs twice."""
    present = [kind for kind in kinds if kind]
    if all(kind.keys() == present[0].keys() for kind in present[1:]):
        return list(kinds)
    shorter = [{(split, path.rpartition("/")[2]): file for (split, path), file in kind.items()} for kind in kinds]
    same = all(len(short) == len(kind) for short, kind in zip(shorter, kinds, strict=True))
    return shorter if same else list(kinds)


def settle(where: str, keys: list[Key], shares: Shares) -> tuple[dict[Key, str], dict[Key, str]]:
    """The split and the name of each pair; raises ValueError where they contradict each other."""
    with_split = [key for key in keys if key[0]]
    if with_split and len(with_split) < len(keys):
        without = next(key[1] for key in keys if not key[0])
        raise ValueError(
            f"{where}: {len(with_split)} pairs lie in train/, val/ or test/ and {len(keys) - len(with_split)} do not "
            f"({without}); move these into one of them, or all out of them"
        )
    name_of = {key: key[1].replace("/", "_") for key in keys}
    twice = [name for name, count in Counter((key[0], name_of[key]) for key in keys).items() if count > 1]
    if twice:
        raise ValueError(f"{where}: two pairs would be called {twice[0][1]!r}; rename one of them")
    if with_split:
        return {key: key[0] for key in keys}, name_of
    drawn = draw_splits(sorted(name_of.values()), shares)
    return {key: drawn[name_of[key]] for key in keys}, name_of


def _require_both(tree: SourceTree, photos: Mapping[Key, Any], labels: Mapping[Key, Any]) -> None:
    for found, names, what in ((photos, PHOTO_FOLDERS, "photos"), (labels, LABEL_FOLDERS, "label maps")):
        if not found:
            folders = " or ".join(f"{name}/" for name in names)
            raise ValueError(
                f"{tree.root}: no {what} in it, expected a folder {folders}; found {tree.content()}. If this is the "
                "folder of photos, say where the label maps are with --labels; if they lie among the photos, how their "
                "names end with --label-suffix"
            )


def _suffix_hint(photos: Mapping[Key, Any], labels: Mapping[Key, Any]) -> str:
    """What to try when names differ by an ending: a.jpg and a_mask.png."""
    endings = Counter(
        label[len(photo) :]
        for (_, photo), (_, label) in zip(sorted(photos), sorted(labels), strict=False)
        if label.startswith(photo) and label != photo
    )
    most = endings.most_common(1)
    return f"; did you mean --label-suffix {most[0][0]}?" if most and not photos.keys() & labels.keys() else ""


def _suffix(file: SourceFile) -> str:
    return PurePosixPath(file.path).suffix
