"""Several photos of one label map: how different they are.

Shapes: K photos per label map, H W height and width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spadework.evaluation.blocks import Block, BlockFolder
from spadework.evaluation.bootstrap import mean_interval
from spadework.evaluation.diversity import PairMeasure, of_maps
from spadework.evaluation.generate import GenerateWork
from spadework.evaluation.processes import Work
from spadework.synthesizer import Synthesizer

MAPS_PER_BLOCK = 4


class MeanDifference:
    """The plainest measure, which needs no weights: by how much values of pixels differ."""

    name = "mean_difference"

    def pairs(self, photos: Tensor) -> Tensor:
        """uint8 [K, 3, H, W] -> [K (K - 1) / 2]: mean absolute differences, in levels of 0..255."""
        values = photos.double()
        apart = [(values[i] - values[j]).abs().mean() for i, j in combinations(range(len(photos)), 2)]
        return torch.stack(apart) if apart else torch.empty(0, dtype=torch.float64)

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""
        return {"measure": "mean absolute difference of pixels, in levels of 0..255"}


@dataclass(frozen=True)
class Variety:
    """How much is generated to measure diversity and style fidelity."""

    maps: int = 32
    """Label maps, evenly spread over the data; 0: neither is measured."""
    styles: int = 10
    """Photos of each label map, in as many styles."""

    def __post_init__(self) -> None:
        if self.maps < 0 or self.styles < 2:
            raise ValueError(f"{self.maps} label maps in {self.styles} styles: expected 0 or more, in 2 or more")


@dataclass(frozen=True)
class DiversityWork(Work[Block]):
    """Per label map: the mean over all pairs of its K photos, by each measure."""

    generate: GenerateWork
    places: tuple[int, ...]
    """The label maps that are looked at; a block counts along these."""
    styles: int
    """K."""
    measures: tuple[str, ...]
    """Their names."""
    make: Callable[[], list[PairMeasure]]
    store: BlockFolder
    title = "diversity"

    def is_done(self, block: Block) -> bool:
        """Whether the block's results are there, by every measure."""
        results = self.store.read(block)
        return results is not None and results.keys() >= set(self.measures)

    def start(self) -> Callable[[Block], None]:
        """Load model and measures."""
        return partial(self._measure, self.generate.load(), self.make())

    def _measure(self, synthesizer: Synthesizer, measures: list[PairMeasure], block: Block) -> None:
        begin = time.perf_counter()
        means: dict[str, list[float]] = {measure.name: [] for measure in measures}
        for index in block.places:
            place, one = self.places[index], synthesizer.fresh()
            photos = [
                self.generate.pictures(one, range(place, place + 1), further)
                for further in range(1, self.styles + 1)
            ]
            for measure in measures:
                means[measure.name].append(measure.pairs(torch.cat(photos)).double().mean().item())
        arrays = {name: np.array(values) for name, values in means.items()}
        self.store.write(block, {**arrays, "seconds": np.array(time.perf_counter() - begin)})

    def sum_up(self, blocks: list[Block], seed: int) -> dict[str, Any]:
        """The mean over label maps of each measure, in JSON types."""
        measured: dict[str, Any] = {}
        for measure in self.make():
            per_map = np.concatenate([results[measure.name] for results in self.store.in_order(blocks)]).tolist()
            found = of_maps(per_map, self.styles, measure)
            interval = mean_interval(torch.tensor(found.per_map), seed)
            measured[found.name] = {
                "value": found.value,
                "interval": [interval.low, interval.high],
                "measure": found.measure,
            }
        pairs = self.styles * (self.styles - 1) // 2
        return {
            "label_maps": len(self.places),
            "photos_per_map": self.styles,
            "pairs_per_map": pairs,
            "measures": measured,
        }


def evenly_spread(count: int, limit: int) -> tuple[int, ...]:
    """Up to `limit` places among `count`, from the first on, in equal steps."""
    number = min(count, limit)
    return tuple(index * count // number for index in range(number))
