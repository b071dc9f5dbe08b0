"""A judge for a model in training: every now and then, a segmenter says what its photos show and how real they look.

Training knows nothing of evaluation: it is handed such a callable. The numbers are for following one training; those to
publish come from `evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from spadework.data.pair_dataset import PairDataset
from spadework.evaluation.feature_distances import SegmenterFeatures
from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.ground_truth import IGNORED, match_classes
from spadework.evaluation.kernel import kernel_distance
from spadework.evaluation.moments import Moments
from spadework.evaluation.segmentation import confusion, segmentation_scores
from spadework.sample import Batch
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.segmenter import Segmenter
from spadework.synthesizer import Synthesizer
from spadework.systems.base import System

SCORES = ("segmenter_frechet", "segmenter_kernel", "mean_iou", "accuracy")
AT_ONCE = 8


class OnTheWay:
    """Scores of a system on label maps of `data`: so many `pictures`, evenly spread; style of seed 0.

    Raises ValueError for data whose classes the segmenter does not know, and for fewer than two pictures.
    """

    def __init__(self, segmenter: Segmenter, data: PairDataset, pictures: int = 200) -> None:
        self.truth = match_classes(data.ontology, segmenter.classes)
        self.segmenter = segmenter
        self.data = data
        self.pictures = min(pictures, len(data))
        if self.pictures < 2:
            raise ValueError(f"a judge wants at least 2 pictures; there are {self.pictures}")
        self._real: Tensor | None = None

    @classmethod
    def read(cls, folder: Path, data: PairDataset, pictures: int = 200) -> OnTheWay:
        """With the segmenter in a folder."""
        segmenter = OwnSegmenter.read(folder)
        try:
            return cls(segmenter, data, pictures)
        except ValueError as error:
            raise ValueError(f"--judge {folder}: {error}") from error

    @torch.no_grad()
    def __call__(self, system: System) -> dict[str, float]:
        """mean_iou and accuracy in 0..1; segmenter_frechet and segmenter_kernel, which are distances: lower is better.

        The system is in eval mode.
        """
        device = next(system.parameters()).device
        segmenter, features = self.segmenter.to(device), SegmenterFeatures(self.segmenter)
        synthesizer = Synthesizer(system, self.data.ontology, device=str(device))
        classes = len(segmenter.classes)
        matrix = torch.zeros(classes, classes, dtype=torch.int64)
        fakes, reals = [], []
        for batch in self._batches():
            photos = _bytes(synthesizer.batch(batch.label_map, instance_map=batch.instance_map)).to(device)
            matrix += confusion(self.truth(batch.label_map), segmenter.predict(photos).cpu(), classes, IGNORED)
            fakes.append(features(photos).cpu())
            if self._real is None:
                assert batch.photo is not None
                reals.append(features(_bytes(batch.photo).to(device)).cpu())
        if self._real is None:
            self._real = torch.cat(reals)
        real, fake = self._real, torch.cat(fakes)                                           # [N, F]
        scores = segmentation_scores(matrix, "truth")
        return {
            "mean_iou": scores.mean_iou,
            "accuracy": scores.accuracy,
            "segmenter_frechet": frechet_distance(Moments.of(real).gaussian, Moments.of(fake).gaussian),
            "segmenter_kernel": kernel_distance(real, fake).value,
        }

    def _batches(self) -> Iterator[Batch]:
        """The pictures in their order, several of one size at a time."""
        for _, group in groupby(self.data.some(self.pictures), lambda sample: sample.label_map.shape):
            samples = list(group)
            for first in range(0, len(samples), AT_ONCE):
                yield Batch.collate(samples[first : first + AT_ONCE])


def _bytes(photo: Tensor) -> Tensor:
    """[-1, 1] -> uint8, as files hold it."""
    return ((photo.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
