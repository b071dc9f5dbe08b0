"""SPADE+ (Sushko et al. 2021): SPADE as the authors of OASIS trained it again, to compare with on equal terms.

What is new: nothing in the networks. The photos come from a moving average of the generator's weights, and the
feature-matching loss is left out. That the networks are SPADE's, and that there is a form with and one without the
perceptual loss, is published; the rest is the paper as remembered, not checked against a source (docs/oasis.md).
"""

from __future__ import annotations

from dataclasses import replace

from spadework.systems.base import Preset
from spadework.systems.spade import Spade
from spadework.systems.spade_presets import PRESETS as SPADE_PRESETS


class SpadePlus(Spade):
    """SPADE's networks and objective; what differs is in the presets."""


# Decay of the average, as in OASIS.
_AVERAGES = {"coco": 0.9999, "ade20k": 0.9999, "ade20k-outdoor": 0.9999, "cityscapes": 0.999}

PRESETS: dict[str, Preset] = {
    name: Preset(
        replace(SPADE_PRESETS[name].config, feature_matching_weight=0.0),
        replace(SPADE_PRESETS[name].recipe, average=average, average_warm_up=False),
    )
    for name, average in _AVERAGES.items()
} | {
    "tiny": Preset(
        replace(SPADE_PRESETS["tiny"].config, feature_matching_weight=0.0),
        replace(SPADE_PRESETS["tiny"].recipe, average=0.999),
    )
}

VARIANTS: dict[str, dict[str, object]] = {
    "without-perceptual": {"perceptual_weight": 0.0},
    "with-feature-matching": {"feature_matching_weight": 10.0},
    "with-encoder": {"stem": "style", "encoder": True},
}
"""The paper's second form, and parts that may be switched back."""
