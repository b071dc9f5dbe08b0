"""The settings of the OASIS paper (section 4 and appendix), and of its ablations."""

from __future__ import annotations

from dataclasses import replace

from spadework.systems.base import Preset, Recipe
from spadework.systems.oasis import OasisConfig

_ADE20K = OasisConfig(classes=151, unlabelled=0)
_RECIPE = Recipe(batch_size=32, average=0.9999, average_warm_up=False)

PRESETS: dict[str, Preset] = {
    "coco": Preset(OasisConfig(classes=183, unlabelled=182, epochs=100), _RECIPE),
    "ade20k": Preset(_ADE20K, _RECIPE),
    "ade20k-outdoor": Preset(_ADE20K, _RECIPE),
    "cityscapes": Preset(
        OasisConfig(
            classes=35, unlabelled=0, height=256, width=512, label_mix_weight=5.0, learning_rate=0.0004, epochs=200
        ),
        replace(_RECIPE, batch_size=20, preprocess="fixed", average=0.999),
    ),
    "tiny": Preset(
        OasisConfig(
            height=64,
            width=64,
            style_size=16,
            generator_width=16,
            hidden=32,
            norm="batch",
            discriminator_width=16,
            discriminator_layers=5,
            initialization_gain=1.0,
            learning_rate=0.0004,
        ),
        Recipe(batch_size=4, load_size=72, average=0.999),
    ),
}

VARIANTS: dict[str, dict[str, object]] = {
    "without-noise": {"style_size": 0},
    "without-label-mix": {"label_mix_weight": 0.0},
    "without-balance": {"class_weights": "none"},
    "with-perceptual": {"perceptual_weight": 10.0},
}
"""What each of the paper's ablations changes in a preset."""
