"""The systems: one paper, one file."""

from spadework.systems.base import Preset, System
from spadework.systems.spade import Spade
from spadework.systems.spade_presets import PRESETS as SPADE_PRESETS
from spadework.systems.spade_presets import VARIANTS as SPADE_VARIANTS

SYSTEMS: dict[str, type[System]] = {"spade": Spade}

PRESETS: dict[str, dict[str, Preset]] = {"spade": SPADE_PRESETS}
"""System -> name -> a setting of its paper."""

VARIANTS: dict[str, dict[str, dict[str, object]]] = {"spade": SPADE_VARIANTS}
"""System -> name of an ablation -> what it changes in a preset's config."""
