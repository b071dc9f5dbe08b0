"""ADE20K-outdoor: the part of ADE20K that shows the outdoors.

The papers' list of photos was never published. Ours goes by the scene that ADE20K names for each photo
(`sceneCategories.txt`, or the folders of the full release); `outdoor_scenes` says which scenes are outdoors. A list of
names that somebody does have can be given instead.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spadework.data.prepare.ade20k import ARCHIVES, SPLITS, ade20k_outputs, find_ade20k
from spadework.data.prepare.ade20k_full import full_release, scene_of_path
from spadework.data.prepare.outdoor_scenes import is_outdoor
from spadework.data.prepare.plan import Key, Plan, chosen_splits
from spadework.data.prepare.record import sha256
from spadework.data.prepare.source import SourceFile, SourceTree
from spadework.data.shipped import shipped_ontology

_SCENES = re.compile(r"(?:^|/)(sceneCategories\.txt)$")


@dataclass(frozen=True)
class Ade20kOutdoor:
    """The outdoor photos of ADE20K. The papers' list was never published: ours goes by scene, or give your own.

    From ADEChallengeData2016.zip (sceneparsing.csail.mit.edu), or from ADE20K_2016_07_26.zip, the full release.
    """

    name: ClassVar[str] = "ade20k-outdoor"
    archives: ClassVar[tuple[str, ...]] = ARCHIVES

    splits: tuple[str, ...] = ()
    """train, val; both unless given."""
    list: Path | None = None
    """A text file with a name such as ADE_train_00000001 per line, to take these photos instead of those by scene."""

    def options(self) -> dict[str, Any]:
        """What decides the result."""
        splits = [*chosen_splits(self.splits, SPLITS).values()]
        if self.list is None:
            return {"splits": splits, "list": None}
        return {"splits": splits, "list": sha256("\n".join(sorted(_names(self.list))).encode())}

    def plan(self, tree: SourceTree) -> Plan:
        """The chosen photos of ADE20K with their label maps."""
        splits = chosen_splits(self.splits, SPLITS)
        photos, labels, make, notes = find_ade20k(tree, splits)
        if self.list is None:
            chosen, more = _by_scene(photos, _scenes(tree, photos))
        else:
            chosen, more = _by_name(photos, self.list), []
        return Plan(ade20k_outputs(chosen, labels, make), shipped_ontology("ade20k-outdoor"), notes + more)


def _by_name(photos: dict[Key, SourceFile], path: Path) -> dict[Key, SourceFile]:
    names = _names(path)
    missing = sorted(names - {name for _, name in photos})
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise ValueError(
            f"{path}: {len(missing)} of its {len(names)} names are not among the photos ({shown}); expected names such "
            "as ADE_train_00000001, of the splits asked for"
        )
    return {key: file for key, file in photos.items() if key[1] in names}


def _names(path: Path) -> set[str]:
    """The names in a list; folders and extensions don't count."""
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: can't read the list ({error}); expected a text file with a name per line") from None
    if not lines:
        raise ValueError(f"{path}: the list is empty; expected a name such as ADE_train_00000001 per line")
    return {Path(line).stem for line in lines}


def _by_scene(photos: dict[Key, SourceFile], scene_of: dict[str, str]) -> tuple[dict[Key, SourceFile], list[str]]:
    """The photos of outdoor scenes, and notes on how they were chosen."""
    verdicts = {key: is_outdoor(scene_of.get(key[1], "")) for key in photos}
    chosen = {key: file for key, file in photos.items() if verdicts[key]}
    if not chosen:
        raise ValueError("none of the photos shows an outdoor scene; is sceneCategories.txt that of these photos?")
    notes = [
        f"{len(chosen):,} of {len(photos):,} photos are outdoors by spadework's own table of scenes; the papers' list "
        "was never published. Use --list FILE for another choice"
    ]
    open_scenes = Counter(scene_of.get(key[1], "") for key, verdict in verdicts.items() if verdict is None)
    if open_scenes:
        shown = ", ".join(f"{scene or 'no scene'} ({count})" for scene, count in open_scenes.most_common(5))
        more = ", ..." if len(open_scenes) > 5 else ""
        count = open_scenes.total()
        notes.append(f"{count:,} photos of scenes that the table does not know are left out: {shown}{more}")
    return chosen, notes


def _scenes(tree: SourceTree, photos: dict[Key, SourceFile]) -> dict[str, str]:
    """Name of a photo -> its scene."""
    if full_release(tree):
        return {name: scene_of_path(file) for (_, name), file in photos.items()}
    file = next(iter(tree.match(_SCENES).values()), None)
    if file is None:
        raise ValueError(
            f"{tree.root}: no sceneCategories.txt in it, which says what each photo shows; it lies beside images/ in "
            "ADEChallengeData2016.zip. Put it there, or give names with --list FILE"
        )
    lines = tree.read(file).decode("utf-8", errors="replace").splitlines()
    return {parts[0]: parts[1] for line in lines if len(parts := line.split()) == 2}
