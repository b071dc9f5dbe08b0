"""The systems: one paper, one file."""

from spadework.systems.base import Preset, System
from spadework.systems.clade import PRESETS as CLADE_PRESETS
from spadework.systems.clade import VARIANTS as CLADE_VARIANTS
from spadework.systems.clade import Clade
from spadework.systems.oasis import Oasis
from spadework.systems.oasis_presets import PRESETS as OASIS_PRESETS
from spadework.systems.oasis_presets import VARIANTS as OASIS_VARIANTS
from spadework.systems.spade import Spade
from spadework.systems.spade_plus import PRESETS as SPADE_PLUS_PRESETS
from spadework.systems.spade_plus import VARIANTS as SPADE_PLUS_VARIANTS
from spadework.systems.spade_plus import SpadePlus
from spadework.systems.spade_presets import PRESETS as SPADE_PRESETS
from spadework.systems.spade_presets import VARIANTS as SPADE_VARIANTS

SYSTEMS: dict[str, type[System]] = {"spade": Spade, "spade-plus": SpadePlus, "clade": Clade, "oasis": Oasis}

PRESETS: dict[str, dict[str, Preset]] = {
    "spade": SPADE_PRESETS,
    "spade-plus": SPADE_PLUS_PRESETS,
    "clade": CLADE_PRESETS,
    "oasis": OASIS_PRESETS,
}
"""System -> name -> a setting of its paper."""

VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "spade": SPADE_VARIANTS,
    "spade-plus": SPADE_PLUS_VARIANTS,
    "clade": CLADE_VARIANTS,
    "oasis": OASIS_VARIANTS,
}
"""System -> name of an ablation -> what it changes in a preset's config."""
