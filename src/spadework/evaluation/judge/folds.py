"""Which photos a segmenter learns from: one of two halves that share no photo, and none that it is measured on.

A photo's fold follows from the SHA-256 of its file alone: it never moves, whatever is added, renamed or drawn.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from spadework.checksum import sha256_of
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology

Fold = Literal["judge", "loss", "all"]
"""judge: the half for networks that judge; loss: the other one, for networks inside losses; all: both."""
FOLDS: tuple[Fold, ...] = get_args(Fold)


@dataclass(frozen=True)
class Material:
    """What a segmenter is trained on, and what it is measured on."""

    training: FolderDataset
    digests: tuple[str, ...]
    """SHA-256 of each training photo's file, in the order of the pairs."""
    fold: Fold
    held_out: Mapping[str, FolderDataset]
    """Real photos that it never sees, by the name of their split."""

    def seed(self, seed: int) -> int:
        """The seed of everything random in training on this fold: folds share no random numbers."""
        return 3 * seed + FOLDS.index(self.fold)

    @property
    def listing(self) -> str:
        """One line per training photo, as `sha256sum` writes them: `SHA-256  NAME`."""
        pairs = zip(self.digests, self.training.pairs, strict=True)
        return "".join(f"{digest}  {pair.name}{pair.photo.suffix}\n" for digest, pair in pairs if pair.photo)


def choose_material(
    roots: Sequence[Path], fold: Fold, *, hold_out: float = 0.2, seed: int = 0, ontology: Ontology | None = None
) -> Material:
    """Training photos of one fold, and what to measure on: the splits `val` and `test` where the folders have them.

    Otherwise a share of the photos, drawn by seed, is held out. Photos to measure on are never trained on, even if
    their files lie in both places. Raises ValueError where nothing is left to train on.
    """
    data = FolderDataset(roots, ontology=ontology)
    digests = photo_digests(data)
    held_out = _splits(roots, data.ontology)
    if held_out:
        measured = {digest for dataset in held_out.values() for digest in photo_digests(dataset)}
    else:
        measured = drawn(digests, hold_out, seed)
        held_out = {"held out": chosen(data, [i for i, digest in enumerate(digests) if digest in measured])}

    kept = [i for i, digest in enumerate(digests) if digest not in measured and fold in ("all", fold_of(digest))]
    if not kept:
        raise ValueError(
            f"{', '.join(map(str, roots))}: of {len(data)} photos none is left to train on: {len(measured)} are held "
            f"out, and fold {fold!r} takes half of the others; add photos, or train on all of them with --fold all"
        )
    return Material(chosen(data, kept), tuple(digests[i] for i in kept), fold, held_out)


def fold_of(digest: str) -> Fold:
    """The half that a photo belongs to, from its file's SHA-256 in hexadecimal."""
    return "judge" if int(digest[0], 16) < 8 else "loss"


def drawn(digests: Sequence[str], share: float, seed: int) -> set[str]:
    """About `share` of the different photos, at least one: those first in an order that the seed draws."""
    different = set(digests)
    if not 0 < share < 1:
        raise ValueError(f"hold out {share}: expected a share between 0 and 1")
    if len(different) < 2:
        raise ValueError(f"{len(different)} photo: it takes at least 2 to train on one and measure on another")
    order = sorted(different, key=lambda digest: hashlib.sha256(f"{seed}/{digest}".encode()).digest())
    return set(order[: max(round(share * len(order)), 1)])


def photo_digests(data: FolderDataset) -> list[str]:
    """SHA-256 of each photo's file, in hexadecimal."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(sha256_of, [pair.photo for pair in data.pairs if pair.photo is not None]))


def chosen(data: FolderDataset, indices: Collection[int]) -> FolderDataset:
    """The same data with some of the pairs only."""
    part = copy.copy(data)
    part.pairs = [data.pairs[index] for index in indices]
    return part


def _splits(roots: Sequence[Path], ontology: Ontology) -> dict[str, FolderDataset]:
    """The splits to measure on, each of those folders that have it."""
    found = {}
    for split in ("val", "test"):
        having = [root for root in roots if split in FolderDataset(root, ontology=ontology).splits]
        if having:
            found[split] = FolderDataset(having, split=split, ontology=ontology)
    return found
