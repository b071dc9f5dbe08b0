"""Style fidelity of a model: each chosen photo lends its style to a picture of its own label map.

Shapes: F features.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from spadework.evaluation.blocks import Block, BlockFolder, Results
from spadework.evaluation.generate import GenerateWork
from spadework.evaluation.moments import Gaussian
from spadework.evaluation.pictures import RealPhotos
from spadework.evaluation.processes import Work
from spadework.evaluation.style import Look, look, style_fidelity
from spadework.segmenters.segmenter import Segmenter
from spadework.synthesizer import Synthesizer


@dataclass(frozen=True)
class StyleWork(Work[Block]):
    """Per photo: its look, and that of the picture made in its style."""

    generate: GenerateWork
    places: tuple[int, ...]
    """The photos that lend their style; a block counts along these."""
    make: Callable[[], Segmenter] | None
    """A segmenter whose features are compared beside colours."""
    store: BlockFolder
    title = "style fidelity"

    def is_done(self, block: Block) -> bool:
        """Whether the block's results are there, with features where there is a segmenter now."""
        results = self.store.read(block)
        return results is not None and (self.make is None or "made_features" in results)

    def start(self) -> Callable[[Block], None]:
        """Load model and segmenter."""
        return partial(self._measure, self.generate.load(), None if self.make is None else self.make())

    def _measure(self, synthesizer: Synthesizer, segmenter: Segmenter | None, block: Block) -> None:
        begin = time.perf_counter()
        encoded = replace(self.generate, how=replace(self.generate.how, style="encoded"))
        photos = RealPhotos(self.generate.label_maps.dataset, self.generate.label_maps.size)
        features = None if segmenter is None else segmenter.features
        looks: dict[str, list[Look]] = {"made": [], "guide": []}
        with torch.no_grad():
            for index in block.places:
                place = self.places[index]
                looks["made"].append(look(encoded.pictures(synthesizer.fresh(), range(place, place + 1)), features))
                looks["guide"].append(look(photos(place)[None], features))
        arrays = {f"{side}_{name}": values for side in looks for name, values in _packed(looks[side]).items()}
        self.store.write(block, {**arrays, "seconds": np.array(time.perf_counter() - begin)})

    def sum_up(self, blocks: list[Block]) -> dict[str, Any]:
        """How near pictures come to the photos that lent their style, in JSON types."""
        made, guides = [], []
        for results in self.store.in_order(blocks):
            made += _unpacked(results, "made")
            guides += _unpacked(results, "guide")
        return asdict(style_fidelity(made, guides))


def _packed(looks: list[Look]) -> dict[str, np.ndarray]:
    arrays = {
        "mean": torch.stack([one.colors.mean for one in looks]).numpy(),
        "covariance": torch.stack([one.colors.covariance for one in looks]).numpy(),
    }
    features = [one.features for one in looks if one.features is not None]
    return {**arrays, "features": torch.stack(features).numpy()} if features else arrays


def _unpacked(results: Results, side: str) -> list[Look]:
    means, covariances = (torch.from_numpy(results[f"{side}_{name}"]) for name in ("mean", "covariance"))
    features = results.get(f"{side}_features")
    return [
        Look(Gaussian(mean, covariances[i], None), None if features is None else torch.from_numpy(features[i]))
        for i, mean in enumerate(means)
    ]
