"""What every data set of pairs is, wherever its files lie: pairs -> samples of one size, all randomness from a draw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from spadework.data.doctor.look_at_all import QUICK
from spadework.data.doctor.quick import Check
from spadework.data.hand_drawn import hand_drawn
from spadework.data.ontology import Ontology
from spadework.data.preprocess import Preprocess, draw_geometry, preprocess
from spadework.draw import Draw
from spadework.sample import Sample


class PairDataset(torch.utils.data.Dataset[Sample], ABC):
    """Pairs 0, 1, ..., each read and preprocessed on demand; `FolderDataset` and `ShardDataset` say from where."""

    splits: frozenset[str]
    """The splits that there are."""
    ahead: int = 0
    """How many samples in advance `fetch_ahead` wants to know what will be read; 0: not at all."""

    def __init__(self, ontology: Ontology, settings: Preprocess | None, training: bool) -> None:
        self.ontology = ontology
        self.settings = settings or Preprocess()
        self.training = training

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def shard_sizes(self) -> tuple[int, ...]:
        """Samples that lie together and are best read together, in the order of indices; a folder is one shard."""

    @abstractmethod
    def read(self, index: int) -> tuple[Image.Image | None, Tensor, Tensor | None]:
        """Pair `index` as it was stored: RGB photo, [H, W] class indices, [H, W] object ids."""

    @abstractmethod
    def name(self, index: int) -> str:
        """What pair `index` is called: the stem of its files, with its pack's name before it where packs are merged."""

    @abstractmethod
    def check(self, limit: int = QUICK) -> Check:
        """How many pairs there are, and the share of each class; raises one ValueError that sums up what is wrong."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Which samples in which order, as JSON types: what a resumed run compares."""

    def fetch_ahead(self, index: int) -> None:
        """Be told that sample `index` will be read, `ahead` samples from now; returns at once."""

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`, unpacked, with the random numbers of seed 0; trainings use `sample`."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.sample(index, Draw(0, [index])).unpacked()

    def some(self, count: int) -> list[Sample]:
        """`count` samples (or all), evenly spread, unpacked: to look at. One that can't be read is left out.

        Raises the last one's ValueError or OSError where none can be read.
        """
        count = min(count, len(self))
        readable: list[Sample] = []
        failure: ValueError | OSError | None = None
        for i in range(count):
            try:
                readable.append(self[i * len(self) // count])
            except (ValueError, OSError) as error:
                failure = error
        if failure is not None and not readable:
            raise failure
        return readable

    def sample(self, index: int, draw: Draw) -> Sample:
        """Read and preprocess pair `index`, packed; all randomness (crop, flip, hand) comes from `draw`."""
        photo, label_map, instance_map = self.read(index)
        height, width = label_map.shape
        geometry = draw_geometry(self.settings, (width, height), draw, training=self.training)
        fill = 0 if self.settings.parity else self.ontology.unlabelled_index or 0
        packed, label_map, instance_map = preprocess(photo, label_map, instance_map, geometry, fill=fill)
        sample = Sample(label_map, self.name(index), packed, instance_map)
        if not self.training or not self.settings.hand_drawn:
            return sample
        return hand_drawn(sample, draw, self.settings.hand_drawn, self.ontology.unlabelled_index)


def names_fingerprint(names: Iterable[str]) -> str:
    """A hash of all names in their order."""
    return sha256("\n".join(names).encode()).hexdigest()
