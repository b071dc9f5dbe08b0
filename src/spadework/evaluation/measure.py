"""What is measured of each picture, block by block; sums over all pictures are made from it later.

Shapes: B batch, K classes, F features, H W height and width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.evaluation.blocks import Block, BlockFolder, Results
from spadework.evaluation.feature_distances import NamedExtractor
from spadework.evaluation.ground_truth import IGNORED, GroundTruth
from spadework.evaluation.pictures import LabelMaps, Pictures
from spadework.evaluation.processes import Work
from spadework.evaluation.segmentation import confusion, ignored_pixels
from spadework.segmenters.segmenter import Segmenter

AT_ONCE = 4
"""Pictures of one size that a network sees together."""


@dataclass(frozen=True)
class SegmentWork(Work[Block]):
    """Per picture: its confusion matrix (the entries above 0), pixels left out, and the segmenter's features."""

    title: str
    pictures: Pictures
    label_maps: LabelMaps
    truth: GroundTruth
    make: Callable[[], Segmenter]
    store: BlockFolder
    device: str = "cpu"

    def is_done(self, block: Block) -> bool:
        """Whether the block's results are there."""
        return self.store.has(block)

    def start(self) -> Callable[[Block], None]:
        """Load the segmenter."""
        return partial(self._measure, self.make().to(self.device).eval())

    def _measure(self, segmenter: Segmenter, block: Block) -> None:
        begin = time.perf_counter()
        width, height = self.label_maps.size
        classes = len(self.truth.classes)
        entries, ignored, features = [], [], []
        row = 0
        for photos, places in same_size(self.pictures, block):
            photos = enlarged(photos, self.label_maps.size).to(self.device)
            predicted = segmenter.predict(photos, (height, width)).cpu()                # [B, H, W]
            features.append(segmenter.features(photos).float().cpu().numpy())
            for place, prediction in zip(places, predicted, strict=True):
                truth = self.truth(self.label_maps(place))
                counts = confusion(truth, prediction, classes, IGNORED).flatten()
                entries += [(row, int(cell), int(counts[cell])) for cell in counts.nonzero()]
                ignored.append(ignored_pixels(truth, IGNORED))
                row += 1
        self.store.write(
            block,
            {
                "entries": np.array(entries, np.int64).reshape(-1, 3),
                "ignored": np.array(ignored, np.int64),
                "features": np.concatenate(features),
                "seconds": np.array(time.perf_counter() - begin),
            },
        )


@dataclass(frozen=True)
class FeatureWork(Work[Block]):
    """Per picture: features of a network."""

    title: str
    pictures: Pictures
    make: Callable[[], NamedExtractor]
    store: BlockFolder
    device: str = "cpu"

    def is_done(self, block: Block) -> bool:
        """Whether the block's results are there."""
        return self.store.has(block)

    def start(self) -> Callable[[Block], None]:
        """Load the network."""
        return partial(self._measure, self.make())

    def _measure(self, extractor: NamedExtractor, block: Block) -> None:
        begin = time.perf_counter()
        batches = (photos.to(self.device) for photos, _ in same_size(self.pictures, block))
        features = [extractor(photos).float().cpu().numpy() for photos in batches]
        self.store.write(
            block, {"features": np.concatenate(features), "seconds": np.array(time.perf_counter() - begin)}
        )


def same_size(pictures: Pictures, block: Block) -> Iterator[tuple[Tensor, list[int]]]:
    """(photos [B, 3, H, W], their places): up to AT_ONCE neighbours of one size at a time, in order."""
    photos: list[Tensor] = []
    places: list[int] = []
    for place in block.places:
        photo = pictures(place)
        if photos and (len(photos) == AT_ONCE or photo.shape != photos[0].shape):
            yield torch.stack(photos), places
            photos, places = [], []
        photos.append(photo)
        places.append(place)
    yield torch.stack(photos), places


def enlarged(photos: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [B, 3, H, W] at (width, height): bilinear, align_corners off, rounded; unchanged where they have it."""
    width, height = size
    if tuple(photos.shape[-2:]) == (height, width):
        return photos
    return F.interpolate(photos.float(), (height, width), mode="bilinear").round().clamp(0, 255).to(torch.uint8)


# From what was stored.


def confusions(results: Results, classes: int) -> Tensor:
    """int64 [B, K, K]: the matrices of a block's pictures."""
    matrices = torch.zeros(len(results["ignored"]), classes * classes, dtype=torch.int64)
    row, cell, count = torch.from_numpy(results["entries"]).T
    matrices[row, cell] = count
    return matrices.view(-1, classes, classes)
