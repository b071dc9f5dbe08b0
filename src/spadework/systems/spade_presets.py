"""The settings of the SPADE paper (section 4 and appendix A) and of its ablations (Tables 3, 4 and 5)."""

from __future__ import annotations

from spadework.systems.base import Preset, Recipe
from spadework.systems.spade import SpadeConfig

PRESETS: dict[str, Preset] = {
    "coco": Preset(SpadeConfig(classes=183, edges=True, epochs=100), Recipe()),
    "ade20k": Preset(SpadeConfig(classes=151, epochs=100, decay_epochs=100), Recipe()),
    "ade20k-outdoor": Preset(SpadeConfig(classes=151, epochs=100, decay_epochs=100), Recipe()),
    "cityscapes": Preset(
        SpadeConfig(
            classes=35, edges=True, height=256, width=512, upsamplings="more", epochs=100, decay_epochs=100
        ),
        Recipe(preprocess="fixed"),
    ),
    "flickr-landscapes": Preset(SpadeConfig(classes=183, stem="style", encoder=True, epochs=50), Recipe()),
    "facades": Preset(SpadeConfig(classes=13), Recipe()),
    "tiny": Preset(
        SpadeConfig(
            height=64,
            width=64,
            generator_width=16,
            hidden=32,
            norm="batch",
            discriminator_width=16,
            discriminator_layers=3,
            perceptual_weight=0.0,
            epochs=200,
        ),
        Recipe(batch_size=4, preprocess="resize_and_crop", load_size=72),
    ),
}

VARIANTS: dict[str, dict[str, object]] = {
    "compact": {"generator_width": 48},
    "large": {"generator_width": 80},
    "random-input": {"stem": "style"},
    "kernel-1": {"kernel_size": 1},
    "kernel-5": {"kernel_size": 5},
    "batch-norm": {"norm": "batch"},
    "instance-norm": {"norm": "instance"},
    "concat": {"conditioning": "concat"},
    "deeper-discriminator": {"discriminator_layers": 5},
    "residual-discriminator": {"discriminator": "residual"},
    "spade-discriminator": {"discriminator": "spade"},
    "without-perceptual": {"perceptual_weight": 0.0},
    "without-feature-matching": {"feature_matching_weight": 0.0},
}
"""What each of the paper's variants changes in a preset."""
