"""CLADE (Tan et al. 2021, "Efficient Semantic Image Synthesis via Class-Adaptive Normalization", TPAMI).

What is new: the scale and shift of a pixel come from its class alone, looked up in a table, instead of from SPADE's
convolutions over the classes around it: the paper finds photos on a par, for a fraction of the work.

Shapes: K classes, H W the photo's size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from spadework.draw import Draw
from spadework.layers.class_modulation import CLADE, POSITIONS
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.regions import positions
from spadework.sample import Batch, Sample
from spadework.semantics import Semantics
from spadework.systems.base import Preset, Recipe
from spadework.systems.spade import Spade, SpadeFamilyConfig


@dataclass(frozen=True)
class CladeConfig(SpadeFamilyConfig):
    """SPADE's networks, objective and optimisation with another modulation; defaults are the released behaviour."""

    positions: bool = False
    """CLADE-ICPE: let scale and shift vary over a region, by each pixel's distance from its centroid."""
    unlabelled: int = 0
    """Index of the unlabelled class, whose regions get no positions; -1: there is none. The original takes 0 whatever
    the data: ADE20K's and Cityscapes' unlabelled class, but COCO-Stuff's persons."""


class Clade(Spade):
    """SPADE with its modulation exchanged, and with the positions that it may want."""

    config: CladeConfig
    config_type = CladeConfig

    @staticmethod
    def modulation(config: CladeConfig) -> dict[str, Callable[[int], nn.Module]]:
        """Class-adaptive normalisation; a channel made of the edges between objects, if there are any, is appended."""
        norm = PARAMETER_FREE_NORMS[config.norm]
        clade = partial(CLADE, classes=config.classes, norm=norm, edges=config.edges, positions=config.positions)
        return {"modulation": clade}

    @property
    def completes(self) -> bool:
        return self.config.positions

    def complete(self, sample: Sample, draw: Draw) -> Sample:
        """For ICPE, where each pixel lies in its region, computed from the map that the networks will see.

        The original computes it from the stored map, and flips it top to bottom where it mirrors the photo.
        """
        if not self.config.positions:
            return sample
        found = positions(sample.label_map, without=self.config.unlabelled)        # [2, H, W]
        return replace(sample, extras={**sample.extras, POSITIONS: found})

    def semantics(self, batch: Batch) -> Semantics:
        semantics = super().semantics(batch)
        if self.config.positions:
            semantics.maps[POSITIONS] = batch.extras[POSITIONS]
        return semantics


# The settings of the paper, which are SPADE's.

PRESETS: dict[str, Preset] = {
    "coco": Preset(CladeConfig(classes=183, edges=True, unlabelled=182, epochs=100), Recipe()),
    "ade20k": Preset(CladeConfig(classes=151, epochs=100, decay_epochs=100), Recipe()),
    "ade20k-outdoor": Preset(CladeConfig(classes=151, epochs=100, decay_epochs=100), Recipe()),
    "cityscapes": Preset(
        CladeConfig(
            classes=35, edges=True, height=256, width=512, upsamplings="more", epochs=100, decay_epochs=100
        ),
        Recipe(preprocess="fixed"),
    ),
    "tiny": Preset(
        CladeConfig(
            unlabelled=182,
            norm="batch",
            epochs=200,
            perceptual_weight=0.0,
            generator_width=16,
            discriminator_width=16,
            discriminator_layers=3,
            height=64,
            width=64,
        ),
        Recipe(batch_size=4, load_size=72),
    ),
}

VARIANTS: dict[str, dict[str, object]] = {"icpe": {"positions": True}}
"""What the paper's variant changes in a preset."""
